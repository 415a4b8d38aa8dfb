//! `patchbay publish`: publish one message.

use std::io::Read;
use std::path::Path;

use patchbay_model::bus::{Topic, is_structured};

use crate::args::PublishArgs;
use crate::client::view::Receipt;
use crate::client::{Client, MessageHeaders};
use crate::failure::{Failure, FailureKind};
use crate::screen::{NAME, Screen, WARN, styled};

/// Publishes a message, and says where it is.
///
/// # Errors
/// If the data cannot be read, the host cannot be reached, or it refuses.
pub(crate) async fn run(args: &PublishArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let data = data(args.data.as_deref())?;
    let receipt = client.publish(&args.topic, about(args, &data)?, data).await?;
    if screen.json {
        return screen.value(&receipt);
    }
    Ok(screen.line(told(&args.topic, &serde_json::from_value(receipt)?))?)
}

/// What the message carries.
fn data(given: Option<&str>) -> Result<Vec<u8>, Failure> {
    match given {
        None => Ok(Vec::new()),
        Some("-") => {
            let mut data = Vec::new();
            std::io::stdin().lock().read_to_end(&mut data)?;
            Ok(data)
        }
        Some(text) => match text.strip_prefix('@') {
            Some(file) => std::fs::read(Path::new(file))
                .map_err(|error| Failure::failed(format!("cannot read the data from `{file}`: {error}"))),
            None => Ok(text.as_bytes().to_vec()),
        },
    }
}

/// What is said of the message besides its data.
fn about(args: &PublishArgs, data: &[u8]) -> Result<MessageHeaders, Failure> {
    let given = [
        ("id", &args.id),
        ("source", &args.source),
        ("type", &args.kind),
        ("subject", &args.subject),
        ("partitionkey", &args.key),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let extensions = args.extensions.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let attributes: Vec<_> = given.chain(extensions).collect();
    let content_type = args.content_type.as_deref().or_else(|| media_type(data));
    if let (Some((name, _)), true) = (attributes.first(), content_type.is_some_and(is_structured)) {
        let message = format!("the data is the whole message, so it has to have the attribute `{name}` itself");
        return Err(Failure::new(FailureKind::Usage, message));
    }
    let mut headers = MessageHeaders::default();
    for (name, value) in attributes {
        headers.attribute(name, value)?;
    }
    if let Some(content_type) = content_type {
        headers.content_type(content_type)?;
    }
    for (name, value) in &args.headers {
        headers.sent_along(name, value)?;
    }
    Ok(headers)
}

/// The media type of data that nobody says. A number or a word may be JSON or not, so nothing is said of those.
fn media_type(data: &[u8]) -> Option<&'static str> {
    let is_structure = matches!(data.trim_ascii_start().first(), Some(b'{' | b'['));
    let is_json = is_structure && serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok();
    is_json.then_some("application/json")
}

fn told(topic: &Topic, receipt: &Receipt) -> String {
    let (id, topic) = (styled(NAME, &receipt.id), styled(NAME, topic));
    match (receipt.sequence, receipt.duplicate) {
        (Some(at), true) => {
            let already = styled(WARN, "was there already");
            format!("{id} {already}, at {at} of {topic}; nothing was added")
        }
        (None, true) => format!("{id} {} in {topic}; nothing was added", styled(WARN, "was there already")),
        (Some(at), false) => format!("{id} is stored at {at} of {topic}"),
        (None, false) => format!("{id} went to those that are subscribed to {topic} now; it is not stored"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn args(options: &str) -> PublishArgs {
        let line = format!("patchbay publish shop.orders {options}");
        match Cli::try_parse_from(line.split_whitespace()).unwrap().command {
            Command::Publish(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn json_says_what_it_is() {
        for (data, wanted) in [
            ("{\"a\": 1}", Some("application/json")),
            (" [1]", Some("application/json")),
            ("{a}", None),
            ("5", None),
            ("tea", None),
            ("", None),
        ] {
            assert_eq!(media_type(data.as_bytes()), wanted, "{data}");
        }
    }

    #[test]
    fn a_whole_message_has_its_own_attributes() {
        let whole = "--content-type application/cloudevents+json";
        assert!(about(&args(&format!("{whole} --header a=b")), b"{}").is_ok());
        for option in ["--id 1", "--key k", "--extension region=eu"] {
            let failure = about(&args(&format!("{whole} {option}")), b"{}").unwrap_err();
            assert_eq!(failure.kind, FailureKind::Usage, "{failure}");
        }
        assert!(about(&args("--id 1 --key k --content-type text/plain"), b"{}").is_ok());
    }

    #[test]
    fn data_comes_from_where_it_is() {
        assert_eq!(data(None).unwrap(), b"");
        assert_eq!(data(Some("tea")).unwrap(), b"tea");
        let manifest = data(Some(concat!("@", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).unwrap();
        assert!(manifest.starts_with(b"[package]"));
        assert!(data(Some("@/nowhere/at/all")).unwrap_err().to_string().contains("/nowhere/at/all"));
    }

    #[test]
    fn a_receipt_is_a_sentence() {
        let topic = "shop.orders".parse().unwrap();
        for (json, wanted) in [
            (r#"{"id":"17","level":"durable","sequence":4,"duplicate":false}"#, "17 is stored at 4 of shop.orders"),
            (
                r#"{"id":"17","level":"durable","sequence":4,"duplicate":true}"#,
                "17 was there already, at 4 of shop.orders; nothing was added",
            ),
            (
                r#"{"id":"17","level":"volatile","duplicate":false}"#,
                "17 went to those that are subscribed to shop.orders now; it is not stored",
            ),
        ] {
            let said = told(&topic, &serde_json::from_str(json).unwrap());
            assert_eq!(anstream::adapter::strip_str(&said).to_string(), wanted);
        }
    }
}
