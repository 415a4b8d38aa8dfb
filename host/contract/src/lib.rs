//! Contracts: what a component imports and exports, as WIT, read from its bytes.
//!
//! A contract decides whether a component can be deployed, what it is linked with, and how its instances and its calls
//! should meet. So it is read before anything is compiled: [`decode`] takes the bytes of a component and gives a
//! [`Contract`], in milliseconds even for a component that carries the interpreter of its language.
//!
//! ```
//! use patchbay_contract::{DecodeError, decode};
//!
//! // A component that holds nothing is a component all the same.
//! let contract = decode(b"\0asm\x0d\0\x01\0")?;
//! assert!(contract.exports.is_empty() && contract.http_handler().is_none());
//!
//! assert!(matches!(decode(b"#!/bin/sh"), Err(DecodeError::NotWebAssembly)));
//! # Ok::<(), DecodeError>(())
//! ```
//!
//! Two contracts can be held against each other: [`can_serve`] says whether an export can serve an import, and
//! [`compare_exports`] what changed between two revisions, as a [`Diff`] that people can read. What a call carries is
//! packed by the types of its [`Function`]: [`packed`] has the encoding, and turns it into JSON and WAVE and back.
//!
//! Most of a contract are the interfaces of WASI, which are the same in all of them: contracts that stay are given to an
//! [`Interner`], by which they share what they have in common.
//!
//! Nothing here does I/O, and nothing here runs or compiles a component. The types of the component and of everything
//! nested in it are validated, since a contract can be trusted only then; bodies of functions are not, since that is
//! most of the work and the engine does it anyway when it compiles.
//!
//! # Hostile bytes
//!
//! The bytes may come from anyone who may deploy. No bytes panic, and the work is bounded: the parser goes through them
//! once and has limits on counts, sizes of types (a million nodes) and their depth (100); components may be nested 64
//! deep; the text of a contract, for much of which a few bytes can stand, is at most 1 MiB; and its types come to at most
//! half a million when they are written out wherever they are used, so that whoever walks them comes to an end.

mod compare;
mod contract;
mod decode;
mod function;
mod intern;
mod language;
pub mod packed;
mod path;
mod policy;
mod producers;
mod short;
mod types;

pub use compare::{Change, ChangeKind, Diff, can_serve, compare_exports};
pub use contract::{Contract, ContractItem, HttpHandler, MessageHandler};
pub use decode::{DecodeError, decode};
pub use function::{Function, Param};
pub use intern::Interner;
pub use language::Language;
pub use policy::Recommendation;
pub use producers::Producer;
pub use types::{Case, Field, Local, Obstacle, Shape, Type};
