//! Packed values as WAVE, the notation of WebAssembly values, and back: `{sku: "x", qty: 3}`.
//!
//! The notation is that of `wasm-tools`. It is for people: a command line, a log.

mod read;
mod scan;
mod write;

#[cfg(test)]
mod tests;

use super::PackedError;
use super::place::Place;
use super::reader::Reader;
use super::writer::Writer;
use crate::path::Path;
use crate::short::short;
use crate::{Function, Shape, Type};
use scan::Scanner;
use write::Text;

/// What a value without a name is called in errors.
const VALUE: &str = "value";

/// The words that mean something. What else is called so is written with a `%` before it.
const KEYWORDS: [&str; 8] = ["true", "false", "some", "none", "ok", "err", "inf", "nan"];

/// The packed value of type `ty` in `bytes` as WAVE.
///
/// # Errors
/// [`PackedError`] if `bytes` are no such value, or its text would be too large.
pub fn to_wave(ty: &Type, bytes: &[u8]) -> Result<String, PackedError> {
    let mut reader = Reader::new(bytes);
    let mut text = Text::default();
    text.value(&mut reader, &Place::root(ty, VALUE))?;
    reader.finish()?;
    Ok(text.finish())
}

/// The WAVE `text` as a packed value of type `ty`.
///
/// # Errors
/// [`PackedError`] with the first thing in `text` that is no WAVE or does not fit the type.
pub fn from_wave(ty: &Type, text: &str) -> Result<Vec<u8>, PackedError> {
    let (mut scanner, mut writer) = (Scanner::new(text), Writer::default());
    read::value(&mut scanner, &mut writer, &Place::root(ty, VALUE))?;
    scanner.finish(&Path::root(VALUE))?;
    Ok(writer.finish())
}

/// The packed arguments of a call of `function` as the call: `reserve("x", 3)`.
///
/// # Errors
/// [`PackedError`] if `bytes` are no such arguments, or their text would be too large.
pub fn call_to_wave(function: &Function, bytes: &[u8]) -> Result<String, PackedError> {
    let mut reader = Reader::new(bytes);
    let mut text = Text::default();
    text.put(&function.name)?;
    for (index, param) in function.params.iter().enumerate() {
        text.put(if index == 0 { "(" } else { ", " })?;
        text.value(&mut reader, &Place::root(&param.ty, &param.name))?;
    }
    text.put(if function.params.is_empty() { "()" } else { ")" })?;
    reader.finish()?;
    Ok(text.finish())
}

/// The name of the function that a call in WAVE is for, by which its contract is found: `reserve` of `reserve("x", 3)`.
pub fn called(call: &str) -> Option<&str> {
    let mut scanner = Scanner::new(call);
    let name = scanner.word()?.text;
    scanner.eat('(').then_some(name)
}

/// The arguments of a call of `function`, written as the call, packed. Options may be left out at the end.
///
/// # Errors
/// [`PackedError`] with the first thing in `call` that is no WAVE or does not fit the function.
pub fn call_from_wave(function: &Function, call: &str) -> Result<Vec<u8>, PackedError> {
    let (mut scanner, mut writer) = (Scanner::new(call), Writer::default());
    let path = Path::root(&function.name);
    let begin = scanner;
    if scanner.word().is_none_or(|word| word.text != function.name) || !scanner.eat('(') {
        return Err(begin.wrong(&path, format!("a call of `{}`", short(function))));
    }
    let mut params = function.params.iter();
    for (index, param) in params.by_ref().enumerate() {
        if scanner.peek() == Some(')') {
            default(&mut scanner, &mut writer, &Place::root(&param.ty, &param.name))?;
            break;
        }
        if index > 0 && !scanner.eat(',') {
            return Err(scanner.wrong(&path, "`,` or `)`"));
        }
        if index > 0 && scanner.peek() == Some(')') {
            default(&mut scanner, &mut writer, &Place::root(&param.ty, &param.name))?;
            break;
        }
        read::value(&mut scanner, &mut writer, &Place::root(&param.ty, &param.name))?;
    }
    for param in params {
        default(&mut scanner, &mut writer, &Place::root(&param.ty, &param.name))?;
    }
    let _ = !function.params.is_empty() && scanner.eat(',');
    if !scanner.eat(')') {
        return Err(scanner.wrong(&path, format!("`)`, the end of `{}`", short(&function.signature()))));
    }
    scanner.finish(&path)?;
    Ok(writer.finish())
}

/// Writes what an argument is that is left out.
fn default(scanner: &mut Scanner<'_>, writer: &mut Writer, place: &Place<'_>) -> Result<(), PackedError> {
    match place.ty.shape() {
        Shape::Option(_) => writer.discriminant(0, 2),
        _ => Err(scanner.wrong(&place.path, place.expected())),
    }
}

/// The packed result of a call of `function` as WAVE; empty if it has none.
///
/// # Errors
/// [`PackedError`] if `bytes` are no such result, or its text would be too large.
pub fn result_to_wave(function: &Function, bytes: &[u8]) -> Result<String, PackedError> {
    let mut reader = Reader::new(bytes);
    let mut text = Text::default();
    function.result.iter().try_for_each(|ty| text.value(&mut reader, &Place::root(ty, Path::RESULT)))?;
    reader.finish()?;
    Ok(text.finish())
}

/// The result of a call of `function`, as WAVE, packed; empty if it has none.
///
/// # Errors
/// [`PackedError`] with the first thing in `text` that is no WAVE or does not fit the result.
pub fn result_from_wave(function: &Function, text: &str) -> Result<Vec<u8>, PackedError> {
    let (mut scanner, mut writer) = (Scanner::new(text), Writer::default());
    let read = |ty| read::value(&mut scanner, &mut writer, &Place::root(ty, Path::RESULT));
    function.result.iter().try_for_each(read)?;
    scanner.finish(&Path::root(Path::RESULT))?;
    Ok(writer.finish())
}

/// Whether a value of the type may be written without the `some` or `ok` around it: one of these inside would be taken
/// for the outer.
fn is_flat(ty: &Type) -> bool {
    !matches!(ty.shape(), Shape::Option(_) | Shape::Result { .. })
}
