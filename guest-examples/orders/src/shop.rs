//! The other services of the shop, as this one calls them: by their contracts.

use serde_json::json;

use crate::order::{Address, Item, Payment, Refused};
use crate::partners::{Parcel, Partners, Quote};

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "shop:orders/orders", path: ["../../wit/host.wit", "wit"], generate_all });
}

use bindings::patchbay::host::messaging::{self, ErrorKind, Publication};
use bindings::shop::inventory::stock;
use bindings::shop::payments::charges;
use bindings::shop::pricing::prices;
use bindings::shop::shipping::parcels;

/// The services that the host has linked this one to.
pub(crate) struct Shop;

impl Partners for Shop {
    fn quote(&self, items: &[Item], currency: &str) -> Result<Quote, Refused> {
        let line = |item: &Item| prices::Line { sku: item.sku.clone(), quantity: item.quantity };
        let lines: Vec<_> = items.iter().map(line).collect();
        match prices::quote_for(&lines, currency) {
            Ok(quote) => Ok(Quote { total: quote.total, amounts: quote.amounts }),
            Err(refusal) => Err(no_price(refusal)),
        }
    }

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

    fn charge(
        &self,
        order: u64,
        amounts: &[(&Item, u64)],
        currency: &str,
        payment: &Payment,
    ) -> Result<String, Refused> {
        let line = |&(item, amount): &(&Item, u64)| charges::Line { what: item.sku.clone(), amount };
        let lines: Vec<_> = amounts.iter().map(line).collect();
        let payment = match payment {
            Payment::Card(token) => charges::Payment::Card(token.clone()),
            Payment::Invoice => charges::Payment::Invoice,
        };
        match charges::charge(order, &lines, currency, &payment) {
            Ok(receipt) => Ok(receipt.id),
            Err(problem) => Err(not_charged(problem)),
        }
    }

    fn refund(&self, order: u64) {
        if let Err(problem) = charges::refund(order) {
            eprintln!("order {order} was not refunded: {problem:?}");
        }
    }

    fn dispatch(&self, order: u64, address: &Address, items: &[Item]) -> Result<Parcel, Refused> {
        let to = parcels::Address {
            name: address.name.clone(),
            street: address.street.clone(),
            postcode: address.postcode.clone(),
            city: address.city.clone(),
            country: address.country.clone(),
        };
        let item = |item: &Item| parcels::Item { sku: item.sku.clone(), quantity: item.quantity };
        let items: Vec<_> = items.iter().map(item).collect();
        match parcels::dispatch(order, &to, &items) {
            Ok(parcel) => Ok(Parcel { id: parcel.id, days: parcel.days }),
            Err(problem) => Err(not_dispatched(problem)),
        }
    }

    fn cancel(&self, order: u64) {
        if let Err(problem) = parcels::cancel(order) {
            eprintln!("the parcel of order {order} was not called back: {problem:?}");
        }
    }

    fn announce(&self, order: u64, user: u64) -> Result<(), Refused> {
        match messaging::publish(&created(order, user)) {
            Ok(_) => Ok(()),
            // Others may know of the order, so it stands.
            Err(error) if error.kind == ErrorKind::Timeout => {
                eprintln!("whether order {order} was announced is not known: {}", error.message);
                Ok(())
            }
            Err(error) => Err(Refused::Busy(format!("it could not be announced: {}", error.message))),
        }
    }
}

/// The event that there is an order.
fn created(order: u64, user: u64) -> Publication {
    let data = json!({ "event": "OrderCreated", "orderId": order, "userId": user });
    Publication {
        topic: "shop.orders.created".into(),
        data: data.to_string().into_bytes(),
        content_type: Some("application/json".into()),
        kind: Some("OrderCreated".into()),
        // However often it is published, it is one event.
        id: Some(format!("order-{order}-created")),
        subject: Some(format!("orders/{order}")),
        // What concerns one user stays in its order.
        key: Some(user.to_string()),
        extensions: Vec::new(),
        headers: Vec::new(),
        reply_to: None,
    }
}

fn no_price(refusal: prices::Refusal) -> Refused {
    match refusal {
        prices::Refusal::UnknownProduct(sku) => Refused::Unknown(sku),
        prices::Refusal::UnknownCurrency(code) => Refused::NoPrice(format!("there are no prices in {code}")),
        prices::Refusal::OutOfRange(most) => {
            Refused::NoPrice(format!("at most {most} pieces of a product have a price"))
        }
        prices::Refusal::WrongSize(most) => Refused::NoPrice(format!("at most {most} items have a price")),
    }
}

fn not_charged(problem: charges::Problem) -> Refused {
    use charges::Problem;
    match problem {
        Problem::Wrong(what) | Problem::Declined(what) => Refused::NotPaid(what),
        Problem::Charged(total) => Refused::NotPaid(format!("the order has been charged {total} cents")),
        Problem::Refunded => Refused::NotPaid("the order has been refunded".into()),
        Problem::Overloaded(fault) | Problem::Unavailable(fault) => Refused::Busy(fault),
        Problem::Fault(fault) => Refused::Unclear(fault),
    }
}

fn not_dispatched(problem: parcels::Problem) -> Refused {
    use parcels::Problem;
    match problem {
        Problem::Wrong(what) => Refused::NotSent(what),
        Problem::Unknown(sku) => Refused::NotSent(format!("`{sku}` cannot be sent")),
        Problem::TooHeavy(most) => Refused::NotSent(format!("a parcel weighs at most {most} grams")),
        Problem::Dispatched(id) => Refused::NotSent(format!("the order has been dispatched as {id}")),
        Problem::CalledOff => Refused::NotSent("the order has been called off".into()),
        Problem::Overloaded(fault) | Problem::Unavailable(fault) => Refused::Busy(fault),
        Problem::Fault(fault) => Refused::Unclear(fault),
    }
}
