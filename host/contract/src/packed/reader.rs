//! Reading packed values, part by part.

use super::PackedError;
use super::layout::{Integer, NAN32, NAN64, discriminant_width, flags_width};
use super::place::Place;
use crate::{Field, Shape, Type};

/// The bytes that were not read yet.
pub(super) struct Reader<'b> {
    rest: &'b [u8],
}

/// What is at a place. What it is made of follows in the bytes, and is for the caller to read.
pub(super) enum Part<'t, 'b> {
    Bool(bool),
    Integer(i128),
    F32(f32),
    F64(f64),
    Char(char),
    Text(&'b str),
    /// A list of so many elements.
    List(&'t Type, usize),
    Tuple(&'t [Type]),
    Record(&'t [Field]),
    /// A case of a variant or enum, with the type of its payload.
    Case(&'t str, Option<&'t Type>),
    /// The flags that are set.
    Flags(Vec<&'t str>),
    /// An option, with the type of what it has.
    Option(Option<&'t Type>),
    /// `ok` or `err`, with the type of its payload.
    Result(&'static str, Option<&'t Type>),
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The end of the last value.
    ///
    /// # Errors
    /// If bytes are left.
    pub(super) fn finish(self) -> Result<(), PackedError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(PackedError::LeftOver { count }),
        }
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize, place: &Place<'_>) -> Result<&'b [u8], PackedError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| place.wrong("the end of the bytes"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// What is at `place`.
    pub(super) fn part<'t>(&mut self, place: &Place<'t>) -> Result<Part<'t, 'b>, PackedError> {
        place.check()?;
        if let Some(integer) = Integer::of(place.ty.shape()) {
            return Ok(Part::Integer(integer.read(self.take(integer.width, place)?)));
        }
        Ok(match place.ty.shape() {
            Shape::Bool => match self.number(1, place)? {
                0 => Part::Bool(false),
                1 => Part::Bool(true),
                other => return Err(place.wrong(format!("the byte {other}, which is neither 0 nor 1"))),
            },
            Shape::F32 => Part::F32(self.float32(place)?),
            Shape::F64 => Part::F64(self.float64(place)?),
            Shape::Char => {
                let number = self.number(4, place)?;
                let char = u32::try_from(number).ok().and_then(char::from_u32);
                Part::Char(char.ok_or_else(|| place.wrong(format!("{number:#x}, which is no Unicode scalar value")))?)
            }
            Shape::String => {
                let length = self.number(4, place)?;
                let text = str::from_utf8(self.take(length, place)?);
                Part::Text(
                    text.map_err(|error| place.wrong(format!("no UTF-8, from byte {} on", error.valid_up_to())))?,
                )
            }
            Shape::List(element) => Part::List(element, self.number(4, place)?),
            Shape::FixedList(element, length) => Part::List(element, usize::try_from(*length).unwrap_or(usize::MAX)),
            Shape::Tuple(parts) => Part::Tuple(parts),
            Shape::Record(fields) => Part::Record(fields),
            Shape::Variant(cases) => {
                let index = self.discriminant(cases.len(), place)?;
                let case = cases.get(index).ok_or_else(|| place.wrong(no_case(index, cases.len())))?;
                Part::Case(&case.name, case.ty.as_ref())
            }
            Shape::Enum(cases) => {
                let index = self.discriminant(cases.len(), place)?;
                Part::Case(cases.get(index).ok_or_else(|| place.wrong(no_case(index, cases.len())))?, None)
            }
            Shape::Flags(names) => Part::Flags(self.flags(names, place)?),
            Shape::Option(some) => match self.discriminant(2, place)? {
                0 => Part::Option(None),
                1 => Part::Option(Some(some)),
                other => return Err(place.wrong(no_case(other, 2))),
            },
            Shape::Result { ok, err } => match self.discriminant(2, place)? {
                0 => Part::Result("ok", ok.as_ref()),
                1 => Part::Result("err", err.as_ref()),
                other => return Err(place.wrong(no_case(other, 2))),
            },
            // Numbers were read before, and what is local does not pass the check.
            _ => return Err(PackedError::unsupported(&place.path, place.ty, "it has no packed values")),
        })
    }

    /// The next number of `width` bytes, at most four.
    fn number(&mut self, width: usize, place: &Place<'_>) -> Result<usize, PackedError> {
        let number = self.take(width, place)?.iter().rev().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }

    fn discriminant(&mut self, cases: usize, place: &Place<'_>) -> Result<usize, PackedError> {
        self.number(discriminant_width(cases), place)
    }

    fn float32(&mut self, place: &Place<'_>) -> Result<f32, PackedError> {
        let bytes = self.take(4, place)?.first_chunk().copied().unwrap_or_default();
        let float = f32::from_le_bytes(bytes);
        match float.is_nan() && float.to_bits() != NAN32 {
            true => Err(place.wrong(format!("{:#x}, a NaN that is not the one of packed values", float.to_bits()))),
            false => Ok(float),
        }
    }

    fn float64(&mut self, place: &Place<'_>) -> Result<f64, PackedError> {
        let bytes = self.take(8, place)?.first_chunk().copied().unwrap_or_default();
        let float = f64::from_le_bytes(bytes);
        match float.is_nan() && float.to_bits() != NAN64 {
            true => Err(place.wrong(format!("{:#x}, a NaN that is not the one of packed values", float.to_bits()))),
            false => Ok(float),
        }
    }

    fn flags<'t>(&mut self, names: &'t [String], place: &Place<'_>) -> Result<Vec<&'t str>, PackedError> {
        let bytes = self.take(flags_width(names.len()), place)?;
        let set = |index: usize| bytes.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
        if let Some(index) = (names.len()..bytes.len() * 8).find(|index| set(*index)) {
            return Err(place.wrong(format!("bit {index}, where only {} flags are known", names.len())));
        }
        Ok(names.iter().enumerate().filter(|(index, _)| set(*index)).map(|(_, name)| name.as_str()).collect())
    }
}

fn no_case(index: usize, count: usize) -> String {
    format!("case {index}, where only {count} are known")
}
