//! What a comparison finds, for people and for programs.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

/// Changes of one kind, breaking or not, that are listed. Nobody reads more, and two hostile contracts could have a
/// million.
const LISTED: usize = 200;

/// What differs between two contracts. Shown, it reads like a diff: `-` is gone, `+` is new, `~` is another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The changes, in the order of the contracts.
    pub changes: Vec<Change>,
    /// How many more there are that are not listed.
    pub omitted: usize,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The import or export in which it is, by its name before: `shop:inventory/stock@0.1.0`.
    pub interface: String,
    /// Where in it: `reserve(order.lines[].qty)` in a parameter, `reserve -> result.ok` in a result, `reserve` for the
    /// function; empty for the interface.
    pub path: String,
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// Whether one side could write bytes that the other misreads or refuses.
    pub breaking: bool,
    /// What was there, or is asked for, in WIT notation.
    pub before: Option<String>,
    /// What is there now, or is offered, in WIT notation.
    pub after: Option<String>,
    /// Why it breaks, or why it does not; empty where that goes without saying.
    pub note: String,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Cases or flags at the end are gone.
    Narrowed,
    /// Cases or flags were added at the end.
    Widened,
    /// It has another type.
    Changed,
    /// It has another name.
    Renamed,
    /// The same names are in another order.
    Reordered,
}

impl Diff {
    /// Whether one of the changes breaks.
    pub fn breaks(&self) -> bool {
        self.breaking().next().is_some()
    }

    /// The changes that break.
    pub fn breaking(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.breaking)
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Lists `change`, or counts it if there are many like it already.
    pub(super) fn push(&mut self, change: Change) {
        let alike = self.changes.iter().filter(|other| other.breaking == change.breaking).count();
        if alike < LISTED {
            self.changes.push(change);
        } else {
            self.omitted += 1;
        }
    }

    /// Takes over what `other` found.
    pub(super) fn append(&mut self, other: Self) {
        self.omitted += other.omitted;
        other.changes.into_iter().for_each(|change| self.push(change));
    }
}

impl ChangeKind {
    fn sign(self) -> char {
        match self {
            Self::Added | Self::Widened => '+',
            Self::Removed | Self::Narrowed => '-',
            Self::Changed | Self::Renamed | Self::Reordered => '~',
        }
    }
}

impl Display for Change {
    /// One line: `~ reserve(order.lines[].qty): u32 -> u64  // breaks: another type`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.sign())?;
        let mut shown = self.before.iter().chain(&self.after).peekable();
        if !self.path.is_empty() {
            write!(f, " {}{}", self.path, if shown.peek().is_some() { ":" } else { "" })?;
        }
        for (index, text) in shown.enumerate() {
            write!(f, "{}{text}", if index == 0 { " " } else { " -> " })?;
        }
        match (self.breaking, self.note.as_str()) {
            (true, "") => f.write_str("  // breaks"),
            (true, note) => write!(f, "  // breaks: {note}"),
            (false, "") => Ok(()),
            (false, note) => write!(f, "  // {note}"),
        }
    }
}

impl Display for Diff {
    /// The changes of each interface, indented below its name.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut interface = None;
        for (index, change) in self.changes.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "\n" })?;
            if interface.replace(&change.interface) != Some(&change.interface) {
                writeln!(f, "{}", change.interface)?;
            }
            write!(f, "  {change}")?;
        }
        if self.omitted > 0 {
            write!(f, "\n  ... and {} more", self.omitted)?;
        }
        Ok(())
    }
}
