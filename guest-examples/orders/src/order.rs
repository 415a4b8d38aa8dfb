//! Orders: what is asked for, and what becomes of it.

use serde::{Deserialize, Serialize};

/// What orders cost is told in this currency, in its smallest unit.
const CURRENCY: &str = "EUR";

/// An order as a customer sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct NewOrder {
    items: Vec<Item>,
}

/// Some of one product.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
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
}

/// The other services that an order needs.
pub(crate) trait Partners {
    /// Keeps an item for the order; the reservation.
    fn reserve(&self, item: &Item) -> Result<String, Refused>;
    /// Gives up a reservation.
    fn release(&self, item: &Item, reservation: &str);
    /// What the items cost together, in the smallest unit of the currency.
    fn total(&self, items: &[Item], currency: &str) -> Result<u64, Refused>;
}

impl NewOrder {
    /// Accepts the order if everything in it can be had, and gives it a number of six digits, made from `random`. What
    /// was kept for an order that is refused after all is given up again.
    pub(crate) fn accept(self, random: u64, partners: &impl Partners) -> Result<Order, Refused> {
        self.check().map_err(Refused::Wrong)?;
        let amount = partners.total(&self.items, CURRENCY)?;
        let mut kept = Vec::new();
        for item in &self.items {
            match partners.reserve(item) {
                Ok(reservation) => kept.push((item, reservation)),
                Err(refused) => {
                    kept.iter().for_each(|(item, reservation)| partners.release(item, reservation));
                    return Err(refused);
                }
            }
        }
        let total = Some(Total { amount, currency: CURRENCY });
        Ok(Order { order_id: 100_000 + random % 900_000, status: Status::Confirmed, items: self.items, total })
    }

    /// The error names the wrong field.
    fn check(&self) -> Result<(), String> {
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
}

impl Order {
    /// The order with this number. Orders are not kept anywhere yet, so every number is that of a confirmed one.
    pub(crate) fn confirmed(order_id: u64) -> Self {
        Self { order_id, status: Status::Confirmed, items: Vec::new(), total: None }
    }
}
