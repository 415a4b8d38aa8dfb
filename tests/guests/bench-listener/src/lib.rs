//! A service that acknowledges every message, to measure deliveries with. It looks at the data, as whoever handles a message
//! does.

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "bench:listener/listener", path: ["../../../wit/host.wit", "wit"], generate_all });
}

use bindings::exports::patchbay::host::message_handler::{Delivery, Guest, Message, Outcome};

bindings::export!(Listener with_types_in bindings);

struct Listener;

impl Guest for Listener {
    fn handle(message: Message, _delivery: Delivery) -> Outcome {
        match message.data.first() {
            Some(b'!') => Outcome::Reject("it begins with an exclamation mark".to_owned()),
            _ => Outcome::Acknowledge,
        }
    }
}
