//! Packed to WAVE.

use std::fmt::Write as _;

use super::KEYWORDS;
use crate::Type;
use crate::packed::place::Place;
use crate::packed::reader::{Part, Reader};
use crate::packed::{MAX_BYTES, PackedError};
use crate::path::Step;

/// The text that was written.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Adds `piece`. A byte of a packed value can stand for the long name of a case, so there is a limit.
    pub(super) fn put(&mut self, piece: &str) -> Result<(), PackedError> {
        let limit = 4 * MAX_BYTES;
        if piece.len() > limit.saturating_sub(self.0.len()) {
            return Err(PackedError::TooLarge { limit });
        }
        self.0.push_str(piece);
        Ok(())
    }

    /// Adds the value at `place`.
    pub(super) fn value(&mut self, reader: &mut Reader<'_>, place: &Place<'_>) -> Result<(), PackedError> {
        let part = reader.part(place)?;
        self.part(part, reader, place)
    }

    fn part(&mut self, part: Part<'_, '_>, reader: &mut Reader<'_>, place: &Place<'_>) -> Result<(), PackedError> {
        match part {
            Part::Bool(value) => self.put(if value { "true" } else { "false" }),
            Part::Integer(number) => self.put(&number.to_string()),
            Part::F32(float) if is_handy(float.into()) => self.put(&float.to_string()),
            Part::F32(float) => self.put(&format!("{float:e}").to_ascii_lowercase()),
            Part::F64(float) if is_handy(float) => self.put(&float.to_string()),
            Part::F64(float) => self.put(&format!("{float:e}").to_ascii_lowercase()),
            Part::Char(char) => self.quoted('\'', char.encode_utf8(&mut [0; 4])),
            Part::Text(text) => self.quoted('"', text),
            Part::List(element, count) => {
                self.put("[")?;
                for index in 0..count {
                    self.put(if index == 0 { "" } else { ", " })?;
                    self.value(reader, &place.then(element, Step::Index(index)))?;
                }
                self.put("]")
            }
            Part::Tuple(parts) => {
                for (index, ty) in parts.iter().enumerate() {
                    self.put(if index == 0 { "(" } else { ", " })?;
                    self.value(reader, &place.then(ty, Step::Position(index)))?;
                }
                self.put(")")
            }
            Part::Record(fields) => {
                let mut before = "{";
                for field in fields {
                    let place = place.then(&field.ty, Step::Name(&field.name));
                    let part = reader.part(&place)?;
                    // What is none is left out.
                    if !matches!(part, Part::Option(None)) {
                        [before, &field.name, ": "].into_iter().try_for_each(|piece| self.put(piece))?;
                        before = ", ";
                        self.part(part, reader, &place)?;
                    }
                }
                self.put(if before == "{" { "{:}" } else { "}" })
            }
            Part::Case(name, payload) => {
                self.put(if KEYWORDS.contains(&name) { "%" } else { "" })?;
                self.case(name, payload, reader, place, Step::Name(name))
            }
            Part::Result(name, payload) => self.case(name, payload, reader, place, Step::Name(name)),
            Part::Option(None) => self.put("none"),
            Part::Option(some) => self.case("some", some, reader, place, Step::Some),
            Part::Flags(names) => {
                self.put("{")?;
                for (index, name) in names.into_iter().enumerate() {
                    self.put(if index == 0 { "" } else { ", " })?;
                    self.put(name)?;
                }
                self.put("}")
            }
        }
    }

    fn case(
        &mut self,
        name: &str,
        payload: Option<&Type>,
        reader: &mut Reader<'_>,
        place: &Place<'_>,
        step: Step<'_>,
    ) -> Result<(), PackedError> {
        self.put(name)?;
        let Some(ty) = payload else { return Ok(()) };
        self.put("(")?;
        self.value(reader, &place.then(ty, step))?;
        self.put(")")
    }

    fn quoted(&mut self, quote: char, text: &str) -> Result<(), PackedError> {
        // The longest escape, `\u{10ffff}`, is at most ten times as long as its character.
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push(quote);
        for char in text.chars() {
            match char {
                '\\' => quoted.push_str("\\\\"),
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '\t' => quoted.push_str("\\t"),
                char if char == quote => quoted.extend(['\\', quote]),
                char if char.is_control() => {
                    // A string takes whatever is written to it.
                    let _ = write!(quoted, "\\u{{{:x}}}", u32::from(char));
                }
                char => quoted.push(char),
            }
        }
        quoted.push(quote);
        self.put(&quoted)
    }
}

/// Whether a float reads well without an exponent.
fn is_handy(float: f64) -> bool {
    float == 0.0 || (1e-5..1e16).contains(&float.abs())
}
