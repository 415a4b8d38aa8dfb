//! Packed to JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::number::{show_float32, show_float64, show_integer};
use crate::packed::place::Place;
use crate::packed::reader::{Part, Reader};
use crate::packed::{MAX_BYTES, PackedError};
use crate::path::Step;
use crate::{Shape, Type};

/// What a value costs besides its text: JSON in memory is larger than what it stands for.
const VALUE: usize = 32;

/// How much JSON may still be made. A byte of a packed value can stand for the long name of a case.
pub(super) struct Allowance(usize);

impl Default for Allowance {
    fn default() -> Self {
        Self(4 * MAX_BYTES)
    }
}

impl Allowance {
    fn spend(&mut self, cost: usize) -> Result<(), PackedError> {
        self.0 = self.0.checked_sub(cost).ok_or(PackedError::TooLarge { limit: 4 * MAX_BYTES })?;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<String, PackedError> {
        self.spend(text.len())?;
        Ok(text.to_owned())
    }
}

/// The JSON of the value at `place`.
pub(super) fn value(
    reader: &mut Reader<'_>,
    allowance: &mut Allowance,
    place: &Place<'_>,
) -> Result<Value, PackedError> {
    allowance.spend(VALUE)?;
    Ok(match reader.part(place)? {
        Part::Bool(value) => Value::Bool(value),
        Part::Integer(number) => show_integer(number),
        Part::F32(float) => show_float32(float),
        Part::F64(float) => show_float64(float),
        Part::Char(char) => Value::String(char.to_string()),
        Part::Text(text) => Value::String(allowance.text(text)?),
        Part::List(element, count) if *element.shape() == Shape::U8 => {
            let bytes = reader.take(count, place)?;
            allowance.spend(count.saturating_mul(2))?;
            Value::String(STANDARD.encode(bytes))
        }
        Part::List(element, count) => {
            let element = |index| value(reader, allowance, &place.then(element, Step::Index(index)));
            Value::Array((0..count).map(element).collect::<Result<_, _>>()?)
        }
        Part::Tuple(parts) => {
            let part = |(index, ty)| value(reader, allowance, &place.then(ty, Step::Position(index)));
            Value::Array(parts.iter().enumerate().map(part).collect::<Result<_, _>>()?)
        }
        Part::Record(fields) => {
            let mut object = Map::new();
            for field in fields {
                let key = allowance.text(&field.name)?;
                let field = value(reader, allowance, &place.then(&field.ty, Step::Name(&field.name)))?;
                object.insert(key, field);
            }
            Value::Object(object)
        }
        Part::Case(name, None) => Value::String(allowance.text(name)?),
        Part::Case(name, Some(ty)) => {
            let key = allowance.text(name)?;
            keyed(key, value(reader, allowance, &place.then(ty, Step::Name(name)))?)
        }
        Part::Flags(names) => {
            let name = |name: &str| {
                allowance.spend(VALUE)?;
                allowance.text(name).map(Value::String)
            };
            Value::Array(names.into_iter().map(name).collect::<Result<_, _>>()?)
        }
        Part::Option(None) => Value::Null,
        Part::Option(Some(ty)) => {
            let some = value(reader, allowance, &place.then(ty, Step::Some))?;
            if has_null(ty) { keyed("some".to_owned(), some) } else { some }
        }
        Part::Result(name, None) => keyed(name.to_owned(), Value::Null),
        Part::Result(name, Some(ty)) => {
            keyed(name.to_owned(), value(reader, allowance, &place.then(ty, Step::Name(name)))?)
        }
    })
}

/// Whether a value of the type may be `null`, which then cannot stand for none around it.
pub(super) fn has_null(ty: &Type) -> bool {
    matches!(ty.shape(), Shape::Option(_))
}

fn keyed(key: String, value: Value) -> Value {
    Value::Object(Map::from_iter([(key, value)]))
}
