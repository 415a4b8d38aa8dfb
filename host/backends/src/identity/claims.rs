//! What a token says, held against what its issuer's tokens have to be (RFC 7519, 4.1; RFC 8725, 3).

use std::time::{Duration, SystemTime};

use patchbay_model::{Proof, User};
use serde_json::{Map, Value};

use super::refusal::{Reason, Refusal};
use super::settings::IssuerSettings;
use super::token::Unverified;

/// The end of the year 9999: no time of a token is later.
const LAST: u64 = 253_402_300_799;

/// When a token is good, with the leeway in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    from: SystemTime,
    pub(super) until: SystemTime,
}

impl Times {
    /// Whether it is good at `now`.
    pub(super) fn check(&self, now: SystemTime) -> Result<(), Refusal> {
        if now >= self.until {
            return Err(Refusal::new(Reason::Expired, "the token has expired"));
        }
        if now < self.from {
            return Err(Refusal::new(Reason::NotYet, "the token is not good yet"));
        }
        Ok(())
    }
}

/// The user that a token of `issuer` is about, and when it is good. `name` is the name of the issuer in the configuration.
/// The signature is not looked at, and neither is the clock.
///
/// # Errors
/// What is wrong with it.
pub(super) fn user(token: &Unverified<'_>, name: &str, issuer: &IssuerSettings) -> Result<(User, Times), Refusal> {
    let claims = &token.claims;
    kind(token.kind.as_deref(), issuer)?;
    if claims.get("iss").and_then(Value::as_str) != Some(issuer.issuer.as_str()) {
        return Err(Refusal::new(Reason::Issuer, "`iss` is another one"));
    }
    let audiences = texts(claims, "aud")?.unwrap_or_default();
    if !audiences.iter().any(|audience| issuer.audiences.contains(audience)) {
        return Err(Refusal::new(Reason::Audience, format!("the token is for {audiences:?}, which is not this host")));
    }
    let times = times(claims, issuer.leeway)?;
    if let Some(missing) = issuer.required_claims.iter().find(|claim| claims.get(*claim).is_none_or(Value::is_null)) {
        return Err(Refusal::new(Reason::Claims, format!("`{missing}` is missing")));
    }
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
    let subject = subject.ok_or_else(|| Refusal::new(Reason::Claims, "`sub` names nobody"))?;
    let user = User {
        scopes: scopes(claims, &issuer.scopes_claims)?,
        groups: groups(claims, &issuer.groups_claim)?,
        claims: claims.clone(),
        expires: Some(times.until),
        ..User::new(Proof::Token, name, subject)
    };
    Ok((user, times))
}

/// The type: a media type, whose case does not matter, where `application/` is left out (RFC 7515, 4.1.9).
fn kind(kind: Option<&str>, issuer: &IssuerSettings) -> Result<(), Refusal> {
    fn plain(kind: &str) -> &str {
        let prefix = kind.get(..12).filter(|prefix| prefix.eq_ignore_ascii_case("application/"));
        prefix.and_then(|prefix| kind.get(prefix.len()..)).unwrap_or(kind)
    }
    let found = plain(kind.unwrap_or_default());
    let wrong = || Refusal::new(Reason::Type, format!("its type {:?} is not accepted", kind.map(shortened)));
    // A type that is given is never one that is missing.
    if kind.is_some() && found.is_empty() {
        return Err(wrong());
    }
    let accepted = issuer.types.iter().any(|accepted| plain(accepted).eq_ignore_ascii_case(found));
    if accepted { Ok(()) } else { Err(wrong()) }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn times(claims: &Map<String, Value>, leeway: Duration) -> Result<Times, Refusal> {
    let expires = time(claims, "exp")?.ok_or_else(|| Refusal::new(Reason::Claims, "`exp` is missing"))?;
    // What is issued in the future comes from another clock, or from nobody who has one.
    let from = time(claims, "nbf")?.into_iter().chain(time(claims, "iat")?).max();
    let from = from.and_then(|from| from.checked_sub(leeway)).unwrap_or(SystemTime::UNIX_EPOCH);
    Ok(Times { from, until: expires + leeway })
}

/// A time in seconds since 1970 (RFC 7519, 2, "NumericDate"), which may have a fraction.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<SystemTime>, Refusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.is_finite() && *number >= 0.0)?;
        // Rounding down ends a token earlier, never later. A float that is too large becomes the largest number.
        (!value.is_i64()).then_some(number as u64)
    });
    let seconds = whole.filter(|seconds| *seconds <= LAST);
    let seconds = seconds.ok_or_else(|| Refusal::new(Reason::Claims, format!("`{name}` is no time")))?;
    Ok(Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))
}

/// A claim that is a text or a list of texts.
fn texts(claims: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    claims.get(name).map(|value| list(value, name)).transpose()
}

fn list(value: &Value, name: &str) -> Result<Vec<String>, Refusal> {
    let found = match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(elements) => elements.iter().map(|element| element.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    found.ok_or_else(|| Refusal::new(Reason::Claims, format!("`{name}` is neither a text nor a list of texts")))
}

/// `scope` is one text with spaces (RFC 8693, 4.2); other issuers have lists.
fn scopes(claims: &Map<String, Value>, names: &[String]) -> Result<Vec<String>, Refusal> {
    let Some(name) = names.iter().find(|name| claims.contains_key(*name)) else { return Ok(Vec::new()) };
    let texts = texts(claims, name)?.unwrap_or_default();
    Ok(texts.iter().flat_map(|text| text.split_ascii_whitespace()).map(str::to_owned).collect())
}

fn groups(claims: &Map<String, Value>, name: &str) -> Result<Vec<String>, Refusal> {
    let found = match name.strip_prefix('/') {
        // The first step of the pointer is a claim; the rest leads through its value.
        Some(path) => {
            let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
            let value = claims.get(&first.replace("~1", "/").replace("~0", "~"));
            value.and_then(|value| rest.map_or(Some(value), |rest| value.pointer(&format!("/{rest}"))))
        }
        None => claims.get(name),
    };
    found.map_or_else(|| Ok(Vec::new()), |value| list(value, name))
}
