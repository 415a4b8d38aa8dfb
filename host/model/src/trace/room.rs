//! What a record of a service's own span has room for: texts of so many bytes each, and so many together.
//!
//! Values of attributes are JSON (`wasi:otel/types`). What is none is a text, and so is what an attribute has no place for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::attributes::{Attribute, AttributeValue};

/// Bytes of all texts of one span together.
const WHOLE: usize = 16 << 10;
/// Bytes of the name of a span, an event or a scope. What is beyond is cut off.
const NAME: usize = 256;
/// Bytes of the name of an attribute. One with a longer name is left out.
const KEY: usize = 128;
/// Bytes of a value. What is beyond is cut off.
const VALUE: usize = 4096;
/// Elements of a list. One with more is a text.
const ELEMENTS: usize = 64;
/// Bytes of JSON that are looked into. More of it is a text.
const JSON: usize = 16 << 10;

/// How values begin that are bytes.
const BYTES: &str = "data:application/octet-stream;base64,";

/// The beginning of names that are the host's own.
const RESERVED: &str = "patchbay.";
/// What is the host's to say of who makes a span.
const OF_HOST: [&str; 4] = ["service.name", "service.namespace", "service.instance.id", "service.version"];

/// What there is room for.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    left_out: u32,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: WHOLE, left_out: 0 }
    }
}

impl Room {
    /// Whether this is a name that only the host gives.
    pub(super) fn is_reserved(name: &str) -> bool {
        name.starts_with(RESERVED)
    }

    /// Attributes that were left out up to now.
    pub(super) const fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Whether nothing fits in any more.
    pub(super) const fn is_full(&self) -> bool {
        self.left == 0
    }

    /// Takes so many bytes, if they are there.
    pub(super) const fn takes(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// As much of a name as there is room for.
    pub(super) fn name(&mut self, name: String) -> String {
        self.text(name, NAME)
    }

    /// As much of a text as there is room for, and no more than `most` bytes.
    pub(super) fn text(&mut self, mut text: String, most: usize) -> String {
        text.truncate(text.floor_char_boundary(most.min(self.left)));
        // What was cut off is not held any longer.
        text.shrink_to_fit();
        self.left = self.left.saturating_sub(text.len());
        text
    }

    /// As many attributes as there is room for, and no more than `most`. Of two with one name the later one counts.
    pub(super) fn attributes(&mut self, told: Vec<(String, String)>, most: usize) -> Vec<Attribute> {
        let mut kept: Vec<Attribute> = Vec::with_capacity(told.len().min(most));
        for (name, value) in told {
            let earlier = kept.iter().position(|attribute| attribute.name == *name);
            let is_wrong = name.is_empty() || name.len() > KEY || Self::is_reserved(&name) || OF_HOST.contains(&&*name);
            if is_wrong || (earlier.is_none() && kept.len() >= most) || !self.takes(name.len()) {
                self.left_out = self.left_out.saturating_add(1);
                continue;
            }
            let attribute = Attribute { name: name.into(), value: self.value(value) };
            match earlier.and_then(|earlier| kept.get_mut(earlier)) {
                Some(earlier) => *earlier = attribute,
                None => kept.push(attribute),
            }
        }
        kept
    }

    fn value(&mut self, text: String) -> AttributeValue {
        let read = if text.len() <= JSON { serde_json::from_str(&text).ok() } else { None };
        match read {
            Some(Value::String(said)) => self.said(said),
            Some(Value::Bool(truth)) => AttributeValue::Flag(truth),
            Some(Value::Number(number)) => self.number(&number).unwrap_or_else(|| self.cut(text)),
            Some(Value::Array(elements)) => match self.list(&elements) {
                Some(list) => list,
                None => self.cut(text),
            },
            Some(Value::Null | Value::Object(_)) | None => self.cut(text),
        }
    }

    /// What a string of JSON says: bytes, or a text.
    fn said(&mut self, said: String) -> AttributeValue {
        let bytes = said.strip_prefix(BYTES).and_then(|bytes| STANDARD.decode(bytes).ok());
        match bytes.filter(|bytes| bytes.len() <= VALUE) {
            Some(bytes) if self.takes(bytes.len()) => AttributeValue::Bytes(bytes),
            _ => self.cut(said),
        }
    }

    fn cut(&mut self, text: String) -> AttributeValue {
        AttributeValue::Text(self.text(text, VALUE).into())
    }

    fn number(&self, number: &serde_json::Number) -> Option<AttributeValue> {
        number.as_i64().map(AttributeValue::Number).or_else(|| number.as_f64().map(AttributeValue::Real))
    }

    /// A list of texts, numbers, and yes and no. `None` if there is anything else in it, or too much.
    fn list(&mut self, elements: &[Value]) -> Option<AttributeValue> {
        let text: usize = elements.iter().filter_map(Value::as_str).map(str::len).sum();
        if elements.len() > ELEMENTS || text > VALUE {
            return None;
        }
        let one = |element: &Value| match element {
            Value::String(text) => Some(AttributeValue::Text(text.clone().into())),
            Value::Bool(truth) => Some(AttributeValue::Flag(*truth)),
            Value::Number(number) => self.number(number),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        let list = elements.iter().map(one).collect::<Option<Vec<_>>>()?;
        self.takes(text + size_of_val(list.as_slice())).then_some(AttributeValue::List(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> AttributeValue {
        AttributeValue::Text(text.to_owned().into())
    }

    #[test]
    fn values_are_json_and_whatever_is_none_is_text() {
        let long = "x".repeat(VALUE + 1);
        let list = |elements: &[AttributeValue]| AttributeValue::List(elements.to_vec());
        let many = format!("[{}1]", "1,".repeat(ELEMENTS));
        let deep = "[".repeat(4_000);
        for (told, value) in [
            ("\"tea\"", text("tea")),
            ("tea", text("tea")),
            ("", text("")),
            ("\"\\u00e9\\n\"", text("é\n")),
            ("42", AttributeValue::Number(42)),
            ("-1", AttributeValue::Number(-1)),
            ("1.5", AttributeValue::Real(1.5)),
            ("1e3", AttributeValue::Real(1000.0)),
            ("18446744073709551615", AttributeValue::Real(18_446_744_073_709_551_615.0)),
            ("1e999", text("1e999")),
            ("true", AttributeValue::Flag(true)),
            ("null", text("null")),
            (
                "[1,\"a\",false,2.5]",
                list(&[AttributeValue::Number(1), text("a"), AttributeValue::Flag(false), AttributeValue::Real(2.5)]),
            ),
            ("[]", list(&[])),
            ("[[1]]", text("[[1]]")),
            ("[null]", text("[null]")),
            ("{\"a\":1}", text("{\"a\":1}")),
            ("{\"a\":", text("{\"a\":")),
            (&many, text(&many)),
            (&deep, text(&deep)),
            ("\"data:application/octet-stream;base64,aGk=\"", AttributeValue::Bytes(b"hi".to_vec())),
            ("\"data:application/octet-stream;base64,?\"", text("data:application/octet-stream;base64,?")),
            (&long, text(&long[..VALUE])),
            (&format!("\"{long}\""), text(&long[..VALUE])),
            (&format!("\"é{}\"", "é".repeat(VALUE)), text(&"é".repeat(VALUE / 2))),
        ] {
            let read = Room::default().attributes(vec![("a".to_owned(), told.to_owned())], 1);
            assert_eq!(read, [Attribute { name: "a".into(), value }], "{}", &told[..told.len().min(80)]);
        }
    }

    #[test]
    fn names_are_bounded_and_the_hosts_are_its_own() {
        let longest = "k".repeat(KEY);
        for (name, kept) in [
            ("http.route", true),
            ("patchbay", true),
            ("service.peer.name", true),
            (&longest, true),
            ("", false),
            (&format!("{longest}k"), false),
            ("patchbay.call", false),
            ("service.name", false),
        ] {
            let mut room = Room::default();
            let read = room.attributes(vec![(name.to_owned(), "1".to_owned())], 9);
            assert_eq!((read.len(), room.left_out()), (usize::from(kept), u32::from(!kept)), "{name}");
        }
    }

    #[test]
    fn there_is_room_for_so_much_and_the_later_one_of_two_counts() {
        let mut room = Room::default();
        let told = (0..9).map(|n| (format!("k{}", n % 5), n.to_string())).collect();
        let read = room.attributes(told, 4);
        let read: Vec<_> = read.iter().map(|attribute| (&*attribute.name, attribute.value.clone())).collect();
        let number = AttributeValue::Number;
        assert_eq!(read, [("k0", number(5)), ("k1", number(6)), ("k2", number(7)), ("k3", number(8))]);
        assert_eq!(room.left_out(), 1);

        let told = (0..64).map(|n| (format!("k{n}"), format!("\"{}\"", "x".repeat(VALUE)))).collect();
        let mut room = Room::default();
        let read = room.attributes(told, 64);
        let size: usize = read.iter().map(|attribute| attribute.size() - size_of::<Attribute>()).sum();
        assert!(room.is_full() && size <= WHOLE, "{size}");
        assert_eq!(read.len() + room.left_out() as usize, 64);
    }
}
