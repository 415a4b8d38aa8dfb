//! The steps of an order that have an effect in another service, and how they are given up.

use crate::order::{CURRENCY, Item, NewOrder, Refused};
use crate::partners::{Parcel, Partners, Quote};

/// What was done for an order, or may have been.
pub(crate) struct Steps<'a, P> {
    order: u64,
    partners: &'a P,
    /// Products and their reservations.
    kept: Vec<(&'a Item, String)>,
    charged: bool,
    dispatched: bool,
}

impl<'a, P: Partners> Steps<'a, P> {
    /// None yet.
    pub(crate) fn of(order: u64, partners: &'a P) -> Self {
        Self { order, partners, kept: Vec::new(), charged: false, dispatched: false }
    }

    /// Takes one step after the other, up to the first that fails; the receipt and the parcel.
    pub(crate) fn take(&mut self, new: &'a NewOrder, quote: &Quote) -> Result<(String, Parcel), Refused> {
        for item in &new.items {
            let reservation = self.partners.reserve(item)?;
            self.kept.push((item, reservation));
        }
        let amounts: Vec<_> = new.items.iter().zip(quote.amounts.iter().copied()).collect();
        let receipt = self.partners.charge(self.order, &amounts, CURRENCY, &new.payment);
        self.charged = may_be_done(&receipt);
        let receipt = receipt?;
        let parcel = self.partners.dispatch(self.order, &new.address, &new.items);
        self.dispatched = may_be_done(&parcel);
        let parcel = parcel?;
        // The last step: what was told cannot be taken back.
        self.partners.announce(self.order, new.user_id)?;
        Ok((receipt, parcel))
    }

    /// Gives up what was done, the last step first.
    pub(crate) fn give_up(self) {
        if self.dispatched {
            self.partners.cancel(self.order);
        }
        if self.charged {
            self.partners.refund(self.order);
        }
        self.kept.iter().rev().for_each(|(item, reservation)| self.partners.release(item, reservation));
    }
}

/// Whether a step has to be undone, too, if the order is given up.
fn may_be_done<T>(outcome: &Result<T, Refused>) -> bool {
    matches!(outcome, Ok(_) | Err(Refused::Unclear(_)))
}
