//! Whom a rule is for.

use std::fmt;

use serde_json::Value;

use crate::{ServiceName, User};

/// One thing that is asked of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// That the host knows who it is: a service, or a user.
    Any,
    /// That it is this service.
    Service(ServiceName),
    /// That it is a user, or a service that acts for one.
    User,
    /// That it is the user of this name.
    Subject(String),
    /// That this issuer vouches for the user.
    Issuer(String),
    /// That the user has this scope.
    Scope(String),
    /// That the user is of this group.
    Group(String),
    /// That the issuer says this of the user: a claim that is the text, the number or the truth value, or a list that has it.
    Claim {
        /// The name of the claim; one within another is reached with dots.
        name: String,
        /// What it is.
        value: String,
    },
}

/// Who asks to be let in: a service, or a user, or a service that acts for one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asker<'a> {
    /// The service.
    pub service: Option<&'a ServiceName>,
    /// The user.
    pub user: Option<&'a User>,
}

impl Term {
    /// Whether somebody is as it asks.
    pub fn fits(&self, asker: Asker<'_>) -> bool {
        match (self, asker.user) {
            (Self::Any, user) => asker.service.is_some() || user.is_some(),
            (Self::Service(name), _) => asker.service == Some(name),
            (_, None) => false,
            (Self::User, Some(_)) => true,
            (Self::Subject(subject), Some(user)) => user.subject == *subject,
            (Self::Issuer(issuer), Some(user)) => user.issuer == *issuer,
            (Self::Scope(scope), Some(user)) => user.scopes.contains(scope),
            (Self::Group(group), Some(user)) => user.groups.contains(group),
            (Self::Claim { name, value }, Some(user)) => claim(user, name).is_some_and(|claim| says(claim, value)),
        }
    }
}

/// The claim of a name; the one that is written like it comes before one within another.
fn claim<'u>(user: &'u User, name: &str) -> Option<&'u Value> {
    let mut parts = name.split('.');
    let within = || {
        let first = user.claims.get(parts.next()?)?;
        parts.try_fold(first, |claim, part| claim.get(part))
    };
    user.claims.get(name).or_else(within)
}

/// Whether a claim says `wanted`.
fn says(claim: &Value, wanted: &str) -> bool {
    match claim {
        Value::String(text) => text == wanted,
        Value::Bool(truth) => wanted == if *truth { "true" } else { "false" },
        // A number is compared as one, so that nothing has to be written.
        Value::Number(number) => match (number.as_i64(), wanted.parse::<i64>()) {
            (Some(number), Ok(wanted)) => number == wanted,
            _ => false,
        },
        Value::Array(elements) => elements.iter().any(|element| !element.is_array() && says(element, wanted)),
        Value::Null | Value::Object(_) => false,
    }
}

/// A value, in quotes where it would not be read as one without them.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = !self.0.contains(|c: char| c.is_whitespace() || matches!(c, '&' | '"'));
        if plain { f.write_str(self.0) } else { write!(f, "\"{}\"", self.0) }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Service(name) if name.as_str() == "user" => write!(f, "service:{name}"),
            Self::Service(name) => name.fmt(f),
            Self::User => f.write_str("user"),
            Self::Subject(subject) => write!(f, "user:{}", Quoted(subject)),
            Self::Issuer(issuer) => write!(f, "issuer:{}", Quoted(issuer)),
            Self::Scope(scope) => write!(f, "scope:{}", Quoted(scope)),
            Self::Group(group) => write!(f, "group:{}", Quoted(group)),
            Self::Claim { name, value } => write!(f, "claim:{name}={}", Quoted(value)),
        }
    }
}
