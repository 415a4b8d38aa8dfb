//! Who may do what: `orders`, `web shop:inventory/stock.available`, `scope:orders.write POST,PUT`.
//!
//! The same rules decide on the calls of a service, on a route, and on a topic. Each lets somebody in; what none lets in
//! stays out.

mod read;
mod term;

use std::fmt;
use std::str::FromStr;

use http::Method;

use crate::text::serde_as_text;
use crate::{FunctionName, InterfaceName, ServiceName, User};

pub use term::{Asker, Term};

/// One rule: it lets those in who fit all of its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// Whom it lets in. Never empty.
    who: Vec<Term>,
    /// What it lets them do.
    operation: Operation,
}

/// What a rule lets somebody do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Everything.
    All,
    /// Requests over HTTP, with any method.
    Http,
    /// Requests over HTTP with these methods.
    Methods(Vec<Method>),
    /// Calls of the functions of an interface; without a version, of those of all its versions.
    Interface(InterfaceName),
    /// Calls of one function; without a version, in all versions of its interface.
    Function(FunctionName),
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no rule: {problem}; write who, such as {EXAMPLES}")]
pub struct AccessRuleError {
    text: String,
    problem: &'static str,
}

/// Rules as they are written, for those who wrote another one.
const EXAMPLES: &str = "`orders` (a service), `*` (anybody whom the host knows), `user`, `user:ann`, `issuer:corp`, \
     `scope:orders.write`, `group:staff` or `claim:tenant=acme`, or several with `&` between them; then what they may do, where \
     that is not everything: `http`, methods such as `POST,PUT`, an interface such as `shop:inventory/stock`, or one of its \
     functions such as `shop:inventory/stock.reserve`";

impl AccessRule {
    /// Lets the service `caller` do everything.
    pub fn all(caller: ServiceName) -> Self {
        Self { who: vec![Term::Service(caller)], operation: Operation::All }
    }

    /// Whether it lets in who fits; what they ask for is another question.
    pub fn is_for(&self, asker: Asker<'_>) -> bool {
        self.who.iter().all(|term| term.fits(asker))
    }

    /// Whom it lets in: those who fit all of these.
    pub fn who(&self) -> &[Term] {
        &self.who
    }

    /// Whether it may let a service in, for whomever that acts.
    pub fn may_be_for(&self, service: &ServiceName) -> bool {
        self.who.iter().all(|term| !matches!(term, Term::Service(name) if name != service))
    }

    /// What it lets them do.
    pub const fn operation(&self) -> &Operation {
        &self.operation
    }
}

impl fmt::Display for AccessRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, term) in self.who.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { "&" })?;
            term.fmt(f)?;
        }
        match &self.operation {
            Operation::All => Ok(()),
            Operation::Http => f.write_str(" http"),
            Operation::Methods(methods) => {
                let names: Vec<_> = methods.iter().map(Method::as_str).collect();
                write!(f, " {}", names.join(","))
            }
            Operation::Interface(interface) => write!(f, " {interface}"),
            Operation::Function(function) => write!(f, " {function}"),
        }
    }
}

impl FromStr for AccessRule {
    type Err = AccessRuleError;

    fn from_str(text: &str) -> Result<Self, AccessRuleError> {
        read::rule(text).map_err(|problem| AccessRuleError { text: text.chars().take(160).collect(), problem })
    }
}

serde_as_text!(AccessRule);

impl<'a> Asker<'a> {
    /// A service that calls for nobody.
    pub const fn service(name: &'a ServiceName) -> Self {
        Self { service: Some(name), user: None }
    }

    /// A service that calls, and for whom it does where it does so for a user.
    pub fn service_for(name: &'a ServiceName, user: Option<&'a User>) -> Self {
        Self { service: Some(name), user }
    }
}

#[cfg(test)]
mod tests;
