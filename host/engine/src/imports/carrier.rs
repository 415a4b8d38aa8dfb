//! Whether the error of a function can carry a fault of its callee, so that the caller lives and reads it there.
//!
//! The convention, for a function that returns a `result` with an error type:
//!
//! - a variant or enum with a case named as the kind of the fault (`unavailable`, `deadline`, `trapped`, ...), or else with a
//!   case `fault`: that case, with the fault as text if its payload is a `string`;
//! - `string`: the fault as text, such as `unavailable: no service offers this`.
//!
//! Anything else cannot carry it, and the fault ends the call of the caller.

use patchbay_model::Fault;
use wasmtime::component::Type;
use wasmtime::component::types::ComponentFunc;

/// The case for every fault that has none of its own.
const ANY: &str = "fault";

/// An error type that can carry faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Carrier {
    /// It is text.
    Text,
    /// It has cases for them.
    Cases {
        /// Bytes of the discriminant.
        width: usize,
        cases: Vec<Case>,
    },
}

/// A case that can carry a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    name: String,
    discriminant: usize,
    /// Whether its payload is a string.
    text: bool,
}

impl Carrier {
    /// That of `function`, if its error type is one.
    pub(super) fn of(function: &ComponentFunc) -> Option<Self> {
        let Some(Type::Result(result)) = function.results().next() else { return None };
        let (count, cases): (usize, Vec<_>) = match result.err()? {
            Type::String => return Some(Self::Text),
            Type::Enum(names) => {
                (names.names().len(), names.names().map(|name| (name.to_owned(), Some(false))).collect())
            }
            Type::Variant(variant) => {
                let text = |ty: Option<Type>| match ty {
                    None => Some(false),
                    Some(Type::String) => Some(true),
                    Some(_) => None,
                };
                (variant.cases().len(), variant.cases().map(|case| (case.name.to_owned(), text(case.ty))).collect())
            }
            _ => return None,
        };
        let width = match count {
            0..=0x100 => 1,
            0x101..=0x1_0000 => 2,
            _ => 4,
        };
        let able = cases
            .into_iter()
            .enumerate()
            .filter_map(|(discriminant, (name, text))| Some(Case { name, discriminant, text: text? }));
        Some(Self::Cases { width, cases: able.collect() })
    }

    /// The packed result that is this fault; `None` if there is no case for it.
    pub(super) fn carry(&self, fault: &Fault) -> Option<Vec<u8>> {
        // Which of ok and err it is.
        let mut packed = vec![1];
        let text = match self {
            Self::Text => true,
            Self::Cases { width, cases } => {
                let named = |name: &str| cases.iter().find(|case| case.name == name);
                let case = named(fault.kind().name()).or_else(|| named(ANY))?;
                packed.extend(case.discriminant.to_le_bytes().iter().take(*width));
                case.text
            }
        };
        if text {
            // What a caller from outside could read, and no more.
            let text = format!("{}: {}", fault.kind(), fault.public());
            packed.extend(u32::try_from(text.len()).ok()?.to_le_bytes());
            packed.extend(text.into_bytes());
        }
        Some(packed)
    }
}

#[cfg(test)]
mod tests {
    use patchbay_model::FaultKind;

    use super::*;

    fn case(name: &str, discriminant: usize, text: bool) -> Case {
        Case { name: name.to_owned(), discriminant, text }
    }

    #[test]
    fn a_fault_goes_into_its_own_case_or_that_for_all() {
        let fault = Fault::new(FaultKind::Unavailable, "not now").with_details("secret");
        let text = [&[20, 0, 0, 0][..], b"unavailable: not now"].concat();
        for (carrier, packed) in [
            (Carrier::Text, Some([&[1][..], &text].concat())),
            (
                Carrier::Cases { width: 1, cases: vec![case("unavailable", 3, false), case("fault", 4, true)] },
                Some(vec![1, 3]),
            ),
            (Carrier::Cases { width: 1, cases: vec![case("fault", 4, true)] }, Some([&[1, 4][..], &text].concat())),
            (Carrier::Cases { width: 2, cases: vec![case("fault", 258, false)] }, Some(vec![1, 2, 1])),
            (Carrier::Cases { width: 1, cases: vec![case("deadline", 0, false)] }, None),
            (Carrier::Cases { width: 1, cases: Vec::new() }, None),
        ] {
            assert_eq!(carrier.carry(&fault), packed, "{carrier:?}");
        }
    }
}
