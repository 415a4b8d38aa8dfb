//! Whether bytes are packed values of their types.

use super::PackedError;
use super::layout::Integer;
use super::place::Place;
use super::reader::{Part, Reader};
use crate::path::{Path, Step};
use crate::{Function, Type};

/// Whether `bytes` are one packed value of each of `types`, one behind the other, and nothing else.
///
/// It goes through the bytes once and allocates nothing that a length in them could blow up.
///
/// # Errors
/// [`PackedError`] with the first thing that is wrong. Values without a name are called `0`, `1` and so on.
pub fn validate<'t>(types: impl IntoIterator<Item = &'t Type>, bytes: &[u8]) -> Result<(), PackedError> {
    let mut reader = Reader::new(bytes);
    for (index, ty) in types.into_iter().enumerate() {
        value(&mut reader, &Place::root(ty, &index.to_string()))?;
    }
    reader.finish()
}

/// Whether `bytes` are the packed arguments of a call of `function`.
///
/// # Errors
/// [`PackedError`] with the first thing that is wrong.
pub fn validate_arguments(function: &Function, bytes: &[u8]) -> Result<(), PackedError> {
    let mut reader = Reader::new(bytes);
    function.params.iter().try_for_each(|param| value(&mut reader, &Place::root(&param.ty, &param.name)))?;
    reader.finish()
}

/// Whether `bytes` are the packed result of a call of `function`; of one without a result, whether there are none.
///
/// # Errors
/// [`PackedError`] with the first thing that is wrong.
pub fn validate_result(function: &Function, bytes: &[u8]) -> Result<(), PackedError> {
    let mut reader = Reader::new(bytes);
    function.result.iter().try_for_each(|ty| value(&mut reader, &Place::root(ty, Path::RESULT)))?;
    reader.finish()
}

fn value(reader: &mut Reader<'_>, place: &Place<'_>) -> Result<(), PackedError> {
    match reader.part(place)? {
        Part::Bool(_)
        | Part::Integer(_)
        | Part::F32(_)
        | Part::F64(_)
        | Part::Char(_)
        | Part::Text(_)
        | Part::Flags(_) => Ok(()),
        Part::List(element, count) => match Integer::of(element.shape()) {
            // All bytes are numbers, so there is nothing to look at.
            Some(integer) => reader.take(count.saturating_mul(integer.width), place).map(drop),
            None => (0..count).try_for_each(|index| value(reader, &place.then(element, Step::Index(index)))),
        },
        Part::Tuple(parts) => {
            let mut parts = parts.iter().enumerate();
            parts.try_for_each(|(index, part)| value(reader, &place.then(part, Step::Position(index))))
        }
        Part::Record(fields) => {
            fields.iter().try_for_each(|field| value(reader, &place.then(&field.ty, Step::Name(&field.name))))
        }
        Part::Case(name, payload) | Part::Result(name, payload) => {
            payload.map_or(Ok(()), |ty| value(reader, &place.then(ty, Step::Name(name))))
        }
        Part::Option(some) => some.map_or(Ok(()), |ty| value(reader, &place.then(ty, Step::Some))),
    }
}
