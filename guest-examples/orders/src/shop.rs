//! The other services of the shop, as this one calls them: by their contracts.

use crate::order::{Item, Partners, Refused};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "orders", path: "wit", generate_all });
}

use bindings::shop::inventory::stock;
use bindings::shop::pricing::prices;

/// The services that the host has linked this one to.
pub(crate) struct Shop;

impl Partners for Shop {
    fn reserve(&self, item: &Item) -> Result<String, Refused> {
        let wanted = stock::Item { sku: item.sku.clone(), qty: item.quantity };
        match stock::reserve(&wanted) {
            Ok(reservation) => Ok(reservation.id),
            Err(stock::Refusal::Short(available)) => Err(Refused::Short { sku: item.sku.clone(), available }),
            Err(stock::Refusal::Unknown(_) | stock::Refusal::Nothing) => Err(Refused::Unknown(item.sku.clone())),
        }
    }

    fn release(&self, item: &Item, reservation: &str) {
        // One that is gone already need not be given up.
        let _ = stock::release(&item.sku, reservation);
    }

    fn total(&self, items: &[Item], currency: &str) -> Result<u64, Refused> {
        let line = |item: &Item| prices::Line { sku: item.sku.clone(), quantity: item.quantity };
        let lines: Vec<_> = items.iter().map(line).collect();
        prices::quote_for(&lines, currency).map(|quote| quote.total).map_err(|refusal| match refusal {
            prices::Refusal::UnknownProduct(sku) => Refused::Unknown(sku),
            prices::Refusal::UnknownCurrency(code) => Refused::NoPrice(format!("there are no prices in {code}")),
            prices::Refusal::OutOfRange(most) => {
                Refused::NoPrice(format!("at most {most} pieces of a product have a price"))
            }
            prices::Refusal::WrongSize(most) => Refused::NoPrice(format!("at most {most} items have a price")),
        })
    }
}
