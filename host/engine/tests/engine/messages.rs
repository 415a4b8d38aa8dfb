//! Messages: handed to services that handle them, and published by them.

mod handled;
mod languages;
mod published;
mod wasi;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use patchbay_model::bus::{Delivery, Message, Patience, Verdict};
use patchbay_model::{CallContext, CallId, Fault, Hold, InstancePolicy, TypedCall};

use crate::harness::bus::message;
use crate::harness::{PATIENCE, Service, now, until};

/// The guests that handle messages with Patchbay's own interface, as `func` and as `async func`, with the policies that
/// each can have.
fn every_listener() -> impl Iterator<Item = (&'static str, InstancePolicy)> {
    use InstancePolicy::{Concurrent, Fresh, Reuse};
    let listeners = [("listener.wasm", &[Fresh, Reuse][..]), ("listener3.wasm", &[Fresh, Reuse, Concurrent])];
    listeners.into_iter().flat_map(|(guest, policies)| policies.iter().map(move |policy| (guest, *policy)))
}

/// A message that says what is to be done with it.
fn wish(text: &str) -> Message {
    Message { data: Bytes::copy_from_slice(text.as_bytes()), ..message("m-1", "shop.orders.created") }
}

/// The first attempt to deliver a message.
fn delivery(message: Message, within: Duration) -> Delivery {
    let deadline = now() + within;
    Delivery {
        context: Box::new(CallContext::new(CallId::new(7), deadline)),
        message: Arc::new(message),
        group: "probes".into(),
        patience: Arc::new(Patience::new(deadline, within)),
        hold: Hold::default(),
    }
}

impl Service {
    async fn deliver(&self, delivery: Delivery) -> Result<Verdict, Fault> {
        tokio::time::timeout(PATIENCE, self.prepared.deliver(delivery)).await.unwrap()
    }

    async fn tell(&self, text: &str) -> Result<Verdict, Fault> {
        self.deliver(delivery(wish(text), PATIENCE)).await
    }

    /// Waits until no instance has anything to do. Before that it may be another one that gets the next call.
    async fn rest(&self) {
        until(|| self.instances().live == self.instances().idle).await;
    }

    /// What the instance has noted since it was asked last.
    async fn notes(&self) -> Vec<String> {
        self.rest().await;
        let call = TypedCall {
            context: Box::new(CallContext::new(CallId::new(8), now() + PATIENCE)),
            function: &Arc::new("test:listener/notes@0.1.0.take".parse().unwrap()),
            arguments: Bytes::new(),
            hold: &Hold::default(),
        };
        let packed = tokio::time::timeout(PATIENCE, self.prepared.invoke(call)).await.unwrap().unwrap();
        let text = String::from_utf8(packed[4..].to_vec()).unwrap();
        // What was shown within a text.
        text.lines().map(|line| line.replace("\\\"", "\"")).collect()
    }
}
