//! A reader of TOML tables that remembers which keys it was asked for: what is in the file and was never asked for is
//! unknown, so no key can be accepted that nothing reads.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use patchbay_control::Places;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::closest;
use super::problem::{Problem, Source};
use super::secrets::is_confidential;
use super::value::describe;

/// What was found wrong, and what was asked for, while a file is read.
pub(crate) struct Reader<'t> {
    source: Source<'t>,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
    /// Every key that was asked for, with its path.
    asked: RefCell<BTreeSet<String>>,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(source: Source<'t>) -> Self {
        Self { source, problems: RefCell::default(), warnings: RefCell::default(), asked: RefCell::default() }
    }

    /// Notes a problem at these bytes of the file.
    pub(crate) fn report(&self, at: &Range<usize>, key: &str, message: impl Into<String>) {
        self.problems.borrow_mut().push(self.problem(at, key, message));
    }

    fn problem(&self, at: &Range<usize>, key: &str, message: impl Into<String>) -> Problem {
        let problem = self.source.problem(at, key, message);
        if is_confidential(key) { problem.without_excerpt() } else { problem }
    }

    /// Reads the outermost table.
    pub(crate) fn root<T>(&self, table: &Spanned<DeTable<'_>>, read: impl FnOnce(&mut Table<'_>) -> T) -> T {
        self.visit(String::new(), table.span(), Some(table.get_ref()), read)
    }

    /// The problems and the warnings, each in the order of the file, and the keys that were asked for.
    pub(crate) fn finish(self) -> (Vec<Problem>, Vec<Problem>, BTreeSet<String>) {
        let [problems, warnings] = [self.problems, self.warnings].map(|told| {
            let mut told = told.into_inner();
            told.sort_by_key(|problem| (problem.line, problem.column));
            told
        });
        (problems, warnings, self.asked.into_inner())
    }

    /// Notes the line of each key of `table`, under its path.
    fn note_places(&self, path: &str, table: &DeTable<'_>, places: &mut Places) {
        for (key, value) in table {
            let name = key.get_ref();
            let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            if let Some(within) = value.get_ref().as_table() {
                self.note_places(&path, within, places);
            }
            let line = u32::try_from(self.source.line_of(key.span().start)).unwrap_or(u32::MAX);
            places.0.insert(path, line);
        }
    }

    /// A value as a table; reported if it is none.
    fn as_table<'v>(&self, path: &str, value: &'v Spanned<DeValue<'v>>) -> Option<&'v DeTable<'v>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let found = describe(value.get_ref());
            self.report(&value.span(), path, format!("expected a table `[{path}]`, found {found}"));
        }
        table
    }

    fn visit<T>(
        &self,
        path: String,
        at: Range<usize>,
        entries: Option<&DeTable<'_>>,
        read: impl FnOnce(&mut Table<'_>) -> T,
    ) -> T {
        let mut table = Table { reader: self, path, at, entries, asked: Vec::new() };
        let value = read(&mut table);
        table.report_unknown();
        value
    }
}

/// One table of the file, or the lack of one: then nothing is in it.
pub(crate) struct Table<'r> {
    reader: &'r Reader<'r>,
    path: String,
    at: Range<usize>,
    entries: Option<&'r DeTable<'r>>,
    asked: Vec<&'static str>,
}

impl<'r> Table<'r> {
    /// Where problems are noted.
    pub(crate) fn reader(&self) -> &'r Reader<'r> {
        self.reader
    }

    /// Where the table is in the file, such as `services.orders`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The value of a key, if the file has one and `parse` takes it.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.ask(key)?;
        match parse(value.get_ref()) {
            Ok(value) => Some(value),
            Err(message) => {
                self.reader.report(&value.span(), &self.path_of(key), message);
                None
            }
        }
    }

    /// Replaces `target` by the value of a key, if the file has one and `parse` takes it.
    pub(crate) fn set<T>(
        &mut self,
        key: &'static str,
        target: &mut T,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) {
        if let Some(value) = self.optional(key, parse) {
            *target = value;
        }
    }

    /// The elements of a list, each with its place; those that `parse` does not take are reported.
    pub(crate) fn list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Vec<(Range<usize>, T)> {
        let Some(value) = self.ask(key) else { return Vec::new() };
        let Some(elements) = value.get_ref().as_array() else {
            let found = describe(value.get_ref());
            self.reader.report(&value.span(), &self.path_of(key), format!("expected a list, found {found}"));
            return Vec::new();
        };
        let mut parsed = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            match parse(element.get_ref()) {
                Ok(value) => parsed.push((element.span(), value)),
                Err(message) => {
                    let path = format!("{}[{index}]", self.path_of(key));
                    self.reader.report(&element.span(), &path, message);
                }
            }
        }
        parsed
    }

    /// Whether the value of a key is a table.
    pub(crate) fn is_table(&mut self, key: &'static str) -> bool {
        self.ask(key).is_some_and(|value| value.get_ref().is_table())
    }

    /// Reads the table under a key. A table that is not there is read as an empty one.
    pub(crate) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Table<'_>) -> T) -> T {
        let path = self.path_of(key);
        let Some(value) = self.ask(key) else {
            return self.reader.visit(path, self.at.clone(), None, read);
        };
        self.reader.visit(path.clone(), value.span(), self.reader.as_table(&path, value), read)
    }

    /// Whether the file has this key. Asks for it.
    pub(crate) fn has(&mut self, key: &'static str) -> bool {
        self.ask(key).is_some()
    }

    /// The entries of a table whose keys are names that the file chooses, in the order of the file.
    pub(crate) fn named(&mut self, key: &'static str) -> Vec<Named<'r>> {
        let path = self.path_of(key);
        let Some(table) = self.ask(key).and_then(|value| self.reader.as_table(&path, value)) else {
            return Vec::new();
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let reader = self.reader;
        let named = entries.into_iter().map(|(name, value)| Named {
            reader,
            path: join(&path, name.get_ref()),
            name: name.get_ref(),
            at: name.span(),
            value,
        });
        named.collect()
    }

    /// The lines at which the keys of this table and of those within it stand.
    pub(crate) fn places(&self) -> Places {
        let mut places = Places::default();
        if let Some(entries) = self.entries {
            self.reader.note_places("", entries, &mut places);
        }
        places
    }

    /// Where the value of a key stands, or the table where the key is missing.
    pub(crate) fn place(&mut self, key: &'static str) -> Range<usize> {
        self.ask(key).map_or_else(|| self.at.clone(), Spanned::span)
    }

    /// Notes a problem with the value of a key, or with the table where the key is missing.
    pub(crate) fn report(&mut self, key: &'static str, message: impl Into<String>) {
        let at = self.place(key);
        self.reader.report(&at, &self.path_of(key), message);
    }

    /// Notes a problem with the table as a whole.
    pub(crate) fn report_here(&self, message: impl Into<String>) {
        self.reader.report(&self.at, &self.path, message);
    }

    /// Notes a problem with a value that this table itself has; `key` may lead into tables within, with dots. What
    /// is not here was inherited, and is reported where it stands.
    pub(crate) fn report_own(&self, key: &str, message: &str) {
        let mut table = self.entries;
        let mut found = None;
        for part in key.split('.') {
            found = table.and_then(|table| table.get(part));
            table = found.and_then(|value| value.get_ref().as_table());
        }
        if let Some(value) = found {
            self.reader.report(&value.span(), &self.path_of(key), message);
        }
    }

    fn ask(&mut self, key: &'static str) -> Option<&'r Spanned<DeValue<'r>>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
            self.reader.asked.borrow_mut().insert(self.path_of(key));
        }
        self.entries?.get(key)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn report_unknown(&self) {
        for (key, _) in self.entries.into_iter().flatten() {
            let name = key.get_ref();
            if self.asked.iter().any(|asked| asked == name) {
                continue;
            }
            let fix = closest::suggestion(name, &self.asked);
            self.reader.report(&key.span(), &join(&self.path, name), format!("unknown key; {fix}"));
        }
    }
}

/// An entry of a table whose keys are names.
pub(crate) struct Named<'r> {
    reader: &'r Reader<'r>,
    /// Where it is in the file, such as `services.orders`.
    path: String,
    /// Its key.
    pub(crate) name: &'r str,
    at: Range<usize>,
    value: &'r Spanned<DeValue<'r>>,
}

impl Named<'_> {
    /// Notes a problem with the name.
    pub(crate) fn report(&self, message: impl Into<String>) {
        self.reader.report(&self.at, &self.path, message);
    }

    /// Where its name stands.
    pub(crate) fn place(&self) -> Range<usize> {
        self.at.clone()
    }

    /// Notes something about it that is no problem.
    pub(crate) fn warn(&self, message: impl Into<String>) {
        let warning = self.reader.problem(&self.at, &self.path, message);
        self.reader.warnings.borrow_mut().push(warning);
    }

    /// Whether its value is of a kind.
    pub(crate) fn is(&self, kind: impl FnOnce(&DeValue<'_>) -> bool) -> bool {
        kind(self.value.get_ref())
    }

    /// The value, if `parse` takes it.
    pub(crate) fn parsed_name<T: std::str::FromStr<Err: std::fmt::Display>>(&self) -> Option<T> {
        self.name.parse().map_err(|error: T::Err| self.report(error.to_string())).ok()
    }

    /// Its value.
    pub(crate) fn value<T>(&self, parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>) -> Option<T> {
        let parsed = parse(self.value.get_ref());
        parsed.map_err(|message| self.reader.report(&self.value.span(), &self.path, message)).ok()
    }

    /// Reads the value as a table.
    pub(crate) fn table<T>(&self, read: impl FnOnce(&mut Table<'_>) -> T) -> Option<T> {
        let entries = self.reader.as_table(&self.path, self.value)?;
        Some(self.reader.visit(self.path.clone(), self.at.clone(), Some(entries), read))
    }
}

/// The path of a key within a table, quoted where TOML would want it.
pub(super) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}
