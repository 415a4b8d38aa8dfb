//! A service that handles messages with the draft of WASI. It does with them what they say.

use std::cell::RefCell;
use std::time::Duration;

use wish::Wish;

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        world: "test:listener/listener-wasi",
        path: ["../../../wit/wasi-messaging.wit", "wit"],
        generate_all,
    });
}

use bindings::exports::test::listener::notes;
use bindings::exports::wasi::messaging::incoming_handler::Guest;
use bindings::wasi::messaging::producer;
use bindings::wasi::messaging::request_reply::{self, RequestOptions};
use bindings::wasi::messaging::types::{Client, Error, Message};

bindings::export!(Listener with_types_in bindings);

struct Listener;

thread_local! {
    static NOTES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn note(line: String) {
    NOTES.with_borrow_mut(|notes| notes.push(line));
}

impl notes::Guest for Listener {
    fn take() -> String {
        NOTES.take().join("\n")
    }
}

impl Guest for Listener {
    fn handle(message: Message) -> Result<(), Error> {
        let wish = Wish::read(&message.data());
        if wish == Wish::Nothing {
            return Ok(());
        }
        note(attribute(&message, "ce-id").unwrap_or_default());
        match wish {
            Wish::Retry(_) | Wish::Until(_) => Err(Error::Other("as it was asked to".to_owned())),
            Wish::Reject(_) => Err(Error::Timeout),
            Wish::Trap => panic!("as it was asked to"),
            Wish::Spin => loop {
                std::hint::spin_loop();
            },
            wish => work(wish, message),
        }
    }
}

fn work(wish: Wish, message: Message) -> Result<(), Error> {
    match wish {
        Wish::Sleep(ms) => std::thread::sleep(Duration::from_millis(ms)),
        Wish::Publish { topic, id, data } => {
            note(format!("{:?}", producer::send(&client()?, &topic, publication(data, id))));
        }
        Wish::Ask { topic, wanted, ms, data } => {
            let options = RequestOptions::new();
            options.set_timeout_ms(ms as u32);
            options.set_expected_replies(wanted);
            let answers = request_reply::request(&client()?, &topic, &publication(data, None), Some(options));
            note(format!("{:?}", answers.map(|answers| answers.iter().map(shown).collect::<Vec<_>>())));
        }
        Wish::Answer(data) => {
            for _ in 0..2 {
                note(format!("{:?}", request_reply::reply(&message, publication(data.clone(), None))));
            }
        }
        Wish::Keep(mib) => {
            let kept: Vec<_> = (0..mib).map(|_| Message::new(&vec![7; 1 << 20])).collect();
            note(format!("{}", kept.len()));
        }
        Wish::Forward(topic) => {
            let client = client()?;
            message.add_metadata("ce-subject", "forwarded");
            message.remove_metadata("gone");
            note(format!("{:?}", producer::send(&client, &topic, message)));
            note(format!("{:?}", client.disconnect()));
            note(format!("{:?}", producer::send(&client, &topic, Message::new(b"late"))));
        }
        Wish::Show => note(shown(&message)),
        _ => {}
    }
    Ok(())
}

fn client() -> Result<Client, Error> {
    Client::connect("default")
}

fn publication(data: String, id: Option<String>) -> Message {
    let message = Message::new(b"other");
    assert_eq!((message.topic(), message.content_type(), message.metadata()), (None, None, None));
    message.set_data(data.as_bytes());
    message.set_content_type("text/plain");
    message.set_metadata(&[("x".to_owned(), "y".to_owned()), ("ce-type".to_owned(), "Told".to_owned())]);
    message.add_metadata("h", "1");
    message.remove_metadata("x");
    if let Some(id) = id {
        message.add_metadata("ce-id", &id);
    }
    message.add_metadata("ce-tenant", "acme");
    message
}

fn attribute(message: &Message, name: &str) -> Option<String> {
    message.metadata()?.into_iter().find(|(own, _)| own == name).map(|(_, value)| value)
}

fn shown(message: &Message) -> String {
    let data = String::from_utf8_lossy(&message.data()).into_owned();
    format!("{:?} {:?} {:?} {data}", message.topic(), message.content_type(), message.metadata())
}
