//! Publishing a message, and the paths of topics and dead letters.

use patchbay_model::bus::Topic;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::Client;
use crate::failure::{Failure, FailureKind};

/// What is encoded in paths and queries. Dots stand between the tokens of a topic.
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// What CloudEvents over HTTP has encoded in attributes (section 3.1.3.2).
const IN_ATTRIBUTES: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// A text as it stands in a path or a query.
pub(crate) fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, IN_PATHS)
}

/// The path of a dead letter in the API.
pub(crate) fn dead_letter_path(topic: &str, sequence: u64) -> String {
    format!("/v1/dead-letters/{}/{sequence}", encoded(topic))
}

/// What is said of a message in the headers of the request that publishes it.
#[derive(Debug, Default)]
pub(crate) struct MessageHeaders(HeaderMap);

impl MessageHeaders {
    /// Adds an attribute.
    ///
    /// # Errors
    /// If its name is none of a header.
    pub(crate) fn attribute(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        self.add(&format!("ce-{name}"), utf8_percent_encode(value, IN_ATTRIBUTES).to_string().as_bytes())
    }

    /// Says the media type of the data.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn content_type(&mut self, value: &str) -> Result<(), Failure> {
        self.add("content-type", value.as_bytes())
    }

    /// Adds a header that is sent along.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn sent_along(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        self.add(&format!("message-header-{name}"), value.as_bytes())
    }

    fn add(&mut self, name: &str, value: &[u8]) -> Result<(), Failure> {
        let wrong = |what: &str| Failure::new(FailureKind::Usage, format!("`{name}` {what}"));
        let value = HeaderValue::from_bytes(value).map_err(|_| wrong("has a value that no header can have"))?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("is no name for a header"))?;
        self.0.append(name, value);
        Ok(())
    }
}

impl Client {
    /// Publishes a message, and is answered with its receipt.
    ///
    /// # Errors
    /// If the host cannot be reached or refuses.
    pub(crate) async fn publish(&self, topic: &Topic, about: MessageHeaders, data: Vec<u8>) -> Result<Value, Failure> {
        let path = format!("/v1/topics/{}/messages", encoded(topic.as_str()));
        let reply = self.send(self.request(Method::POST, &path).headers(about.0).body(data)).await?;
        self.json(reply).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_in_paths_and_headers_as_they_are_meant() {
        assert_eq!(dead_letter_path("dlq.a/b", 7), "/v1/dead-letters/dlq.a%2Fb/7");
        assert_eq!(encoded("shop.*.größe.>").to_string(), "shop.%2A.gr%C3%B6%C3%9Fe.%3E");
        let mut headers = MessageHeaders::default();
        headers.attribute("subject", "a b\"%ü").unwrap();
        headers.sent_along("Own", "ü").unwrap();
        headers.sent_along("own", "2").unwrap();
        assert_eq!(headers.0["ce-subject"], "a%20b%22%25%C3%BC");
        let own: Vec<_> = headers.0.get_all("message-header-own").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(own, ["ü".as_bytes(), b"2"]);
        assert_eq!(headers.sent_along("a b", "c").unwrap_err().kind, FailureKind::Usage);
        assert_eq!(headers.content_type("a\nb").unwrap_err().kind, FailureKind::Usage);
    }
}
