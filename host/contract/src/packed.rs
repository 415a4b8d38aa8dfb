//! Packed values: how arguments and results of typed calls move.
//!
//! A packed value is a compact string of bytes that means the same wherever it is: in a call from one instance to
//! another, in a message to another node, in a journal. Its encoding is fixed by its type, and nothing in it says what
//! it is, so both ends need the contract ([`can_serve`](crate::can_serve)).
//!
//! # Encoding
//!
//! Little-endian, of fixed width, without pointers and without padding. Every value has exactly one encoding.
//!
//! | type | bytes |
//! |---|---|
//! | `bool` | one byte, 0 or 1 |
//! | `u8` ... `u64`, `s8` ... `s64` | 1, 2, 4 or 8; negative ones in two's complement |
//! | `f32`, `f64` | 4 or 8, IEEE 754; not-a-number is always `0x7fc00000` or `0x7ff8000000000000` |
//! | `char` | 4: the Unicode scalar value |
//! | `string` | 4 for the length in bytes, then as many bytes of UTF-8 |
//! | `list<t>` | 4 for the number of elements, then the elements |
//! | `list<t, n>` | `n` elements |
//! | `tuple`, `record` | the parts, in the order of the type |
//! | `variant`, `enum` | which case, counted from 0, then its payload; 1 byte for it up to 256 cases, 2 up to 65,536, else 4 |
//! | `option` | 0 for none; 1 and the value for some |
//! | `result` | 0 and the payload for ok; 1 and the payload for err |
//! | `flags` | words of 4 bytes; flag `i` is bit `i mod 32` of word `i / 32`; bits that are no flag are 0 |
//!
//! The arguments of a call are the values of its parameters, one behind the other. The result is the value, or nothing.
//!
//! Resources, streams, futures, `error-context` and maps have no packed values.
//!
//! # Codecs
//!
//! [`validate`] says whether bytes are packed values; [`to_json`], [`to_wave`] and their kin turn them into what people
//! and other programs write, and back. `docs/packed.md` has the mappings, with examples.
//!
//! ```
//! use patchbay_contract::{Field, Shape, Type, packed};
//!
//! let field = |name: &str, shape| Field { name: name.to_owned(), ty: Type::new(shape) };
//! let line = Type::named("line", Shape::Record(vec![field("sku", Shape::String), field("qty", Shape::U16)]));
//!
//! let bytes = packed::from_wave(&line, r#"{sku: "ab", qty: 3}"#)?;
//! assert_eq!(bytes, [2, 0, 0, 0, b'a', b'b', 3, 0]);
//! assert_eq!(packed::to_json(&line, &bytes)?.to_string(), r#"{"qty":3,"sku":"ab"}"#);
//!
//! let error = packed::from_wave(&line, r#"{sku: "ab", qty: -3}"#).unwrap_err();
//! assert_eq!(error.to_string(), "`value.qty`: expected `u16`, found -3, which is out of its range");
//! # Ok::<(), packed::PackedError>(())
//! ```
//!
//! # Hostile values
//!
//! Bytes, JSON and text may come from anyone, and the type from someone else. Nothing panics. Work and memory follow
//! what is given, not what a length in it says; what is made out of it has limits, since a few bytes can stand for
//! much; and nesting follows the type, which has a limit.

mod error;
mod json;
pub(crate) mod layout;
mod place;
mod reader;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
mod validate;
mod wave;
mod writer;

pub use error::PackedError;
pub use json::{arguments_from_json, arguments_to_json, from_json, result_from_json, result_to_json, to_json};
pub use validate::{validate, validate_arguments, validate_result};
pub use wave::{call_from_wave, call_to_wave, called, from_wave, result_from_wave, result_to_wave, to_wave};

/// The largest packed value that is made from JSON or WAVE, in bytes. JSON and text that are made from packed values
/// may come to four times as much.
pub const MAX_BYTES: usize = 64 << 20;
