//! What must not be read in a log is taken out of it: values of fields, headers and parameters whose names say that they are
//! secret, credentials that can be told by their form, and values that are known to be secret.
//!
//! The host writes none of these by itself. This is for what others put into texts that it repeats: guests into what they
//! print, clients into paths, servers into errors.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::LogRecord;
use crate::{Secret, sounds_secret};

/// What stands in place of what was taken out.
pub const REDACTED: &str = "[redacted]";

/// Header fields that carry credentials. All of such a line is one.
const HEADERS: [&str; 6] = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"];

/// Names that say it by themselves, without what else stands in them.
const PLAIN: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "clientsecret",
    "apikey",
    "accesstoken",
    "refreshtoken",
    "privatekey",
];

/// Bytes of a value that is known to be secret, at least: what is shorter stands in other words, too.
const SHORTEST: usize = 6;

/// Takes secrets out of records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redaction {
    /// Further names, in lower case.
    names: Vec<String>,
}

impl Redaction {
    /// Also takes out the values of what has these names, whatever the case of the letters.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self { names: names.into_iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// Takes out of a record what must not be read, also each of `values` where it stands in it.
    pub fn apply<S: AsRef<Secret>>(&self, record: &mut LogRecord, values: &[S]) {
        for text in [&mut record.context, &mut record.user].into_iter().flatten().chain([&mut record.line]) {
            self.clean(text, values);
        }
        for (name, value) in &mut record.fields {
            self.field(name, value, values);
        }
    }

    fn field<S: AsRef<Secret>>(&self, name: &str, value: &mut Value, values: &[S]) {
        match value {
            Value::Null | Value::Bool(_) => {}
            _ if self.is_secret(name) => *value = Value::String(REDACTED.to_owned()),
            Value::String(text) => self.clean(text, values),
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.field("", element, values)),
            Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| self.field(name, value, values)),
            Value::Number(_) => {}
        }
    }

    fn clean<S: AsRef<Secret>>(&self, text: &mut String, values: &[S]) {
        for value in values {
            // A value of several lines is printed line by line.
            for line in value.as_ref().expose().lines().filter(|line| line.len() >= SHORTEST) {
                if text.contains(line) {
                    *text = text.replace(line, REDACTED);
                }
            }
        }
        if let Cow::Owned(clean) = self.text(text) {
            *text = clean;
        }
    }

    /// `text` without what must not be read in it.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut found = self.named(text);
        found.extend(credentials(text));
        found.extend(tokens(text));
        found.extend(passwords_in_urls(text));
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let (mut clean, mut from) = (String::with_capacity(text.len()), 0);
        for range in found {
            if range.start < from && range.end <= from {
                continue;
            }
            // What begins within another one goes on where that ends.
            if range.start >= from {
                clean.push_str(text.get(from..range.start).unwrap_or_default());
                clean.push_str(REDACTED);
            }
            from = range.end;
        }
        clean.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(clean)
    }

    /// Whether a name says that its value is to be kept secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.is_header(name) || sounds_secret(name)
    }

    fn is_header(&self, name: &str) -> bool {
        let known = HEADERS.into_iter().chain(self.names.iter().map(String::as_str));
        known.into_iter().any(|header| header.eq_ignore_ascii_case(name))
    }

    /// Values behind names that are secret: `NAME=VALUE`, `NAME: VALUE`, `"NAME": "VALUE"`.
    fn named(&self, text: &str) -> Vec<Range<usize>> {
        let bytes = text.as_bytes();
        let signs = bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b'=' | b':'));
        let value = |(at, sign): (usize, &u8)| {
            let (name, quoted) = name_before(text, at)?;
            let whole_line = self.is_header(name);
            let plain = || {
                let letters = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
                PLAIN.contains(&letters.as_str())
            };
            // In prose, a colon follows words that only mention a secret.
            let secret = whole_line || if *sign == b'=' || quoted { sounds_secret(name) } else { plain() };
            secret.then(|| value_after(text, at + 1, whole_line)).flatten()
        };
        signs.filter_map(value).collect()
    }
}

/// The name that ends before the byte at `end`, and whether it stands in quotes.
fn name_before(text: &str, end: usize) -> Option<(&str, bool)> {
    let before = text.get(..end)?.trim_end_matches(' ');
    let (before, quoted) = match before.strip_suffix(['"', '\'']) {
        // JSON in JSON has its quotes escaped.
        Some(inner) => (inner.trim_end_matches('\\'), true),
        None => (before, false),
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let start = before.rfind(|c: char| !is_part(c)).map_or(0, |at| at + before.get(at..).map_or(1, first_length));
    let name = before.get(start..)?;
    (!name.is_empty()).then_some((name, quoted))
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

/// Where the value is that begins at `from`, behind spaces; in quotes it ends with them, otherwise with the line or the word.
fn value_after(text: &str, from: usize, whole_line: bool) -> Option<Range<usize>> {
    let rest = text.get(from..)?;
    let start = from + rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let rest = text.get(start..)?;
    let opening = rest.trim_start_matches('\\');
    if let Some(quote) = opening.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let start = start + (rest.len() - opening.len()) + 1;
        let inner = text.get(start..)?;
        return Some(start..start + closing(inner, quote)).filter(|range| !range.is_empty());
    }
    let ends = |c: char| match whole_line {
        true => matches!(c, '\r' | '\n' | '"' | '\''),
        false => c.is_whitespace() || matches!(c, '"' | '\'' | '&' | ',' | ';' | ')' | ']' | '}' | '`'),
    };
    let end = start + rest.find(ends).unwrap_or(rest.len());
    Some(start..end).filter(|range| !range.is_empty())
}

/// Where the text in quotes ends; at a backslash that is no escape of another one, too, because then the quotes were escaped.
fn closing(inner: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            c if c == quote => return if escaped { at - 1 } else { at },
            _ => escaped = false,
        }
    }
    inner.len()
}

/// Credentials of HTTP: `Bearer` and `Basic`, and what follows.
fn credentials(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let spaces = bytes.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at);
    let credential = |at: usize| {
        let scheme = bytes.get(..at)?.rsplit(|byte| !byte.is_ascii_alphabetic()).next()?;
        let known = scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"basic");
        let rest = bytes.get(at + 1..).filter(|_| known)?;
        let word: &[u8] = rest.split(|byte| !is_token68(*byte)).next()?;
        // Words of prose, such as "basic understanding", have neither digits nor capital letters.
        let odd = word.len() >= 8 && word.iter().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        odd.then_some(at + 1..at + 1 + word.len())
    };
    spaces.filter_map(credential).collect()
}

const fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

/// JSON Web Tokens, wherever they stand: their first part is an object in base64, and so begins with `eyJ`.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let token = |(at, _): (usize, &str)| {
        let rest = text.get(at..)?;
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(rest.len());
        let mut parts = rest.get(..end)?.split('.');
        let [head, claims] = [parts.next()?, parts.next()?];
        parts.next()?;
        (head.len() >= 10 && claims.len() >= 4).then_some(at..at + end)
    };
    text.match_indices("eyJ").filter_map(token).collect()
}

/// Passwords in URLs: `scheme://user:PASSWORD@host`.
fn passwords_in_urls(text: &str) -> Vec<Range<usize>> {
    let password = |(at, mark): (usize, &str)| {
        let start = at + mark.len();
        let rest = text.get(start..)?;
        let authority =
            rest.get(..rest.find(|c: char| c.is_whitespace() || "/?#\"'".contains(c)).unwrap_or(rest.len()))?;
        let (user, _) = authority.rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        (!password.is_empty()).then_some(start + name.len() + 1..start + user.len())
    };
    text.match_indices("://").filter_map(password).collect()
}

#[cfg(test)]
mod tests;
