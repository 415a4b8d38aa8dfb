//! A service that handles several messages at a time, with an `async func`. It does with them what they say.

use std::cell::{Cell, RefCell};

use wasip3::clocks::monotonic_clock::wait_for;
use wish::Wish;

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "test:listener/listener3", path: ["../../../wit/host.wit", "wit"], generate_all });
}

use bindings::exports::patchbay::host::async_message_handler::Guest;
use bindings::exports::test::listener::notes;
use bindings::patchbay::host::async_messaging;
use bindings::patchbay::host::identity;
use bindings::patchbay::host::message_handler::{Outcome, Retry};
use bindings::patchbay::host::messaging::{self, Delivery, Message, Publication};

bindings::export!(Listener with_types_in bindings);

struct Listener;

thread_local! {
    static NOTES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// Messages that the instance is at work on.
    static AT_WORK: Cell<u32> = const { Cell::new(0) };
}

fn note(line: String) {
    NOTES.with_borrow_mut(|notes| notes.push(line));
}

impl notes::Guest for Listener {
    async fn take() -> String {
        NOTES.take().join("\n")
    }
}

impl Guest for Listener {
    async fn handle(message: Message, delivery: Delivery) -> Outcome {
        let wish = Wish::read(&message.data);
        if wish == Wish::Nothing {
            return Outcome::Acknowledge;
        }
        AT_WORK.set(AT_WORK.get() + 1);
        let outcome = handle(wish, message, delivery).await;
        AT_WORK.set(AT_WORK.get() - 1);
        outcome
    }
}

async fn handle(wish: Wish, message: Message, delivery: Delivery) -> Outcome {
    note(format!("{} {}", message.id, delivery.attempt));
    match wish {
        Wish::Retry(after) => retry(after),
        Wish::Until(attempt) if delivery.attempt < attempt => retry(None),
        Wish::Reject(why) => Outcome::Reject(why),
        Wish::Trap => panic!("as it was asked to"),
        Wish::Spin => loop {
            std::hint::spin_loop();
        },
        Wish::Publish { topic, id, data } => {
            let published = async_messaging::publish(Publication { id, ..publication(topic, data) }).await;
            note(format!("{published:?}"));
            if published.is_ok() { Outcome::Acknowledge } else { retry(None) }
        }
        wish => {
            work(wish, &message, &delivery).await;
            Outcome::Acknowledge
        }
    }
}

fn retry(after: Option<u64>) -> Outcome {
    let after = after.map(|ms| ms * 1_000_000);
    Outcome::Retry(Retry { after, reason: Some("as it was asked to".to_owned()) })
}

async fn work(wish: Wish, message: &Message, delivery: &Delivery) {
    match wish {
        Wish::Sleep(ms) => {
            wait_for(ms * 1_000_000).await;
            note(format!("beside {}", AT_WORK.get() - 1));
        }
        Wish::Persist { ms, times } => {
            for _ in 0..times {
                note(format!("left {:?}", messaging::extend(ms * 1_000_000).map(|left| left / 1_000_000)));
                wait_for(ms * 500_000).await;
            }
        }
        Wish::Ask { topic, wanted, ms, data } => {
            let timeout = Some(ms).filter(|ms| *ms > 0).map(|ms| ms * 1_000_000);
            let answers = async_messaging::request(publication(topic, data), wanted, timeout).await;
            note(format!("{:?}", answers.map(|answers| answers.iter().map(shown).collect::<Vec<_>>())));
        }
        Wish::Answer(data) => {
            let to = message.reply_to.clone().unwrap_or_default();
            for _ in 0..2 {
                let answer = publication(String::new(), data.clone());
                note(format!("{:?}", async_messaging::reply(to.clone(), answer).await));
            }
        }
        Wish::Show => {
            note(shown(message));
            let current = messaging::current().map(|current| (current.group, current.attempt));
            note(format!("{} {} {current:?}", delivery.group, delivery.time_left / 1_000_000_000));
            let call = identity::current_call().expect("it is called");
            note(format!("{:?} {}", call.caller, call.attempt));
        }
        _ => {}
    }
}

fn publication(topic: String, data: String) -> Publication {
    Publication {
        topic,
        data: data.into_bytes(),
        content_type: Some("text/plain".to_owned()),
        kind: Some("Told".to_owned()),
        id: None,
        subject: Some("it".to_owned()),
        key: Some("k".to_owned()),
        extensions: vec![
            ("time".to_owned(), "2026-01-31T12:00:00Z".to_owned()),
            ("dataschema".to_owned(), "urn:schema".to_owned()),
            ("tenant".to_owned(), "acme".to_owned()),
        ],
        headers: vec![("h".to_owned(), "1".to_owned()), ("h".to_owned(), "2".to_owned())],
        reply_to: None,
    }
}

fn shown(message: &Message) -> String {
    let Message { topic, id, source, kind, time, subject, content_type, data_schema, .. } = message;
    let Message { key, extensions, headers, reply_to, data, .. } = message;
    let data = String::from_utf8_lossy(data);
    format!(
        "{topic} {id} {source} {kind} {time} {subject:?} {content_type:?} {data_schema:?} {key:?} {extensions:?} {headers:?} \
         {reply_to:?} {data}"
    )
}
