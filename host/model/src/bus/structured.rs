//! The structured content mode of CloudEvents 1.0: the whole message is one JSON object (JSON event format 1.0.2).

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::ser::{SerializeMap as _, Serializer as _};
use serde_json::Value;
use serde_json::value::RawValue;

use super::attributes::{AttributeError, SPEC_VERSION, is_extension_name, read_time, written_time};
use super::message::Message;
use super::topic::Topic;

/// The media type of a message in the structured mode.
pub const CLOUDEVENTS_JSON: &str = "application/cloudevents+json";

/// The media type of data that does not say its own.
const JSON: &str = "application/json";

/// Whether a media type, with or without parameters, is that of a message in the structured mode.
pub fn is_structured(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case(CLOUDEVENTS_JSON)
}

impl Message {
    /// The message as one JSON object. What is sent along as headers is not in it, and its topic and where an answer goes are
    /// neither: they have their own places in each protocol.
    ///
    /// Data of a JSON type is written as JSON, text as a text, and everything else in base64. Blanks around JSON are lost.
    ///
    /// # Errors
    /// [`AttributeError`] if an attribute cannot be written, see [`Message::check_attributes`].
    pub fn to_json(&self) -> Result<Bytes, AttributeError> {
        self.check_attributes()?;
        let mut json = Vec::with_capacity(self.size() + 256);
        // A JSON object of texts always has a form; an error could only come from the vector, which has none.
        self.write_json(&mut json).map_err(|error| AttributeError::NotJson(error.to_string()))?;
        Ok(json.into())
    }

    fn write_json(&self, json: &mut Vec<u8>) -> serde_json::Result<()> {
        let mut json = serde_json::Serializer::new(json);
        let mut members = json.serialize_map(None)?;
        members.serialize_entry("specversion", SPEC_VERSION)?;
        members.serialize_entry("id", &self.id)?;
        members.serialize_entry("source", &self.source)?;
        members.serialize_entry("type", &self.kind)?;
        members.serialize_entry("time", &written_time(self.time))?;
        for (name, value) in
            [("subject", &self.subject), ("datacontenttype", &self.content_type), ("dataschema", &self.data_schema)]
        {
            if let Some(value) = value {
                members.serialize_entry(name, value)?;
            }
        }
        for (name, value) in &self.extensions {
            members.serialize_entry(name, value)?;
        }
        match Data::of(self) {
            Data::None => {}
            Data::Json(value) => members.serialize_entry("data", value)?,
            Data::Text(text) => members.serialize_entry("data", text)?,
            Data::Binary(bytes) => members.serialize_entry("data_base64", &BASE64.encode(bytes))?,
        }
        members.end()
    }

    /// Reads a message in the structured mode. `time` is that of the message if it has none of its own.
    ///
    /// Data without a media type is `application/json`, as the format says. An extension that is a number or a boolean becomes its
    /// text.
    ///
    /// # Errors
    /// [`AttributeError`] that names the attribute which is missing or not what it has to be.
    pub fn from_json(topic: Topic, json: &[u8], time: SystemTime) -> Result<Self, AttributeError> {
        let not_json = |error: serde_json::Error| AttributeError::NotJson(error.to_string());
        let mut members: BTreeMap<String, &RawValue> = serde_json::from_slice(json).map_err(not_json)?;
        if required(&mut members, "specversion")? != SPEC_VERSION {
            return Err(AttributeError::invalid("specversion", format!("must be `{SPEC_VERSION}`")));
        }
        let id = required(&mut members, "id")?;
        let source = required(&mut members, "source")?;
        let kind = required(&mut members, "type")?;
        let time = optional(&mut members, "time")?.map_or(Ok(time), |text| read_time(&text))?;
        let subject = optional(&mut members, "subject")?;
        let data_schema = optional(&mut members, "dataschema")?;
        let (content_type, data) = data(&mut members)?;
        let mut extensions = Vec::with_capacity(members.len());
        for (name, value) in members {
            if let Some(value) = extension(&name, value)? {
                extensions.push((name, value));
            }
        }
        let headers = Vec::new();
        Ok(Self {
            topic,
            id,
            source,
            kind,
            time,
            subject,
            content_type,
            data_schema,
            extensions,
            headers,
            reply_to: None,
            data,
        })
    }
}

/// The form that data takes in JSON.
enum Data<'m> {
    None,
    Json(&'m RawValue),
    Text(&'m str),
    Binary(&'m [u8]),
}

impl<'m> Data<'m> {
    fn of(message: &'m Message) -> Self {
        if message.data.is_empty() {
            return Self::None;
        }
        // Without a media type, a member `data` would give it one.
        let content_type = message.content_type.as_deref().unwrap_or_default();
        if is_json(content_type) {
            return serde_json::from_slice(&message.data).map_or(Self::Binary(&message.data), Self::Json);
        }
        match std::str::from_utf8(&message.data) {
            Ok(text) if is_text(content_type) => Self::Text(text),
            _ => Self::Binary(&message.data),
        }
    }
}

/// The media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether data of this media type is JSON (section 3.1 of the format: any subtype `json`, or one that ends in `+json`).
fn is_json(content_type: &str) -> bool {
    let subtype = essence(content_type).split_once('/').map_or("", |(_, subtype)| subtype).to_ascii_lowercase();
    subtype == "json" || subtype.ends_with("+json")
}

/// Whether data of this media type is text in UTF-8.
fn is_text(content_type: &str) -> bool {
    let lower = content_type.to_ascii_lowercase();
    let kind = essence(&lower);
    let charset = lower.split("charset=").nth(1).map(|charset| charset.trim_matches(['"', ' ']));
    (kind.starts_with("text/") || kind.ends_with("/xml") || kind.ends_with("+xml"))
        && charset.is_none_or(|charset| charset.starts_with("utf-8") || charset.starts_with("us-ascii"))
}

/// Takes an attribute that is a text. `null` is the same as none.
fn optional(members: &mut BTreeMap<String, &RawValue>, name: &'static str) -> Result<Option<String>, AttributeError> {
    let Some(value) = members.remove(name) else { return Ok(None) };
    let text: Option<String> =
        serde_json::from_str(value.get()).map_err(|_| AttributeError::invalid(name, "must be a text"))?;
    Ok(text.filter(|text| !text.is_empty()))
}

fn required(members: &mut BTreeMap<String, &RawValue>, name: &'static str) -> Result<String, AttributeError> {
    optional(members, name)?.ok_or(AttributeError::Missing(name))
}

/// Takes the data and its media type.
fn data(members: &mut BTreeMap<String, &RawValue>) -> Result<(Option<String>, Bytes), AttributeError> {
    let content_type = optional(members, "datacontenttype")?;
    let json = members.remove("data").filter(|value| value.get() != "null");
    let binary = optional(members, "data_base64")?;
    match (json, binary) {
        (Some(_), Some(_)) => {
            Err(AttributeError::invalid("data_base64", "is there together with `data`; a message has one of them"))
        }
        (None, Some(text)) => BASE64
            .decode(text)
            .map(|data| (content_type, data.into()))
            .map_err(|error| AttributeError::invalid("data_base64", format!("is no base64: {error}"))),
        (None, None) => Ok((content_type, Bytes::new())),
        (Some(value), None) => {
            let content_type = content_type.unwrap_or_else(|| JSON.to_owned());
            let text = if is_json(&content_type) { None } else { serde_json::from_str::<String>(value.get()).ok() };
            let data = text.unwrap_or_else(|| value.get().to_owned());
            Ok((Some(content_type), data.into()))
        }
    }
}

/// The text of an extension; `None` if it is `null`.
fn extension(name: &str, value: &RawValue) -> Result<Option<String>, AttributeError> {
    if !is_extension_name(name) {
        return Err(AttributeError::invalid(name, "has no name for an attribute; use lower-case letters and digits"));
    }
    match serde_json::from_str(value.get()) {
        Ok(Value::Null) => Ok(None),
        Ok(Value::String(text)) => Ok(Some(text)),
        Ok(Value::Bool(_) | Value::Number(_)) => Ok(Some(value.get().to_owned())),
        Ok(Value::Array(_) | Value::Object(_)) | Err(_) => {
            Err(AttributeError::invalid(name, "must be a text, a number or a boolean"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bus::binary::tests::{any_message, message};

    fn read(json: &str) -> Result<Message, AttributeError> {
        Message::from_json(message().topic, json.as_bytes(), SystemTime::UNIX_EPOCH)
    }

    fn with(members: &str) -> Result<Message, AttributeError> {
        read(&format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t"{members}}}"#))
    }

    #[test]
    fn a_message_is_one_object() {
        let mut message = message();
        message.content_type = Some(JSON.to_owned());
        message.data = Bytes::from_static(b"{\"a\": 1.10}");
        message.set_key("k");
        assert_eq!(
            message.to_json().unwrap(),
            r#"{"specversion":"1.0","id":"1","source":"/services/orders","type":"OrderCreated","time":"1970-01-01T00:00:00Z","datacontenttype":"application/json","partitionkey":"k","data":{"a": 1.10}}"#
        );
    }

    #[test]
    fn data_is_written_by_its_media_type() {
        for (content_type, data, member) in [
            (None, &b"{}"[..], r#""data_base64":"e30=""#),
            (Some("application/json"), b"{}", r#""data":{}"#),
            (Some("application/vnd.a+JSON; x=y"), b"\"text\"", r#""data":"text""#),
            (Some("application/json"), b"{", r#""data_base64":"ew==""#),
            (Some("text/plain"), b"a\"b", r#""data":"a\"b""#),
            (Some("text/plain; charset=latin1"), b"a", r#""data_base64":"YQ==""#),
            (Some("text/plain"), b"\xff", r#""data_base64":"/w==""#),
            (Some("image/png"), b"a", r#""data_base64":"YQ==""#),
        ] {
            let message =
                Message { content_type: content_type.map(str::to_owned), data: Bytes::from_static(data), ..message() };
            let json = message.to_json().unwrap();
            assert!(std::str::from_utf8(&json).unwrap().contains(member), "{json:?} {member}");
            assert_eq!(Message::from_json(message.topic.clone(), &json, message.time).unwrap(), message);
        }
    }

    #[test]
    fn data_is_read_by_its_media_type() {
        for (members, content_type, data) in [
            (r#","data":{"a": 1}"#, Some("application/json"), "{\"a\": 1}"),
            (r#","data":"text""#, Some("application/json"), "\"text\""),
            (r#","data":"text","datacontenttype":"text/xml""#, Some("text/xml"), "text"),
            (r#","data":{},"datacontenttype":"text/xml""#, Some("text/xml"), "{}"),
            (r#","data":null"#, None, ""),
            (r#","data_base64":"e30=""#, None, "{}"),
        ] {
            let message = with(members).unwrap();
            assert_eq!(
                (message.content_type.as_deref(), &message.data[..]),
                (content_type, data.as_bytes()),
                "{members}"
            );
        }
    }

    #[test]
    fn extensions_become_texts() {
        let message = with(r#","a":"x","b":7,"c":true,"d":null,"e":12345678901234567890123"#).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            message.extensions,
            [pair("a", "x"), pair("b", "7"), pair("c", "true"), pair("e", "12345678901234567890123")]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (json, named) in [
            ("", "no JSON object"),
            ("[]", "no JSON object"),
            ("{}", "`specversion` is missing"),
            (r#"{"specversion":"0.3","id":"1","source":"/s","type":"t"}"#, "`specversion` must be `1.0`"),
            (r#"{"specversion":"1.0","id":"","source":"/s","type":"t"}"#, "`id` is missing"),
            (r#"{"specversion":"1.0","id":1,"source":"/s","type":"t"}"#, "`id` must be a text"),
            (r#"{"specversion":"1.0","id":"1","source":"/s"}"#, "`type` is missing"),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        for (members, named) in [
            (r#","time":"now""#, "`time`"),
            (r#","Trace":"x""#, "`Trace`"),
            (r#","a_b":"x""#, "`a_b`"),
            (r#","a":{}"#, "`a` must be a text, a number or a boolean"),
            (r#","data":1,"data_base64":"YQ==""#, "`data_base64` is there together"),
            (r#","data_base64":"%""#, "`data_base64` is no base64"),
        ] {
            let error = with(members).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn media_types_of_the_mode_are_known() {
        for (content_type, known) in [
            ("application/cloudevents+json", true),
            ("Application/CloudEvents+JSON; charset=utf-8", true),
            ("application/cloudevents-batch+json", false),
            ("application/json", false),
        ] {
            assert_eq!(is_structured(content_type), known, "{content_type}");
        }
    }

    proptest! {
        #[test]
        fn every_message_survives_json(mut message in any_message(), json in option_json()) {
            message.headers.clear();
            if let Some(json) = json {
                (message.content_type, message.data) = (Some("text/json".to_owned()), json.into());
            }
            message.extensions.sort();
            let json = message.to_json().unwrap();
            prop_assert_eq!(Message::from_json(message.topic.clone(), &json, SystemTime::UNIX_EPOCH).unwrap(), message);
        }

        #[test]
        fn no_json_panics(
            noise in prop::collection::vec(any::<u8>(), 0..60),
            name in "[a-z_]{1,12}|data|data_base64|time|datacontenttype",
            value in "[0-9]{1,30}|\"\\PC{0,20}\"|null|true|\\[\\]|\\{",
        ) {
            let _ = Message::from_json(message().topic, &noise, SystemTime::UNIX_EPOCH);
            let _ = with(&format!(r#","{name}":{value}"#));
        }
    }

    fn option_json() -> impl Strategy<Value = Option<String>> {
        prop::option::of(prop_oneof![
            Just("{\"a\": [1, 2.50]}".to_owned()),
            Just("\"x\"".to_owned()),
            "[0-9]{1,5}".prop_map(|n| format!("1{n}"))
        ])
    }
}
