//! Reading a rule.

use super::{AccessRule, Operation, Term};
use crate::parse_method;

/// The longest rule that is read.
const LONGEST: usize = 4096;

/// Reads a rule; what is wrong with it, if it is none.
pub(super) fn rule(text: &str) -> Result<AccessRule, &'static str> {
    if text.len() > LONGEST {
        return Err("it is too long");
    }
    let mut rest = text.trim();
    let mut who = Vec::new();
    loop {
        let (found, after) = term(rest)?;
        who.push(found);
        match after.trim_start().strip_prefix('&') {
            Some(next) => rest = next.trim_start(),
            None => break rest = after,
        }
    }
    let operation = match rest.trim() {
        "" => Operation::All,
        "http" => Operation::Http,
        text if rest.starts_with(char::is_whitespace) => operation(text)?,
        _ => return Err("after who, there is a space before what they may do"),
    };
    Ok(AccessRule { who, operation })
}

/// Reads the term that `text` begins with, and what comes after it.
fn term(text: &str) -> Result<(Term, &str), &'static str> {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '&' | ':')).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    let Some(after) = after.strip_prefix(':') else {
        let term = match word {
            "*" => Term::Any,
            "user" => Term::User,
            name => Term::Service(
                name.parse().map_err(|_| "a service has a name of lower-case letters, digits and hyphens")?,
            ),
        };
        return Ok((term, after));
    };
    if word == "claim" {
        let (name, after) = after.split_once('=').ok_or("a claim is written `claim:NAME=VALUE`")?;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || matches!(c, '&' | '"')) {
            return Err("a claim is written `claim:NAME=VALUE`");
        }
        let (value, after) = value(after)?;
        return Ok((Term::Claim { name: name.to_owned(), value: value.to_owned() }, after));
    }
    let (value, after) = value(after)?;
    let owned = || value.to_owned();
    let term = match word {
        "service" => {
            Term::Service(value.parse().map_err(|_| "a service has a name of lower-case letters, digits and hyphens")?)
        }
        "user" => Term::Subject(owned()),
        "issuer" => Term::Issuer(owned()),
        "scope" => Term::Scope(owned()),
        "group" => Term::Group(owned()),
        _ => return Err("before a colon stands `service`, `user`, `issuer`, `scope`, `group` or `claim`"),
    };
    Ok((term, after))
}

/// Reads the value that `text` begins with, in quotes or up to a space or `&`.
fn value(text: &str) -> Result<(&str, &str), &'static str> {
    let (value, after) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or("a quote has no end")?,
        None => text.split_at(text.find(|c: char| c.is_whitespace() || c == '&').unwrap_or(text.len())),
    };
    if value.is_empty() {
        return Err("a value is missing after a colon");
    }
    if value.contains('"') {
        return Err("a value has quotes around all of it, or none");
    }
    Ok((value, after))
}

fn operation(text: &str) -> Result<Operation, &'static str> {
    if let Ok(function) = text.parse() {
        return Ok(Operation::Function(function));
    }
    if let Ok(interface) = text.parse() {
        return Ok(Operation::Interface(interface));
    }
    let methods: Result<Vec<_>, _> = text.split(',').map(parse_method).collect();
    match methods {
        Ok(methods) if !text.bytes().any(|c| c.is_ascii_lowercase()) => Ok(Operation::Methods(methods)),
        _ => Err("what they may do is `http`, methods such as `GET,POST`, an interface, or one of its functions"),
    }
}
