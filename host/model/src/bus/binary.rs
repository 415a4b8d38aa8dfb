//! The binary content mode of CloudEvents 1.0: attributes are headers, and the data is the body as it is.
//!
//! The protocol bindings for HTTP and for NATS say the same of headers, so one pair of functions serves both: attributes are
//! in `ce-…`, percent-encoded, and the media type is in `content-type`. Every other header goes along untouched.

use std::borrow::Cow;

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::attributes::{
    AttributeError, CONTENT_TYPE, Defaults, PREFIX, SPEC_VERSION, attribute_of, is_attribute_header, read_time,
    written_time,
};
use super::message::Message;
use super::topic::Topic;

/// What the HTTP binding (section 3.1.3.2) has encoded in values: blanks, double quotes, percent signs, and everything that is
/// not printable ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

impl Message {
    /// Hands the message's headers to `put`, name and value, one after the other: its attributes in the binary mode, then what
    /// its publisher sends along. Topic, data and where an answer goes have their own places in each protocol.
    ///
    /// What [`Message::check_attributes`] refuses should not come here; a header with a name of attributes is left out.
    pub fn write_headers(&self, mut put: impl FnMut(&str, &str)) {
        let mut name = String::from(PREFIX);
        let mut attribute = |own: &str, value: &str| {
            name.truncate(PREFIX.len());
            name.push_str(own);
            put(&name, &Cow::from(utf8_percent_encode(value, ENCODED)));
        };
        attribute("specversion", SPEC_VERSION);
        attribute("id", &self.id);
        attribute("source", &self.source);
        attribute("type", &self.kind);
        attribute("time", &written_time(self.time));
        for (own, value) in [("subject", &self.subject), ("dataschema", &self.data_schema)] {
            if let Some(value) = value {
                attribute(own, value);
            }
        }
        for (own, value) in &self.extensions {
            attribute(own, value);
        }
        if let Some(content_type) = &self.content_type {
            put(CONTENT_TYPE, content_type);
        }
        for (own, value) in self.headers.iter().filter(|(own, _)| !is_attribute_header(own)) {
            put(own, value);
        }
    }

    /// Reads a message in the binary mode, from headers in any case. One without a single `ce-…` is a message, too: what is
    /// left out comes from `defaults`, which are asked for then only, and `type` becomes the topic.
    ///
    /// Where an attribute is there twice the first counts. A header `ce-…` whose name is none of an attribute is kept with
    /// the other headers.
    ///
    /// # Errors
    /// [`AttributeError::Invalid`] if it is of another version of CloudEvents, or its time is none.
    pub fn from_headers<'h>(
        topic: Topic,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        data: Bytes,
        defaults: impl FnOnce() -> Defaults,
    ) -> Result<Self, AttributeError> {
        let mut found = Found::default();
        for (name, value) in headers {
            found.take(name, value)?;
        }
        Ok(found.into_message(topic, data, defaults))
    }
}

/// What was found in headers so far.
#[derive(Default)]
struct Found {
    id: Option<String>,
    source: Option<String>,
    kind: Option<String>,
    time: Option<std::time::SystemTime>,
    subject: Option<String>,
    content_type: Option<String>,
    data_schema: Option<String>,
    extensions: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Found {
    fn take(&mut self, name: &str, value: &str) -> Result<(), AttributeError> {
        if name.eq_ignore_ascii_case(CONTENT_TYPE) {
            self.content_type.get_or_insert_with(|| value.to_owned());
            return Ok(());
        }
        let Some(own) = attribute_of(name) else {
            self.headers.push((name.to_owned(), value.to_owned()));
            return Ok(());
        };
        let value = decoded(value);
        let place = match own.as_str() {
            "specversion" if value == SPEC_VERSION => return Ok(()),
            "specversion" => return Err(AttributeError::invalid("specversion", format!("must be `{SPEC_VERSION}`"))),
            "time" if value.is_empty() => return Ok(()),
            "time" => {
                self.time = Some(read_time(&value)?);
                return Ok(());
            }
            "id" => &mut self.id,
            "source" => &mut self.source,
            "type" => &mut self.kind,
            "subject" => &mut self.subject,
            "dataschema" => &mut self.data_schema,
            // Where senders do not know that HTTP and NATS have a header for it.
            "datacontenttype" => &mut self.content_type,
            extension => {
                if self.extensions.iter().all(|(earlier, _)| earlier != extension) {
                    self.extensions.push((own, value));
                }
                return Ok(());
            }
        };
        if place.is_none() && !value.is_empty() {
            *place = Some(value);
        }
        Ok(())
    }

    fn into_message(self, topic: Topic, data: Bytes, defaults: impl FnOnce() -> Defaults) -> Message {
        let kind = self.kind.unwrap_or_else(|| topic.as_str().to_owned());
        let (id, source, time) = match (self.id, self.source, self.time) {
            (Some(id), Some(source), Some(time)) => (id, source, time),
            (id, source, time) => {
                let defaults = defaults();
                (id.unwrap_or(defaults.id), source.unwrap_or(defaults.source), time.unwrap_or(defaults.time))
            }
        };
        Message {
            topic,
            id,
            source,
            kind,
            time,
            subject: self.subject,
            content_type: self.content_type,
            data_schema: self.data_schema,
            extensions: self.extensions,
            headers: self.headers,
            reply_to: None,
            data,
        }
    }
}

/// The text that a header's value stands for: without the quotes that RFC 9110 allows around it, then percent-decoded once. What
/// is not encoded as it should be is taken as it is.
fn decoded(value: &str) -> String {
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(unescaped);
    percent_decode_str(quoted.as_deref().unwrap_or(value)).decode_utf8_lossy().into_owned()
}

/// The content of a quoted string, in which a backslash stands before a character that is meant as it is.
fn unescaped(quoted: &str) -> String {
    let mut text = String::with_capacity(quoted.len());
    let mut rest = quoted.chars();
    while let Some(next) = rest.next() {
        match next {
            '\\' => text.extend(rest.next()),
            plain => text.push(plain),
        }
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::super::attributes::is_extension_name;
    use super::*;

    pub(in crate::bus) fn message() -> Message {
        Message {
            topic: "shop.orders.created".parse().unwrap(),
            id: "1".to_owned(),
            source: "/services/orders".to_owned(),
            kind: "OrderCreated".to_owned(),
            time: SystemTime::UNIX_EPOCH,
            subject: None,
            content_type: None,
            data_schema: None,
            extensions: Vec::new(),
            headers: Vec::new(),
            reply_to: None,
            data: Bytes::from_static(b"{}"),
        }
    }

    pub(in crate::bus) fn defaults() -> Defaults {
        Defaults { id: "default".to_owned(), source: "/default".to_owned(), time: SystemTime::UNIX_EPOCH }
    }

    /// Any message that can be written.
    pub(in crate::bus) fn any_message() -> impl Strategy<Value = Message> {
        let text = || "\\PC{1,20}";
        let extension = ("[a-z0-9]{1,12}", ".{0,20}");
        let header = ("[A-Za-z][A-Za-z0-9-]{0,10}", "[!-~]{0,20}");
        let attributes =
            (text(), text(), text(), option::of(text()), option::of("[a-z]{1,5}/[a-z]{1,5}"), option::of(text()));
        let times = (0..253_402_300_799_u64, 0..1_000_000_000_u32);
        (attributes, times, vec(extension, 0..4), vec(header, 0..4), vec(any::<u8>(), 0..50)).prop_map(
            |((id, source, kind, subject, content_type, data_schema), (seconds, nanos), extensions, headers, data)| {
                let mut message = Message {
                    id,
                    source,
                    kind,
                    time: SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos),
                    subject,
                    content_type,
                    data_schema,
                    headers,
                    data: data.into(),
                    ..message()
                };
                for (name, value) in extensions.into_iter().filter(|(name, _)| is_extension_name(name)) {
                    message.set_extension(&name, value);
                }
                message.headers.retain(|(name, _)| !is_attribute_header(name));
                message
            },
        )
    }

    fn headers(message: &Message) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        message.write_headers(|name, value| headers.push((name.to_owned(), value.to_owned())));
        headers
    }

    fn read(headers: &[(impl AsRef<str>, impl AsRef<str>)]) -> Result<Message, AttributeError> {
        let headers = headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        Message::from_headers(message().topic, headers, message().data, defaults)
    }

    #[test]
    fn attributes_are_headers() {
        let mut message = message();
        message.subject = Some("Größe 10% \"x\"".to_owned());
        message.content_type = Some("application/json; charset=\"utf-8\"".to_owned());
        message.headers = vec![("X-A".to_owned(), "1".to_owned()), ("x-a".to_owned(), "2".to_owned())];
        message.set_key("k");
        let written: Vec<_> = headers(&message).into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            written,
            [
                "ce-specversion: 1.0",
                "ce-id: 1",
                "ce-source: /services/orders",
                "ce-type: OrderCreated",
                "ce-time: 1970-01-01T00:00:00Z",
                "ce-subject: Gr%C3%B6%C3%9Fe%2010%25%20%22x%22",
                "ce-partitionkey: k",
                "content-type: application/json; charset=\"utf-8\"",
                "X-A: 1",
                "x-a: 2",
            ]
        );
        assert_eq!(read(&headers(&message)).unwrap(), message);
    }

    #[test]
    fn a_message_without_attributes_gets_the_defaults() {
        let plain = read(&[("Content-Type", "text/plain"), ("X-A", "1")]).unwrap();
        assert_eq!((plain.id.as_str(), plain.source.as_str()), ("default", "/default"));
        assert_eq!((plain.kind.as_str(), plain.content_type.as_deref()), ("shop.orders.created", Some("text/plain")));
        assert_eq!(plain.headers, [("X-A".to_owned(), "1".to_owned())]);
        let half = read(&[("CE-ID", "own"), ("ce-source", "")]).unwrap();
        assert_eq!((half.id.as_str(), half.source.as_str()), ("own", "/default"));
    }

    #[test]
    fn reading_is_lenient() {
        let message = read(&[
            ("Ce-SpecVersion", "1.0"),
            ("CE-Id", "\"a\\\"%20b\""),
            ("ce-subject", "100%"),
            ("ce-id", "second"),
            ("Ce-CausationId", "c%FF"),
            ("ce-not_a-name", "kept"),
            ("ce-datacontenttype", "text/csv"),
        ])
        .unwrap();
        assert_eq!((message.id.as_str(), message.subject.as_deref()), ("a\" b", Some("100%")));
        assert_eq!(message.extension("causationid"), Some("c\u{fffd}"));
        assert_eq!(message.headers, [("ce-not_a-name".to_owned(), "kept".to_owned())]);
        assert_eq!(message.content_type.as_deref(), Some("text/csv"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (name, value) in [("ce-specversion", "0.3"), ("ce-time", "yesterday")] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(&name[3..]), "{error}");
        }
    }

    proptest! {
        #[test]
        fn every_message_survives_headers(message in any_message()) {
            prop_assert!(message.check_attributes().is_ok());
            let headers = headers(&message);
            for (name, value) in headers.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
                prop_assert!(value.bytes().all(|c| c.is_ascii_graphic()), "{} {}", name, value);
            }
            let read = Message::from_headers(
                message.topic.clone(),
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
                message.data.clone(),
                || panic!("nothing is left out"),
            );
            prop_assert_eq!(read.unwrap(), message);
        }

        #[test]
        fn no_header_panics(headers in vec(("(ce-)?\\PC{0,12}", ".{0,30}"), 0..8)) {
            let _ = read(&headers);
        }
    }
}
