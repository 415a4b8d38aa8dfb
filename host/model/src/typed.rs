//! Typed calls: a function of an interface, with its arguments as packed values.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;

use crate::text::serde_as_text;
use crate::{CallContext, Hold, InterfaceName};

/// The name of a function of an interface: `shop:inventory/stock@0.1.0.reserve`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionName {
    /// The interface.
    pub interface: InterfaceName,
    /// The function within it.
    pub function: String,
}

/// Why a text is no name of a function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name of a function; one reads `namespace:package/interface.function`, where a version may follow \
         the interface: `namespace:package/interface@1.2.3.function`"
)]
pub struct FunctionNameError(String);

impl FunctionName {
    /// Whether what offers `self` can serve what asks for `wanted`, going by the names alone. One that asks for no
    /// version takes any.
    pub fn serves(&self, wanted: &Self) -> bool {
        self.function == wanted.function && self.interface.is_meant_by(&wanted.interface)
    }
}

impl FromStr for FunctionName {
    type Err = FunctionNameError;

    fn from_str(text: &str) -> Result<Self, FunctionNameError> {
        let wrong = || FunctionNameError(text.chars().take(160).collect());
        // Versions have dots, too, and names of functions have none and begin with a letter.
        let (interface, function) = text.rsplit_once('.').ok_or_else(wrong)?;
        if !function.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(wrong());
        }
        let interface = interface.parse().map_err(|_| wrong())?;
        Ok(Self { interface, function: function.to_owned() })
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.interface, self.function)
    }
}

serde_as_text!(FunctionName);

/// One call of a function on its way to an instance. What comes back is its result, packed.
///
/// What it shares with those who wait for it is lent: an instance that works for them while they wait needs no references of its own.
#[derive(Debug, Clone)]
pub struct TypedCall<'a> {
    /// What is known of the call. In a box, because it goes through many hands.
    pub context: Box<CallContext>,
    /// The function.
    pub function: &'a Arc<FunctionName>,
    /// Its arguments, packed.
    pub arguments: Bytes,
    /// What the call occupies until it is over.
    pub hold: &'a Hold,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_functions_are_read_from_their_end() {
        for (text, interface, function) in [
            ("shop:inventory/stock.reserve", "shop:inventory/stock", "reserve"),
            ("shop:inventory/stock@0.1.0.reserve", "shop:inventory/stock@0.1.0", "reserve"),
            ("a:b/c@1.2.3-rc.1.take-all", "a:b/c@1.2.3-rc.1", "take-all"),
        ] {
            let name: FunctionName = text.parse().unwrap();
            assert_eq!((name.interface.to_string().as_str(), name.function.as_str()), (interface, function));
            assert_eq!(name.to_string(), text);
        }
        for text in ["", "reserve", "stock.reserve", "a:b/c", "a:b/c@1.2.3", "a:b/c.", "a:b/c.1x", "a:b/c@1.x"] {
            assert!(text.parse::<FunctionName>().is_err(), "{text}");
        }
    }

    #[test]
    fn functions_serve_along_the_track_of_their_interface() {
        for (have, want, serves) in [
            ("a:b/c@0.1.3.f", "a:b/c@0.1.0.f", true),
            ("a:b/c@0.1.3.f", "a:b/c.f", true),
            ("a:b/c@0.2.0.f", "a:b/c@0.1.0.f", false),
            ("a:b/c@0.1.0.f", "a:b/c@0.1.0.g", false),
            ("a:b/c.f", "a:b/c@0.1.0.f", false),
        ] {
            let parse = |text: &str| text.parse::<FunctionName>().unwrap();
            assert_eq!(parse(have).serves(&parse(want)), serves, "{have} for {want}");
        }
    }
}
