//! The form in which people ask who may do what.

use std::fmt;
use std::str::FromStr;

use http::Method;
use patchbay_model::bus::TopicFilter;
use patchbay_model::policy::{AccessRule, Asker, Operation, Term};
use patchbay_model::{FunctionName, Proof, ServiceName, User, parse_method};
use serde_json::Value;

/// Why a text asks nothing that can be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AskError(pub String);

/// Somebody about whom it is asked, written like the one whom a rule is for: `orders`, `issuer:corp&user:ann&scope:read`,
/// `orders&user:ann`; or `outside`, which is somebody without a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    text: String,
    service: Option<ServiceName>,
    user: Option<User>,
}

impl Caller {
    /// As rules see them.
    pub fn asker(&self) -> Asker<'_> {
        Asker { service: self.service.as_ref(), user: self.user.as_ref() }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Caller {
    type Err = AskError;

    fn from_str(text: &str) -> Result<Self, AskError> {
        let wrong = |problem: &str| {
            AskError(format!(
                "`{text}` is nobody: {problem}; write a service such as `orders`, a user such as \
                 `issuer:corp&user:ann&scope:orders.read&group:staff&claim:tenant=acme`, both with `&` between them, or \
                 `outside`"
            ))
        };
        let mut caller = Self { text: text.to_owned(), service: None, user: None };
        if text == "outside" {
            return Ok(caller);
        }
        let rule: AccessRule = text.parse().map_err(|_| wrong("it is not written like one whom a rule is for"))?;
        if *rule.operation() != Operation::All {
            return Err(wrong("it says what they may do"));
        }
        for term in rule.who() {
            match term {
                Term::Any => return Err(wrong("`*` is anybody")),
                Term::Service(name) if caller.service.is_none() => caller.service = Some(name.clone()),
                Term::Service(_) => return Err(wrong("it is two services")),
                of_user => describe(caller.user.get_or_insert_with(nobody), of_user),
            }
        }
        Ok(caller)
    }
}

/// A user of whom nothing is known.
fn nobody() -> User {
    User::new(Proof::Token, "", "")
}

/// Has a user be as a term asks.
fn describe(user: &mut User, term: &Term) {
    match term {
        Term::Any | Term::Service(_) | Term::User => {}
        Term::Subject(subject) => user.subject.clone_from(subject),
        Term::Issuer(issuer) => user.issuer.clone_from(issuer),
        Term::Scope(scope) => user.scopes.push(scope.clone()),
        Term::Group(group) => user.groups.push(group.clone()),
        Term::Claim { name, value } => {
            user.claims.insert(name.clone(), Value::String(value.clone()));
        }
    }
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A request from outside: `GET /api/orders/1`, `POST shop.example/cart`.
    Request {
        /// Its method.
        method: Method,
        /// Its host, where it matters.
        host: Option<String>,
        /// Its path.
        path: String,
    },
    /// All that a service offers: `inventory`.
    Service(ServiceName),
    /// A request from service to service: `inventory POST`.
    Http(ServiceName, Method),
    /// A function of a service: `inventory shop:inventory/stock.reserve`.
    Function(ServiceName, FunctionName),
    /// To publish to a topic: `publish shop.orders.created`. With `*` and `>`, to all of them.
    Publish(TopicFilter),
    /// To subscribe: `subscribe shop.orders.>`.
    Subscribe(TopicFilter),
}

impl FromStr for Question {
    type Err = AskError;

    fn from_str(text: &str) -> Result<Self, AskError> {
        let wrong = || {
            AskError(format!(
                "`{text}` is nothing to ask about; write a request such as `GET /api/orders/1`, a service such as \
                 `inventory`, what it offers such as `inventory POST` or `inventory shop:inventory/stock.reserve`, or a topic \
                 such as `publish shop.orders.created` or `subscribe shop.orders.>`"
            ))
        };
        let parse = || {
            let (first, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
            let rest = rest.trim();
            Some(match (first, rest) {
                (service, "") => Self::Service(service.parse().ok()?),
                ("publish", filter) => Self::Publish(filter.parse().ok()?),
                ("subscribe", filter) => Self::Subscribe(filter.parse().ok()?),
                (method, target) if target.contains('/') && parse_method(method).is_ok() && !target.contains(':') => {
                    let (host, path) = target.split_at(target.find('/')?);
                    let host = (!host.is_empty()).then(|| host.to_owned());
                    Self::Request { method: parse_method(method).ok()?, host, path: path.to_owned() }
                }
                (service, what) => {
                    let service = service.parse().ok()?;
                    match (what.parse(), parse_method(what)) {
                        (Ok(function), _) => Self::Function(service, function),
                        (_, Ok(method)) => Self::Http(service, method),
                        _ => return None,
                    }
                }
            })
        };
        parse().ok_or_else(wrong)
    }
}
