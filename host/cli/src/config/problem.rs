//! What is wrong with a configuration file, told as a compiler tells it.

use std::fmt;
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// One thing that is wrong, with its place and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// The file, as it was named on the command line.
    pub(crate) file: String,
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// The column in characters, counted from 1.
    pub(crate) column: usize,
    /// The key, such as `services.orders.timeout`; empty where the file is no TOML.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) key: String,
    /// What is wrong, and what would be right.
    pub(crate) message: String,
    /// The line itself.
    #[serde(skip)]
    excerpt: String,
    /// How many characters of the line are meant.
    #[serde(skip)]
    width: usize,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl Problem {
    /// The same, for a line that nobody is to see.
    pub(crate) fn without_excerpt(self) -> Self {
        Self { excerpt: "(not shown: there may be a secret in this line)".to_owned(), column: 1, width: 1, ..self }
    }

    /// The line of the file with the place marked, to be shown below the problem.
    pub(crate) fn excerpt(&self) -> String {
        let dim = AnsiColor::BrightBlue.on_default();
        let mark = AnsiColor::Red.on_default().bold();
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs stay tabs, so that the mark stands under its place whatever their width.
        let indent: String =
            self.excerpt.chars().take(self.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let marks = "^".repeat(self.width);
        format!(
            " {dim}{number} |{dim:#} {}\n {dim}{margin} |{dim:#} {indent}{mark}{marks}{mark:#}",
            self.excerpt,
            dim = Styled(dim),
            mark = Styled(mark),
        )
    }
}

/// A style that `{}` begins and `{:#}` ends.
struct Styled(Style);

impl fmt::Display for Styled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() { write!(f, "{:#}", self.0) } else { write!(f, "{}", self.0) }
    }
}

/// Everything that is wrong with one file, in the order of its lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        Ok(())
    }
}

/// The text of a file, and where its lines begin.
pub(crate) struct Source<'t> {
    file: &'t str,
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Source<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, text, starts }
    }

    /// The line that this byte of the text is in, counted from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).max(1)
    }

    /// The problem at these bytes of the text.
    pub(crate) fn problem(&self, at: &Range<usize>, key: impl Into<String>, message: impl Into<String>) -> Problem {
        let line = self.line_of(at.start);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let rest = self.text.get(start..).unwrap_or_default();
        let excerpt = rest.split(['\n', '\r']).next().unwrap_or_default().to_owned();
        let before = rest.char_indices().take_while(|(offset, _)| start + offset < at.start).count();
        let to_end = excerpt.chars().count().saturating_sub(before);
        let meant = self.text.get(at.clone()).map_or(1, |meant| meant.chars().count());
        Problem {
            file: self.file.to_owned(),
            line,
            column: before + 1,
            key: key.into(),
            message: message.into(),
            excerpt,
            width: meant.min(to_end).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let source = Source::new("a.toml", "x = 1\ny = 'é' # ß\r\n\nz");
        for (at, place, excerpt) in [
            (0..1, (1, 1), "x = 1"),
            (4..5, (1, 5), "x = 1"),
            (6..7, (2, 1), "y = 'é' # ß"),
            (17..19, (2, 11), "y = 'é' # ß"),
            (21..21, (3, 1), ""),
            (22..23, (4, 1), "z"),
            (23..23, (4, 2), "z"),
            (99..99, (4, 2), "z"),
        ] {
            let problem = source.problem(&at, "k", "wrong");
            assert_eq!((problem.line, problem.column), place, "{at:?}");
            assert_eq!(problem.excerpt, excerpt, "{at:?}");
        }
    }

    #[test]
    fn a_problem_reads_like_a_compilers() {
        let source = Source::new("a.toml", "\ttimeot = 1");
        let problem = source.problem(&(1..7), "timeot", "unknown key");
        assert_eq!(problem.to_string(), "a.toml:1:2: timeot: unknown key");
        let plain = anstream::adapter::strip_str(&problem.excerpt()).to_string();
        assert_eq!(plain, " 1 | \ttimeot = 1\n   | \t^^^^^^");
    }
}
