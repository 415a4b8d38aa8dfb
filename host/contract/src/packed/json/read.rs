//! JSON to packed.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;
use serde_json::{Map, Value};

use super::number::{read_float32, read_float64, read_integer};
use super::write::has_null;
use crate::packed::PackedError;
use crate::packed::layout::Integer;
use crate::packed::place::Place;
use crate::packed::writer::Writer;
use crate::path::Step;
use crate::short::short;
use crate::{Field, Shape, Type};

/// Adds the value at `place`, which is `json`.
pub(super) fn value(writer: &mut Writer, place: &Place<'_>, json: &Value) -> Result<(), PackedError> {
    place.check()?;
    if let Some(integer) = Integer::of(place.ty.shape()) {
        let number = read_integer(json, integer.width).ok_or_else(|| place.wrong(shown(json)))?;
        return writer.integer(integer, number, place);
    }
    match (place.ty.shape(), json) {
        (Shape::Bool, Value::Bool(value)) => writer.bool(*value),
        (Shape::F32, json) => writer.float32(read_float32(json).ok_or_else(|| place.wrong(shown(json)))?),
        (Shape::F64, json) => writer.float64(read_float64(json).ok_or_else(|| place.wrong(shown(json)))?),
        (Shape::Char, Value::String(text)) => {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(char), None) => writer.char(char),
                _ => Err(place.wrong(format!("{}, which is not one character", shown(json)))),
            }
        }
        (Shape::String, Value::String(text)) => writer.text(text),
        (Shape::List(element), Value::String(text)) if *element.shape() == Shape::U8 => {
            let bytes = base64(place, text)?;
            writer.length(bytes.len())?;
            writer.put(&bytes)
        }
        (Shape::List(element), Value::Array(array)) => {
            writer.length(array.len())?;
            elements(writer, place, element, array)
        }
        (Shape::FixedList(element, length), Value::String(text)) if *element.shape() == Shape::U8 => {
            let bytes = base64(place, text)?;
            match u32::try_from(bytes.len()) {
                Ok(count) if count == *length => writer.put(&bytes),
                _ => Err(place.wrong(format!("{} bytes", bytes.len()))),
            }
        }
        (Shape::FixedList(element, length), Value::Array(array)) => match u32::try_from(array.len()) {
            Ok(count) if count == *length => elements(writer, place, element, array),
            _ => Err(place.wrong(shown(json))),
        },
        (Shape::Tuple(parts), Value::Array(array)) if parts.len() == array.len() => {
            let mut parts = parts.iter().zip(array).enumerate();
            parts.try_for_each(|(index, (ty, part))| value(writer, &place.then(ty, Step::Position(index)), part))
        }
        (Shape::Record(fields), Value::Object(object)) => record(writer, place, fields, object),
        (Shape::Variant(cases), Value::String(name)) => {
            let index = place.ty.position(name).ok_or_else(|| place.wrong(format!("the case `{}`", short(name))))?;
            writer.discriminant(index, cases.len())?;
            match cases.get(index).and_then(|case| case.ty.as_ref()) {
                None => Ok(()),
                Some(ty) => Err(place.then(ty, Step::Name(name)).wrong("nothing: the case has a payload")),
            }
        }
        (Shape::Variant(cases), Value::Object(object)) => {
            let (name, payload) = single(place, object)?;
            let index = place.ty.position(name).ok_or_else(|| place.wrong(format!("the case `{}`", short(name))))?;
            writer.discriminant(index, cases.len())?;
            match cases.get(index).and_then(|case| case.ty.as_ref()) {
                Some(ty) => value(writer, &place.then(ty, Step::Name(name)), payload),
                None => Err(place.wrong(format!(
                    "a payload for `{}`, which has none: write \"{}\"",
                    short(name),
                    short(name)
                ))),
            }
        }
        (Shape::Enum(cases), Value::String(name)) => {
            let index = place.ty.position(name).ok_or_else(|| place.wrong(format!("the case `{}`", short(name))))?;
            writer.discriminant(index, cases.len())
        }
        (Shape::Flags(names), Value::Array(array)) => {
            let mut set = Vec::new();
            for flag in array {
                let name = flag.as_str().ok_or_else(|| place.wrong(format!("{} for a flag", shown(flag))))?;
                set.push(place.ty.position(name).ok_or_else(|| place.wrong(format!("the flag `{}`", short(name))))?);
            }
            writer.flags(&set, names.len())
        }
        (Shape::Option(_), Value::Null) => writer.discriminant(0, 2),
        (Shape::Option(some), json) => {
            writer.discriminant(1, 2)?;
            let inner = place.then(some, Step::Some);
            match json {
                Value::Object(object) if has_null(some) => match object.get("some") {
                    Some(json) if object.len() == 1 => value(writer, &inner, json),
                    _ => Err(place.wrong(format!("{}; write {{\"some\": ...}}", shown(json)))),
                },
                json if has_null(some) => Err(place.wrong(format!("{}; write {{\"some\": ...}}", shown(json)))),
                json => value(writer, &inner, json),
            }
        }
        (Shape::Result { ok, err }, Value::Object(object)) => {
            let (name, payload) = single(place, object)?;
            let (index, ty) = match name {
                "ok" => (0, ok),
                "err" => (1, err),
                other => return Err(place.wrong(format!("`{}`, which is neither `ok` nor `err`", short(other)))),
            };
            writer.discriminant(index, 2)?;
            match (ty, payload) {
                (Some(ty), payload) => value(writer, &place.then(ty, Step::Name(name)), payload),
                (None, Value::Null) => Ok(()),
                (None, _) => Err(place.wrong(format!("a payload for `{name}`, which has none: write null"))),
            }
        }
        (_, json) => Err(place.wrong(shown(json))),
    }
}

fn elements(writer: &mut Writer, place: &Place<'_>, element: &Type, array: &[Value]) -> Result<(), PackedError> {
    let mut array = array.iter().enumerate();
    array.try_for_each(|(index, json)| value(writer, &place.then(element, Step::Index(index)), json))
}

fn record(
    writer: &mut Writer,
    place: &Place<'_>,
    fields: &[Field],
    object: &Map<String, Value>,
) -> Result<(), PackedError> {
    // Told first: a name that is misspelt is missing, too, and says more.
    if fields.iter().filter(|field| object.contains_key(&field.name)).count() < object.len() {
        let known: HashSet<_> = fields.iter().map(|field| field.name.as_str()).collect();
        let unknown = object.keys().find(|name| !known.contains(name.as_str()));
        let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).take(16).collect();
        return Err(PackedError::unexpected(
            &place.path,
            format!("a record with {}", short(&names.join(", "))),
            format!("a field `{}`", short(unknown.map_or("", String::as_str))),
        ));
    }
    for field in fields {
        let place = place.then(&field.ty, Step::Name(&field.name));
        match (object.get(&field.name), field.ty.shape()) {
            (Some(json), _) => value(writer, &place, json)?,
            (None, Shape::Option(_)) => value(writer, &place, &Value::Null)?,
            (None, _) => return Err(place.wrong("nothing: the field is missing")),
        }
    }
    Ok(())
}

/// The only entry of an object that stands for a case.
fn single<'j>(place: &Place<'_>, object: &'j Map<String, Value>) -> Result<(&'j str, &'j Value), PackedError> {
    let mut entries = object.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        _ => Err(place.wrong(format!("an object with {} keys, where the one key is the case", object.len()))),
    }
}

fn base64(place: &Place<'_>, text: &str) -> Result<Vec<u8>, PackedError> {
    let decoded = STANDARD_PAD_INDIFFERENT.decode(text);
    decoded.map_err(|error| place.wrong(format!("a string that is no base64: {error}")))
}

/// What some JSON is, for people.
pub(super) fn shown(json: &Value) -> String {
    match json {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => short(number),
        Value::String(text) => format!("the string \"{}\"", short(text)),
        Value::Array(array) => format!("an array of {}", array.len()),
        Value::Object(object) => {
            let keys: Vec<_> = object.keys().map(String::as_str).take(16).collect();
            if keys.is_empty() {
                "an empty object".to_owned()
            } else {
                format!("an object with {}", short(&keys.join(", ")))
            }
        }
    }
}
