//! What a command prints: text for people, with colour where it is seen, or JSON for programs.

use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::config::ConfigError;
use crate::failure::Failure;

/// Good news.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Something to look at.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Bad news.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// A name.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default().bold();
/// Headings.
pub(crate) const HEAD: Style = Style::new().bold();
/// What can be overlooked.
pub(crate) const DIM: Style = Style::new().dimmed();

/// `text` in a style. The streams take the style away where nobody sees it.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// What somebody else wrote, without what would command the terminal.
pub(crate) fn harmless(text: &str) -> String {
    let escape = |c: char| if c.is_control() && c != '\t' { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// Where a command prints to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Whether programs read the output.
    pub(crate) json: bool,
}

impl Screen {
    /// Prints one line for people; nothing if programs read the output.
    pub(crate) fn line(self, text: impl std::fmt::Display) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let mut out = AutoStream::auto(io::stdout().lock());
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// Prints one line that is no part of the answer, on stderr.
    pub(crate) fn note(self, text: impl std::fmt::Display) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        writeln!(AutoStream::auto(io::stderr().lock()), "{text}")
    }

    /// Prints one JSON value on one line.
    pub(crate) fn value(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)?;
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        Ok(out.flush()?)
    }

    /// Whether a line on stderr can be written over, to show that work goes on.
    pub(crate) fn is_lively(self) -> bool {
        !self.json && io::stderr().is_terminal() && io::stdout().is_terminal()
    }

    /// Prints why a command failed: on stderr for people, and on stdout for programs if they read the output.
    pub(crate) fn failure(self, failure: &Failure) -> Result<(), Failure> {
        if self.json {
            self.value(&as_json(failure))?;
        }
        let mut out = AutoStream::auto(io::stderr().lock());
        let Some(ConfigError::Problems(problems)) = failure.error.downcast_ref() else {
            writeln!(out, "{}: {failure}", styled(BAD, "error"))?;
            return Ok(());
        };
        for problem in &problems.0 {
            writeln!(out, "{}: {problem}\n{}", styled(BAD, "error"), problem.excerpt())?;
        }
        let (n, s) = (problems.0.len(), if problems.0.len() == 1 { "" } else { "s" });
        writeln!(out, "{}: {n} problem{s} in the configuration", styled(BAD, "error"))?;
        Ok(())
    }
}

/// A failure as programs read it.
fn as_json(failure: &Failure) -> serde_json::Value {
    let problems = match failure.error.downcast_ref() {
        Some(ConfigError::Problems(problems)) => Some(&problems.0),
        Some(ConfigError::Unreadable { .. }) | None => None,
    };
    let mut value = serde_json::json!({ "error": failure.to_string(), "exit": failure.kind as u8 });
    if let (Some(problems), Some(object)) = (problems, value.as_object_mut()) {
        object.insert("problems".to_owned(), serde_json::json!(problems));
    }
    value
}
