//! WAVE to packed.

use std::ops::Range;
use std::str::FromStr;

use super::scan::{Scanner, Word};
use super::{KEYWORDS, is_flat};
use crate::packed::PackedError;
use crate::packed::layout::Integer;
use crate::packed::place::Place;
use crate::packed::writer::Writer;
use crate::path::Step;
use crate::short::short;
use crate::{Field, Shape, Type};

/// Adds the value at `place`, which comes next.
pub(super) fn value(scanner: &mut Scanner<'_>, writer: &mut Writer, place: &Place<'_>) -> Result<(), PackedError> {
    place.check()?;
    let begin = *scanner;
    let wrong = || begin.wrong(&place.path, place.expected());
    if let Some(integer) = Integer::of(place.ty.shape()) {
        let number = scanner.number().and_then(|text| text.parse().ok());
        return writer.integer(integer, number.ok_or_else(wrong)?, place);
    }
    match place.ty.shape() {
        Shape::Bool => writer.bool(match scanner.word() {
            Some(Word { text: "true", is_escaped: false }) => true,
            Some(Word { text: "false", is_escaped: false }) => false,
            _ => return Err(wrong()),
        }),
        Shape::F32 => writer.float32(float(scanner, f32::is_infinite).ok_or_else(wrong)?),
        Shape::F64 => writer.float64(float(scanner, f64::is_infinite).ok_or_else(wrong)?),
        Shape::Char => {
            let text =
                if scanner.peek() == Some('\'') { scanner.quoted('\'', &place.path)? } else { return Err(wrong()) };
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(char), None) => writer.char(char),
                _ => Err(wrong()),
            }
        }
        Shape::String => match scanner.peek() {
            Some('"') => writer.text(&scanner.quoted('"', &place.path)?),
            _ => Err(wrong()),
        },
        Shape::List(element) => {
            let at = writer.length_later()?;
            let count = elements(scanner, writer, place, element)?;
            writer.set_length(at, count)
        }
        Shape::FixedList(element, length) => {
            let count = elements(scanner, writer, place, element)?;
            if u32::try_from(count).ok() == Some(*length) {
                Ok(())
            } else {
                Err(place.wrong(format!("{count} elements")))
            }
        }
        Shape::Tuple(parts) => {
            scanner.expect('(', &place.path).map_err(|_| wrong())?;
            for (index, ty) in parts.iter().enumerate() {
                if index > 0 {
                    scanner.expect(',', &place.path)?;
                }
                value(scanner, writer, &place.then(ty, Step::Position(index)))?;
            }
            scanner.eat(',');
            scanner.expect(')', &place.path)
        }
        Shape::Record(fields) => record(scanner, writer, place, fields),
        Shape::Variant(cases) => {
            let (index, name) = case(scanner, place)?;
            writer.discriminant(index, cases.len())?;
            payload(scanner, writer, place, name, cases.get(index).and_then(|case| case.ty.as_ref()))
        }
        Shape::Enum(cases) => {
            let (index, _) = case(scanner, place)?;
            writer.discriminant(index, cases.len())
        }
        Shape::Flags(names) => {
            let mut set = Vec::new();
            scanner.expect('{', &place.path).map_err(|_| wrong())?;
            while !scanner.eat('}') {
                let here = *scanner;
                let index = scanner.word().and_then(|word| place.ty.position(word.text));
                set.push(index.ok_or_else(|| here.wrong(&place.path, place.expected()))?);
                if !scanner.eat(',') && scanner.peek() != Some('}') {
                    return Err(scanner.wrong(&place.path, "`,` or `}`"));
                }
            }
            writer.flags(&set, names.len())
        }
        Shape::Option(some) => match keyword(scanner) {
            Some("none") => writer.discriminant(0, 2),
            Some("some") => {
                writer.discriminant(1, 2)?;
                payload(scanner, writer, place, "some", Some(some))
            }
            other => {
                *scanner = if other.is_some() { begin } else { *scanner };
                writer.discriminant(1, 2)?;
                if is_flat(some) { value(scanner, writer, &place.then(some, Step::Some)) } else { Err(wrong()) }
            }
        },
        Shape::Result { ok, err } => match keyword(scanner) {
            Some("ok") => {
                writer.discriminant(0, 2)?;
                payload(scanner, writer, place, "ok", ok.as_ref())
            }
            Some("err") => {
                writer.discriminant(1, 2)?;
                payload(scanner, writer, place, "err", err.as_ref())
            }
            _ => {
                *scanner = begin;
                writer.discriminant(0, 2)?;
                let ok = ok.as_ref().filter(|ok| is_flat(ok)).ok_or_else(wrong)?;
                value(scanner, writer, &place.then(ok, Step::Name("ok")))
            }
        },
        _ => Err(wrong()),
    }
}

/// The next keyword; `None`, and nothing is read, if something else is next.
fn keyword<'s>(scanner: &mut Scanner<'s>) -> Option<&'s str> {
    let begin = *scanner;
    let word = scanner.word().filter(|word| !word.is_escaped && KEYWORDS.contains(&word.text));
    if word.is_none() {
        *scanner = begin;
    }
    word.map(|word| word.text)
}

/// The next float. One that is too large for its type would be taken for infinity.
fn float<T: FromStr + Copy>(scanner: &mut Scanner<'_>, is_infinite: fn(T) -> bool) -> Option<T> {
    if let Some(text) = scanner.number() {
        return text.parse().ok().filter(|float| !is_infinite(*float));
    }
    let sign = if scanner.eat('-') { "-" } else { "" };
    match (sign, keyword(scanner)?) {
        (sign, "inf") => format!("{sign}inf").parse().ok(),
        ("", "nan") => "nan".parse().ok(),
        _ => None,
    }
}

/// Elements between brackets, and how many there are.
fn elements(
    scanner: &mut Scanner<'_>,
    writer: &mut Writer,
    place: &Place<'_>,
    element: &Type,
) -> Result<usize, PackedError> {
    let begin = *scanner;
    scanner.expect('[', &place.path).map_err(|_| begin.wrong(&place.path, place.expected()))?;
    let mut count = 0;
    while !scanner.eat(']') {
        value(scanner, writer, &place.then(element, Step::Index(count)))?;
        count += 1;
        if !scanner.eat(',') && scanner.peek() != Some(']') {
            return Err(scanner.wrong(&place.path, "`,` or `]`"));
        }
    }
    Ok(count)
}

/// The case of a variant or an enum that comes next: its position and its name.
fn case<'s>(scanner: &mut Scanner<'s>, place: &Place<'_>) -> Result<(usize, &'s str), PackedError> {
    let begin = *scanner;
    let wrong = || begin.wrong(&place.path, place.expected());
    let word = scanner.word().ok_or_else(wrong)?;
    if !word.is_escaped && KEYWORDS.contains(&word.text) {
        return Err(begin.wrong(&place.path, format!("{}; a case of this name is `%{}`", place.expected(), word.text)));
    }
    place.ty.position(word.text).map(|index| (index, word.text)).ok_or_else(wrong)
}

/// The payload of a case, in parentheses, if it has one.
fn payload(
    scanner: &mut Scanner<'_>,
    writer: &mut Writer,
    place: &Place<'_>,
    name: &str,
    ty: Option<&Type>,
) -> Result<(), PackedError> {
    let Some(ty) = ty else { return Ok(()) };
    let step = if matches!(place.ty.shape(), Shape::Option(_)) { Step::Some } else { Step::Name(name) };
    let place = place.then(ty, step);
    if !scanner.eat('(') {
        return Err(scanner.wrong(&place.path, format!("`(` and {}", place.expected())));
    }
    value(scanner, writer, &place)?;
    scanner.expect(')', &place.path)
}

/// A record. Its fields may come in any order, and are packed in that of the type.
fn record(
    scanner: &mut Scanner<'_>,
    writer: &mut Writer,
    place: &Place<'_>,
    fields: &[Field],
) -> Result<(), PackedError> {
    let begin = *scanner;
    scanner.expect('{', &place.path).map_err(|_| begin.wrong(&place.path, place.expected()))?;
    let start = writer.len();
    let mut came: Vec<(usize, Range<usize>)> = Vec::new();
    // One without any field is written `{:}`.
    let is_empty = scanner.eat(':');
    while !scanner.eat('}') {
        let here = *scanner;
        let index = scanner.word().filter(|_| !is_empty).and_then(|word| place.ty.position(word.text));
        let found = index.and_then(|index| Some((index, fields.get(index)?)));
        let (index, field) = found.ok_or_else(|| here.wrong(&place.path, known(fields)))?;
        scanner.expect(':', &place.path)?;
        let from = writer.len() - start;
        value(scanner, writer, &place.then(&field.ty, Step::Name(&field.name)))?;
        came.push((index, from..writer.len() - start));
        if !scanner.eat(',') && scanner.peek() != Some('}') {
            return Err(scanner.wrong(&place.path, "`,` or `}`"));
        }
    }
    if came.len() == fields.len() && came.iter().enumerate().all(|(at, (index, _))| at == *index) {
        return Ok(());
    }
    let pieces = writer.take_from(start);
    came.sort_by_key(|(index, _)| *index);
    let mut came = came.into_iter().peekable();
    for (index, field) in fields.iter().enumerate() {
        let place = place.then(&field.ty, Step::Name(&field.name));
        match came.next_if(|(came, _)| *came == index) {
            Some((_, piece)) => writer.put(pieces.get(piece).unwrap_or_default())?,
            None if matches!(field.ty.shape(), Shape::Option(_)) => writer.discriminant(0, 2)?,
            None => return Err(begin.wrong(&place.path, format!("{}, which is missing", place.expected()))),
        }
    }
    match came.next().and_then(|(index, _)| fields.get(index)) {
        Some(twice) => Err(begin.wrong(&place.path, format!("the field `{}` once", short(&twice.name)))),
        None => Ok(()),
    }
}

fn known(fields: &[Field]) -> String {
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).take(16).collect();
    format!("one of the fields {}", short(&names.join(", ")))
}
