//! The other services that an order needs, as far as this one looks at them.

use serde::Serialize;

use crate::order::{Address, Item, Payment, Refused};

/// What items cost, in the smallest unit of the currency.
#[derive(Debug)]
pub(crate) struct Quote {
    pub(crate) total: u64,
    /// One for each item.
    pub(crate) amounts: Vec<u64>,
}

/// A parcel that is on its way.
#[derive(Debug, Serialize)]
pub(crate) struct Parcel {
    pub(crate) id: String,
    /// How many days it takes.
    pub(crate) days: u32,
}

/// What others do. Whatever can be undone can be undone twice, and without having been done.
pub(crate) trait Partners {
    /// What the items cost.
    fn quote(&self, items: &[Item], currency: &str) -> Result<Quote, Refused>;
    /// Keeps an item for the order; the reservation.
    fn reserve(&self, item: &Item) -> Result<String, Refused>;
    /// Gives up a reservation.
    fn release(&self, item: &Item, reservation: &str);
    /// Charges the order with the amount of each item; the receipt.
    fn charge(
        &self,
        order: u64,
        amounts: &[(&Item, u64)],
        currency: &str,
        payment: &Payment,
    ) -> Result<String, Refused>;
    /// Gives back what the order was charged.
    fn refund(&self, order: u64);
    /// Sends the items of the order.
    fn dispatch(&self, order: u64, address: &Address, items: &[Item]) -> Result<Parcel, Refused>;
    /// Calls the parcel of the order back.
    fn cancel(&self, order: u64);
    /// Tells whoever wants to know that a user has this order.
    fn announce(&self, order: u64, user: u64) -> Result<(), Refused>;
}
