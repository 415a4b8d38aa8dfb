//! Orders: what is asked for, and what becomes of it.

use serde::{Deserialize, Serialize};

/// An order as a customer sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct NewOrder {
    items: Vec<Item>,
}

/// Some of one product.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    sku: String,
    quantity: u32,
}

/// An order as the shop knows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) order_id: u64,
    status: Status,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<Item>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Status {
    Confirmed,
}

impl NewOrder {
    /// Checks the order and gives it a number of six digits, made from `random`. The error names the wrong field.
    pub(crate) fn accept(self, random: u64) -> Result<Order, String> {
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
        let order_id = 100_000 + random % 900_000;
        Ok(Order { order_id, status: Status::Confirmed, items: self.items })
    }
}

impl Order {
    /// The order with this number. Orders are not kept anywhere yet, so every number is that of a confirmed one.
    pub(crate) fn confirmed(order_id: u64) -> Self {
        Self { order_id, status: Status::Confirmed, items: Vec::new() }
    }
}
