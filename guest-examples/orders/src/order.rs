//! Orders: what is asked for, and what becomes of it.

use serde::{Deserialize, Serialize};

use crate::partners::{Parcel, Partners, Quote};
use crate::steps::Steps;

/// What orders cost is told in this currency, in its smallest unit.
pub(crate) const CURRENCY: &str = "EUR";

/// An order as a customer sends it. What is left out is as in a demo.
#[derive(Debug, Deserialize)]
pub(crate) struct NewOrder {
    pub(crate) items: Vec<Item>,
    #[serde(default)]
    pub(crate) payment: Payment,
    #[serde(default)]
    pub(crate) address: Address,
    /// Who orders.
    #[serde(default = "demo_user", rename = "userId")]
    pub(crate) user_id: u64,
}

const fn demo_user() -> u64 {
    456
}

/// Some of one product.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
}

/// How an order is paid: `{"card":"tok-demo"}` or `"invoice"`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Payment {
    /// By a card, which this token stands for.
    Card(String),
    /// Later, by an invoice.
    Invoice,
}

impl Default for Payment {
    fn default() -> Self {
        Self::Card("tok-demo".into())
    }
}

/// Where an order goes.
#[derive(Debug, Deserialize)]
pub(crate) struct Address {
    pub(crate) name: String,
    pub(crate) street: String,
    pub(crate) postcode: String,
    pub(crate) city: String,
    /// By ISO 3166-1: two capital letters.
    pub(crate) country: String,
}

impl Default for Address {
    fn default() -> Self {
        let [name, street, postcode, city, country] =
            ["A. Customer", "1 High Street", "10115", "Berlin", "DE"].map(str::to_owned);
        Self { name, street, postcode, city, country }
    }
}

/// An order as the shop knows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) order_id: u64,
    status: Status,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Total>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parcel: Option<Parcel>,
}

/// What an order costs.
#[derive(Debug, Serialize)]
struct Total {
    amount: u64,
    currency: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Status {
    Confirmed,
}

/// Why an order was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A field is wrong; this says which.
    Wrong(String),
    /// There is no product by this name.
    Unknown(String),
    /// Less of a product is available.
    Short { sku: String, available: u32 },
    /// There is no price for it, for this reason.
    NoPrice(String),
    /// It is not paid, for this reason.
    NotPaid(String),
    /// It cannot be sent, for this reason.
    NotSent(String),
    /// Another service did not begin its part, for this reason.
    Busy(String),
    /// Another service may or may not have done its part; this is what is known.
    Unclear(String),
}

impl NewOrder {
    /// Accepts the order if everything in it can be had, paid and sent, and gives it a number made from `random`. What was
    /// done for an order that is refused after all is given up again.
    pub(crate) fn accept(self, random: u64, partners: &impl Partners) -> Result<Order, Refused> {
        self.check().map_err(Refused::Wrong)?;
        let order_id = number(random);
        let quote = partners.quote(&self.items, CURRENCY)?;
        let mut steps = Steps::of(order_id, partners);
        match steps.take(&self, &quote) {
            Ok((receipt, parcel)) => {
                println!("confirmed order {order_id}");
                Ok(self.confirmed(order_id, &quote, receipt, parcel))
            }
            Err(refused) => {
                steps.give_up();
                println!("gave up order {order_id}: {refused:?}");
                Err(refused)
            }
        }
    }

    /// The error names the wrong field.
    fn check(&self) -> Result<(), String> {
        if self.user_id == 0 {
            return Err("userId: users are numbered from 1".into());
        }
        if self.items.is_empty() {
            return Err("items: an order has at least one item".into());
        }
        for (place, item) in self.items.iter().enumerate() {
            if item.sku.trim().is_empty() {
                return Err(format!("items[{place}].sku: must not be empty"));
            }
            if item.quantity == 0 {
                return Err(format!("items[{place}].quantity: must be at least 1"));
            }
        }
        Ok(())
    }

    fn confirmed(self, order_id: u64, quote: &Quote, receipt: String, parcel: Parcel) -> Order {
        let total = Some(Total { amount: quote.total, currency: CURRENCY });
        let (receipt, parcel) = (Some(receipt), Some(parcel));
        Order { order_id, status: Status::Confirmed, items: self.items, total, receipt, parcel }
    }
}

/// A number that no other order has, whichever instance makes it: 53 random bits, which every reader of JSON keeps exactly.
fn number(random: u64) -> u64 {
    (random >> 11).max(1)
}

impl Order {
    /// The order with this number. Orders are not kept anywhere yet, so every number is that of a confirmed one.
    pub(crate) fn known(order_id: u64) -> Self {
        Self { order_id, status: Status::Confirmed, items: Vec::new(), total: None, receipt: None, parcel: None }
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_from_1_to_what_json_keeps_exactly() {
        assert_eq!([0, 1, 5 << 11, u64::MAX].map(number), [1, 1, 5, (1 << 53) - 1]);
    }
}
