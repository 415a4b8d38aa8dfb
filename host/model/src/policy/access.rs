//! Which service may call what of another one: `orders`, `web shop:inventory/stock.available`, `* http`.

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_text;
use crate::{FunctionName, InterfaceName, ServiceName};

/// One rule: it lets a caller call something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerRule {
    /// Whom it lets call.
    pub caller: AnyOr<ServiceName>,
    /// What it lets them call.
    pub scope: Scope,
}

/// One, or all there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyOr<T> {
    /// All.
    Any,
    /// This one.
    One(T),
}

/// What a rule lets a caller call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// `http://NAME.internal`.
    Http,
    /// The functions of an interface; without a version, those of all its versions.
    Interface(InterfaceName),
    /// One function; without a version, in all versions of its interface.
    Function(FunctionName),
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no caller; write a service such as `orders` (or `*` for any), and what it may call where that is not \
     everything: `orders http`, `orders shop:inventory/stock` or `orders shop:inventory/stock.reserve`"
)]
pub struct CallerRuleError(String);

impl CallerRule {
    /// Lets `caller` call everything.
    pub const fn all(caller: ServiceName) -> Self {
        Self { caller: AnyOr::One(caller), scope: Scope::All }
    }
}

impl FromStr for CallerRule {
    type Err = CallerRuleError;

    fn from_str(text: &str) -> Result<Self, CallerRuleError> {
        let wrong = || CallerRuleError(text.chars().take(160).collect());
        let (caller, scope) = match text.trim().split_once(' ') {
            Some((caller, scope)) => (caller, Some(scope.trim_start())),
            None => (text.trim(), None),
        };
        let caller = match caller {
            "*" => AnyOr::Any,
            name => AnyOr::One(name.parse().map_err(|_| wrong())?),
        };
        let scope = match scope {
            None => Scope::All,
            Some("http") => Scope::Http,
            Some(name) => match (name.parse(), name.parse()) {
                (Ok(function), _) => Scope::Function(function),
                (_, Ok(interface)) => Scope::Interface(interface),
                _ => return Err(wrong()),
            },
        };
        Ok(Self { caller, scope })
    }
}

impl fmt::Display for CallerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.caller {
            AnyOr::Any => f.write_str("*")?,
            AnyOr::One(caller) => caller.fmt(f)?,
        }
        match &self.scope {
            Scope::All => Ok(()),
            Scope::Http => f.write_str(" http"),
            Scope::Interface(interface) => write!(f, " {interface}"),
            Scope::Function(function) => write!(f, " {function}"),
        }
    }
}

serde_as_text!(CallerRule);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_one_written_form() {
        for text in [
            "orders",
            "*",
            "orders http",
            "* http",
            "orders shop:inventory/stock",
            "orders shop:inventory/stock@0.1.0",
            "orders shop:inventory/stock.reserve",
            "orders shop:inventory/stock@0.1.0.reserve",
        ] {
            assert_eq!(text.parse::<CallerRule>().unwrap().to_string(), text);
        }
        let function = "a shop:inventory/stock@0.1.0.reserve".parse::<CallerRule>().unwrap();
        assert!(matches!(function.scope, Scope::Function(_)), "{function:?}");
        let interface = "a shop:inventory/stock@0.1.0".parse::<CallerRule>().unwrap();
        assert!(matches!(interface.scope, Scope::Interface(_)), "{interface:?}");
        for text in ["", "Orders", "orders inventory", "orders http now", "** http", "orders shop:inventory/"] {
            assert!(text.parse::<CallerRule>().is_err(), "{text}");
        }
    }
}
