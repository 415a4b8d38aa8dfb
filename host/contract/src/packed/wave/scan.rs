//! The marks, words, numbers and quoted texts of WAVE.

use crate::packed::PackedError;
use crate::path::Path;
use crate::short::short;

/// What is left of a text. A copy of it is a place to go back to.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'s> {
    source: &'s str,
    rest: &'s str,
}

/// A name or a keyword.
pub(super) struct Word<'s> {
    pub(super) text: &'s str,
    /// Whether it has a `%` before it, and so is a name.
    pub(super) is_escaped: bool,
}

impl<'s> Scanner<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { source, rest: source }
    }

    /// The end of the text.
    pub(super) fn finish(mut self, path: &Path<'_>) -> Result<(), PackedError> {
        if self.peek().is_some() { Err(self.wrong(path, "nothing more")) } else { Ok(()) }
    }

    /// Goes over spaces and comments.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
            let Some(comment) = self.rest.strip_prefix("//") else { return };
            self.rest = comment.find('\n').and_then(|end| comment.get(end..)).unwrap_or_default();
        }
    }

    /// The next character.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.skip();
        self.rest.chars().next()
    }

    /// Goes over `mark`, if it is next.
    pub(super) fn eat(&mut self, mark: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Goes over `mark`.
    pub(super) fn expect(&mut self, mark: char, path: &Path<'_>) -> Result<(), PackedError> {
        if self.eat(mark) { Ok(()) } else { Err(self.wrong(path, format!("`{mark}`"))) }
    }

    /// The next characters that `belongs` to, as far as there are some.
    fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'s str {
        let end = self.rest.find(|char| !belongs(char)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        run
    }

    /// The next name or keyword.
    pub(super) fn word(&mut self) -> Option<Word<'s>> {
        self.skip();
        let begin = *self;
        let is_escaped = self.eat('%');
        if !self.rest.starts_with(|char: char| char.is_ascii_alphabetic()) {
            *self = begin;
            return None;
        }
        Some(Word { text: self.run(|char| char.is_ascii_alphanumeric() || char == '-'), is_escaped })
    }

    /// The next number: `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`.
    pub(super) fn number(&mut self) -> Option<&'s str> {
        self.skip();
        let begin = *self;
        let text = self.run(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '+' | '.'));
        if is_number(text) {
            return Some(text);
        }
        *self = begin;
        None
    }

    /// The next text between two `quote`s, which was seen; or between two `"""` on lines of their own.
    pub(super) fn quoted(&mut self, quote: char, path: &Path<'_>) -> Result<String, PackedError> {
        if quote == '"' && self.rest.starts_with("\"\"\"") {
            return self.lines(path);
        }
        self.expect(quote, path)?;
        let mut text = String::new();
        loop {
            let plain = self.run(|char| char != quote && char != '\\' && char != '\n');
            text.push_str(plain);
            if let Some(rest) = self.rest.strip_prefix(quote) {
                self.rest = rest;
                return Ok(text);
            }
            if !self.rest.starts_with('\\') {
                return Err(self.wrong_here(path, format!("`{quote}`, which ends the text")));
            }
            text.push(self.escaped(path)?);
        }
    }

    /// The character that an escape stands for.
    fn escaped(&mut self, path: &Path<'_>) -> Result<char, PackedError> {
        let wrong = |scanner: &Self| {
            scanner.wrong_here(path, "one of the escapes `\\\\`, `\\'`, `\\\"`, `\\t`, `\\n`, `\\r`, `\\u{...}`")
        };
        let mut chars = self.rest.chars();
        let char = match (chars.next(), chars.next()) {
            (Some('\\'), Some(char @ ('\\' | '\'' | '"'))) => char,
            (Some('\\'), Some('t')) => '\t',
            (Some('\\'), Some('n')) => '\n',
            (Some('\\'), Some('r')) => '\r',
            (Some('\\'), Some('u')) => {
                let (digits, rest) = chars
                    .as_str()
                    .strip_prefix('{')
                    .and_then(|rest| rest.split_once('}'))
                    .ok_or_else(|| wrong(self))?;
                let is_short = (1..=6).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_short);
                let char = number.and_then(char::from_u32).ok_or_else(|| wrong(self))?;
                self.rest = rest;
                return Ok(char);
            }
            _ => return Err(wrong(self)),
        };
        self.rest = chars.as_str();
        Ok(char)
    }

    /// A text between two `"""`: the lines between them, less the indentation of the last.
    fn lines(&mut self, path: &Path<'_>) -> Result<String, PackedError> {
        let begin = *self;
        let body = self.rest.strip_prefix("\"\"\"").unwrap_or_default();
        let wrong = |expected: &str| begin.wrong(path, expected);
        let (body, rest) = body.split_once("\"\"\"").ok_or_else(|| wrong("`\"\"\"` at the end of the text, too"))?;
        let body = body.strip_prefix("\r\n").or_else(|| body.strip_prefix('\n'));
        let body = body.ok_or_else(|| wrong("a new line behind `\"\"\"`"))?;
        // Without a line between them there is no line break before the last.
        let (body, indent) = body.rsplit_once('\n').map_or((None, body), |(body, indent)| (Some(body), indent));
        if !indent.bytes().all(|byte| byte == b' ') {
            return Err(wrong("`\"\"\"` on a line of its own at the end of the text"));
        }
        let mut text = String::new();
        for (index, line) in body.into_iter().flat_map(|body| body.split('\n')).enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let line =
                line.strip_prefix(indent).ok_or_else(|| wrong("lines indented like the `\"\"\"` at their end"))?;
            text.push_str(if index == 0 { "" } else { "\n" });
            let mut line = Self { source: line, rest: line };
            loop {
                text.push_str(line.run(|char| char != '\\'));
                if line.rest.is_empty() {
                    break;
                }
                let escaped = line.escaped(path);
                text.push(escaped.map_err(|_| wrong("escapes such as `\\n` and `\\u{...}` only"))?);
            }
        }
        self.rest = rest;
        Ok(text)
    }

    /// The error that something else is next.
    pub(super) fn wrong(mut self, path: &Path<'_>, expected: impl Into<String>) -> PackedError {
        self.skip();
        self.wrong_here(path, expected)
    }

    /// The error that something else is here, where spaces count.
    fn wrong_here(mut self, path: &Path<'_>, expected: impl Into<String>) -> PackedError {
        let before = self.source.get(..self.source.len().saturating_sub(self.rest.len())).unwrap_or_default();
        let line_before = before.rsplit('\n').next().unwrap_or_default();
        let found = match self.rest.chars().next() {
            None => "the end of the text".to_owned(),
            Some('\n') => "the end of the line".to_owned(),
            Some(mark) => {
                let word = self.run(|char| char.is_ascii_alphanumeric() || matches!(char, '%' | '-' | '+' | '.'));
                let word: String = word.chars().take(40).collect();
                format!("`{}`", if word.is_empty() { mark.to_string() } else { word })
            }
        };
        PackedError::Syntax {
            line: before.matches('\n').count() + 1,
            column: line_before.chars().count() + 1,
            path: short(path),
            expected: expected.into(),
            found,
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(text, power)| (text, Some(power)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, part)| (whole, Some(part)));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|power| digits(power.strip_prefix(['-', '+']).unwrap_or(power)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart() {
        for text in ["0", "-0", "10", "1.5", "1e9", "-1.25E-3", "0.0", "1e+07"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "e1", "0x1", "1.e1", "--1", "inf", "1-"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
