//! Reading a contract from the bytes of a component.

mod budget;
mod error;
mod items;
mod names;
#[cfg(test)]
mod tests;
mod typing;

use wasmparser::{Chunk, Instance, Parser, Payload, ValidPayload, Validator, WasmFeatures, types::Types};

pub use error::DecodeError;

use crate::producers::Producers;
use crate::{Contract, Language};
use items::Externs;

/// Components and modules that may be nested in each other. Those that tools make have three or four levels.
const MAX_DEPTH: usize = 64;

const MAGIC: &[u8] = b"\0asm";
const MODULE_VERSION: &[u8] = b"\x01\0\0\0";

/// Reads the contract of the component in `bytes`.
///
/// # Errors
/// [`DecodeError`] if `bytes` are no component, are not all of it, or break the rules of the component model.
pub fn decode(bytes: &[u8]) -> Result<Contract, DecodeError> {
    check_preamble(bytes)?;
    let walked = Walk::new(bytes.len()).run(bytes)?;
    if walked.externs.are_a_wit_package(&walked.types) {
        return Err(DecodeError::WitPackage);
    }
    let (imports, exports) = walked.externs.describe(&walked.types)?;
    let producers = walked.producers.finish();
    Ok(Contract { imports, exports, language: Language::of(&producers), producers })
}

/// Tells what is no component at all, by the first eight bytes.
fn check_preamble(bytes: &[u8]) -> Result<(), DecodeError> {
    match bytes.split_at_checked(MAGIC.len()) {
        Some((MAGIC, rest)) if rest.starts_with(MODULE_VERSION) => Err(DecodeError::CoreModule),
        Some((MAGIC, _)) => Ok(()),
        None if !bytes.is_empty() && MAGIC.starts_with(bytes) => Err(DecodeError::Truncated { size: bytes.len() }),
        Some(_) | None => Err(DecodeError::NotWebAssembly),
    }
}

/// One pass over the bytes.
struct Walk<'a> {
    /// The component or module that is read now.
    level: Level,
    /// What encloses it, outermost first.
    outer: Vec<Level>,
    validator: Validator,
    externs: Externs<'a>,
    producers: Producers,
}

/// A component or module.
struct Level {
    parser: Parser,
    /// Where it ends, counted from the first byte of the outermost component.
    end: usize,
}

/// What the pass found.
struct Walked<'a> {
    types: Types,
    externs: Externs<'a>,
    producers: Producers,
}

impl<'a> Walk<'a> {
    fn new(size: usize) -> Self {
        // Which features may be used is for the engine to say, which names the ones it lacks.
        let features = WasmFeatures::all();
        let mut parser = Parser::new(0);
        parser.set_features(features);
        Self {
            level: Level { parser, end: size },
            outer: Vec::new(),
            validator: Validator::new_with_features(features),
            externs: Externs::default(),
            producers: Producers::default(),
        }
    }

    fn run(mut self, bytes: &'a [u8]) -> Result<Walked<'a>, DecodeError> {
        let mut rest = bytes;
        loop {
            let at_end = bytes.len() - rest.len() >= self.level.end;
            let (payload, consumed) = match self.level.parser.parse(rest, at_end)? {
                Chunk::Parsed { payload, consumed } => (payload, consumed),
                Chunk::NeedMoreData(_) => return Err(DecodeError::Truncated { size: bytes.len() }),
            };
            rest = rest.get(consumed..).unwrap_or_default();
            if let ValidPayload::End(types) = self.validator.payload(&payload)?
                && self.outer.is_empty()
            {
                return Ok(Walked { types, externs: self.externs, producers: self.producers });
            }
            self.note(payload)?;
        }
    }

    /// Notes what `payload` says of the contract and goes into or out of what is nested.
    fn note(&mut self, payload: Payload<'a>) -> Result<(), DecodeError> {
        match payload {
            Payload::ComponentImportSection(section) if self.outer.is_empty() => {
                for import in section {
                    self.externs.imports.push(import?.name.name);
                }
            }
            Payload::ComponentExportSection(section) if self.outer.is_empty() => {
                for export in section {
                    self.externs.exports.push(export?.name.name);
                }
            }
            Payload::CustomSection(section) => self.producers.add(&section),
            Payload::InstanceSection(section) => {
                for instance in section {
                    if let Instance::Instantiate { args, .. } = instance? {
                        args.iter().for_each(|arg| self.producers.add_library(arg.name));
                    }
                }
            }
            Payload::ModuleSection { parser, unchecked_range }
            | Payload::ComponentSection { parser, unchecked_range } => {
                if self.outer.len() >= MAX_DEPTH {
                    return Err(DecodeError::too_deep(unchecked_range.start, MAX_DEPTH));
                }
                let nested = Level { parser, end: unchecked_range.end };
                self.outer.push(std::mem::replace(&mut self.level, nested));
            }
            Payload::End(_) => {
                if let Some(level) = self.outer.pop() {
                    self.level = level;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
