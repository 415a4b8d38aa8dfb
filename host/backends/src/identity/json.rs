//! JSON that means the same to everybody who reads it: no member twice (RFC 8725, 2.4), and not nested for ever.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep values may be nested. Claims of real issuers have three or four levels.
const DEEPEST: usize = 16;

/// Reads an object.
///
/// # Errors
/// What is wrong with it, without quoting it.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { left: DEEPEST }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads one value, with so many levels left to go down.
struct Strict {
    left: usize,
}

impl Strict {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        let left = self.left.checked_sub(1).ok_or_else(|| E::custom("it is nested too deep"))?;
        Ok(Self { left })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("it has a number that is none"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = elements.next_element_seed(self.deeper()?)? {
            all.push(element);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.deeper()?)?;
            if all.insert(name, value).is_some() {
                return Err(A::Error::custom("it has a member twice"));
            }
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_means_one_thing_is_read() {
        let nested = |n: usize| format!("{{\"a\":{}1{}}}", "[".repeat(n), "]".repeat(n));
        for (text, accepted) in [
            (r#"{"a":1,"b":[true,null,-1,1.5,"x",{"a":{}}]}"#.to_owned(), true),
            ("{}".to_owned(), true),
            (" {} ".to_owned(), true),
            (r#"{"a":1,"a":1}"#.to_owned(), false),
            (r#"{"a":1,"\u0061":2}"#.to_owned(), false),
            (r#"{"a":{"b":1,"b":2}}"#.to_owned(), false),
            (r#"{"a":[{"b":1,"b":2}]}"#.to_owned(), false),
            (nested(DEEPEST - 1), true),
            (nested(DEEPEST), false),
            (nested(100_000), false),
            ("[]".to_owned(), false),
            ("1".to_owned(), false),
            ("{} {}".to_owned(), false),
            ("{}x".to_owned(), false),
            (r#"{"a":1e999}"#.to_owned(), false),
            (r#"{"a":NaN}"#.to_owned(), false),
            (r#"{"a":1,}"#.to_owned(), false),
            (r#"{"a":"\ud800"}"#.to_owned(), false),
            (String::new(), false),
        ] {
            let read = object(text.as_bytes());
            assert_eq!(read.is_ok(), accepted, "{}: {read:?}", text.chars().take(40).collect::<String>());
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
        assert_eq!(Value::Object(object(br#"{"a":[1,{"b":null}]}"#).unwrap()), json!({"a":[1,{"b":null}]}));
    }
}
