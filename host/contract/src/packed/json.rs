//! Packed values as JSON, and back. The mapping is in `docs/packed.md`.

mod number;
mod read;
mod write;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::PackedError;
use super::place::Place;
use super::reader::Reader;
use super::writer::Writer;
use crate::path::Path;
use crate::short::short;
use crate::{Function, Shape, Type};
use write::Allowance;

/// What a value without a name is called in errors.
const VALUE: &str = "value";

/// The packed value of type `ty` in `bytes` as JSON.
///
/// # Errors
/// [`PackedError`] if `bytes` are no such value, or its JSON would be too large.
pub fn to_json(ty: &Type, bytes: &[u8]) -> Result<Value, PackedError> {
    whole(&Place::root(ty, VALUE), bytes)
}

/// The JSON `value` as a packed value of type `ty`.
///
/// # Errors
/// [`PackedError`] with the first thing in `value` that does not fit the type.
pub fn from_json(ty: &Type, value: &Value) -> Result<Vec<u8>, PackedError> {
    let mut writer = Writer::default();
    read::value(&mut writer, &Place::root(ty, VALUE), value)?;
    Ok(writer.finish())
}

/// The packed arguments of a call of `function` as a JSON object, by the names of the parameters.
///
/// # Errors
/// [`PackedError`] if `bytes` are no such arguments, or their JSON would be too large.
pub fn arguments_to_json(function: &Function, bytes: &[u8]) -> Result<Value, PackedError> {
    let (mut reader, mut allowance) = (Reader::new(bytes), Allowance::default());
    let mut object = Map::new();
    for param in &function.params {
        let value = write::value(&mut reader, &mut allowance, &Place::root(&param.ty, &param.name))?;
        object.insert(param.name.clone(), value);
    }
    reader.finish()?;
    Ok(Value::Object(object))
}

/// The arguments of a call of `function`, as a JSON object by name or as an array by position, packed. Options may be
/// left out of the object, and at the end of the array.
///
/// # Errors
/// [`PackedError`] with the first thing in `arguments` that does not fit the parameters.
pub fn arguments_from_json(function: &Function, arguments: &Value) -> Result<Vec<u8>, PackedError> {
    let name = function.shown_name();
    let call = Path::root(&name);
    let wrong = |found: String| PackedError::unexpected(&call, format!("`{}`", short(&function.signature())), found);
    let mut writer = Writer::default();
    let known = |name: &str| function.params.iter().any(|param| param.name == name);
    match arguments {
        Value::Object(object) => {
            if let Some(name) = object.keys().find(|name| !known(name)) {
                return Err(wrong(format!("an argument `{}`", short(name))));
            }
        }
        Value::Array(array) if array.len() > function.params.len() => {
            return Err(wrong(format!("{} arguments", array.len())));
        }
        Value::Array(_) => {}
        other => return Err(wrong(format!("{}; arguments are an object or an array", read::shown(other)))),
    }
    for (index, param) in function.params.iter().enumerate() {
        let place = Place::root(&param.ty, &param.name);
        let argument = match arguments {
            Value::Array(array) => array.get(index),
            other => other.get(&param.name),
        };
        match (argument, param.ty.shape()) {
            (Some(argument), _) => read::value(&mut writer, &place, argument)?,
            (None, Shape::Option(_)) => read::value(&mut writer, &place, &Value::Null)?,
            (None, _) => return Err(place.wrong("nothing: the argument is missing")),
        }
    }
    Ok(writer.finish())
}

/// The packed result of a call of `function` as JSON; `null` if it has none.
///
/// # Errors
/// [`PackedError`] if `bytes` are no such result, or its JSON would be too large.
pub fn result_to_json(function: &Function, bytes: &[u8]) -> Result<Value, PackedError> {
    match &function.result {
        Some(ty) => whole(&Place::root(ty, Path::RESULT), bytes),
        None => Reader::new(bytes).finish().map(|()| Value::Null),
    }
}

/// The result of a call of `function`, as JSON, packed; `null` if it has none.
///
/// # Errors
/// [`PackedError`] with the first thing in `value` that does not fit the result.
pub fn result_from_json(function: &Function, value: &Value) -> Result<Vec<u8>, PackedError> {
    let mut writer = Writer::default();
    match (&function.result, value) {
        (Some(ty), value) => read::value(&mut writer, &Place::root(ty, Path::RESULT), value)?,
        (None, Value::Null) => {}
        (None, value) => {
            return Err(PackedError::unexpected(&Path::root(Path::RESULT), "`null`: it has none", read::shown(value)));
        }
    }
    Ok(writer.finish())
}

fn whole(place: &Place<'_>, bytes: &[u8]) -> Result<Value, PackedError> {
    let mut reader = Reader::new(bytes);
    let value = write::value(&mut reader, &mut Allowance::default(), place)?;
    reader.finish()?;
    Ok(value)
}
