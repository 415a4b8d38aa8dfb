//! The file key by key, as it is written: to tell what is different in another one. What is secret is not shown.

use std::collections::BTreeMap;
use std::ops::Range;

use patchbay_gateway::{KeyChange, KeyChangeKind};
use toml::de::{DeTable, DeValue};

use super::problem::Source;
use super::secrets::is_confidential;
use super::table::join;
use super::value;

/// The longest value that is shown whole, in characters.
const SHOWN: usize = 200;

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Document(BTreeMap<String, Said>);

/// One value, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    /// The value, to be compared.
    value: String,
    /// The value, to be shown.
    shown: String,
    line: usize,
    at: Range<usize>,
}

impl Document {
    /// Reads a text that is TOML; what is none says nothing.
    pub(crate) fn of(file: &str, text: &str) -> Self {
        let (table, _) = DeTable::parse_recoverable(text);
        let mut document = Self::default();
        document.add("", table.get_ref(), &Source::new(file, text));
        document
    }

    fn add(&mut self, path: &str, table: &DeTable<'_>, source: &Source<'_>) {
        for (key, value) in table {
            let path = join(path, key.get_ref());
            let reference = is_confidential(&path).then(|| shown_reference(value.get_ref())).flatten();
            if let (Some(within), None) = (value.get_ref().as_table().filter(|within| !within.is_empty()), &reference) {
                self.add(&path, within, source);
                continue;
            }
            let text = text_of(value.get_ref());
            let shown = reference.unwrap_or_else(|| shown(&path, &text));
            let at = key.span();
            let line = source.line_of(at.start);
            self.0.insert(path, Said { value: text, shown, line, at });
        }
    }

    /// Where a key stands, or the first one within it, in bytes of the text; at its beginning, if it says nothing of it.
    pub(crate) fn place(&self, key: &str) -> Range<usize> {
        let within = format!("{key}.");
        let said = self.0.iter().find(|(own, _)| *own == key || own.starts_with(&within));
        said.map_or(0..0, |(_, said)| said.at.clone())
    }

    /// What is different in `new`, in the order of its lines; what is gone comes last.
    pub(crate) fn changes_to(&self, new: &Self) -> Vec<KeyChange> {
        let change = |key: &String, change, old: Option<&Said>, new: Option<&Said>| KeyChange {
            key: key.clone(),
            change,
            old: old.map(|said| said.shown.clone()),
            new: new.map(|said| said.shown.clone()),
            line: new.or(old).map_or(1, |said| said.line),
            needs_restart: false,
        };
        let mut changes: Vec<_> = new
            .0
            .iter()
            .filter_map(|(key, said)| match self.0.get(key) {
                None => Some(change(key, KeyChangeKind::Added, None, Some(said))),
                Some(old) if old.value != said.value => {
                    Some(change(key, KeyChangeKind::Changed, Some(old), Some(said)))
                }
                Some(_) => None,
            })
            .collect();
        changes.sort_by_key(|change| change.line);
        let gone = self.0.iter().filter(|(key, _)| !new.0.contains_key(*key));
        let mut gone: Vec<_> = gone.map(|(key, old)| change(key, KeyChangeKind::Removed, Some(old), None)).collect();
        gone.sort_by_key(|change| change.line);
        changes.append(&mut gone);
        changes
    }
}

/// A value as text.
fn text_of(value: &DeValue<'_>) -> String {
    value::json(value).map_or_else(|_| value::describe(value), |json| json.to_string())
}

/// The reference to a secret, if `value` is one.
fn shown_reference(value: &DeValue<'_>) -> Option<String> {
    let json = value::json(value).ok()?;
    serde_json::from_value::<patchbay_model::SecretRef>(json).ok().map(|reference| reference.to_string())
}

/// A value as it may be shown.
fn shown(path: &str, value: &str) -> String {
    if is_confidential(path) {
        return "(secret)".to_owned();
    }
    let mut shown: String = value.chars().take(SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The changes, a line each, as text.
    fn changes(old: &str, new: &str) -> Vec<String> {
        let changes = Document::of("a", old).changes_to(&Document::of("b", new));
        let none = || "-".to_owned();
        changes
            .into_iter()
            .map(|change| {
                let (old, new) = (change.old.unwrap_or_else(none), change.new.unwrap_or_else(none));
                format!("{}: {:?} {} {old} {new}", change.line, change.change, change.key)
            })
            .collect()
    }

    #[test]
    fn changes_have_their_keys_values_and_lines() {
        let old = "[http]\nlisten = \"a:1\"\nmax_head = \"64KiB\"\n[services.orders]\nroutes = [\"/a\"]\nlinks = {}\n";
        for (new, wanted) in [
            (old.to_owned(), vec![]),
            (format!("# a comment\n{}", old.replace("[http]", "[ http ]")), vec![]),
            (old.replace("a:1", "b:1"), vec![r#"2: Changed http.listen "a:1" "b:1""#]),
            (
                old.replace("[\"/a\"]", "[\"/a\", \"/b\"]"),
                vec![r#"5: Changed services.orders.routes ["/a"] ["/a","/b"]"#],
            ),
            (
                old.replace("max_head = \"64KiB\"", "max_headers = 7"),
                vec!["3: Added http.max_headers - 7", r#"3: Removed http.max_head "64KiB" -"#],
            ),
            (
                old.replace("links = {}", "links = { \"a:b/c\" = { timeout = \"1s\" } }"),
                vec![
                    r#"6: Added services.orders.links."a:b/c".timeout - "1s""#,
                    "6: Removed services.orders.links {} -",
                ],
            ),
        ] {
            assert_eq!(changes(old, &new), wanted, "{new}");
        }
    }

    #[test]
    fn secrets_are_told_and_not_shown() {
        let text = |secret: &str, config: &str| {
            format!("[services.a.secrets]\nkey = {secret}\n[services.a.config]\n{config}\n")
        };
        let old = text(r#"{ file = "a" }"#, "password = \"hunter1\"\ngreeting = \"hi\"");
        for (new, wanted) in [
            (
                text(r#"{ env = "A" }"#, "password = \"hunter1\"\ngreeting = \"hi\""),
                vec!["2: Changed services.a.secrets.key secret(file:a) secret(env:A)"],
            ),
            (
                text(r#"{ file = "a" }"#, "password = \"hunter2\"\ngreeting = \"ho\""),
                vec![
                    "4: Changed services.a.config.password (secret) (secret)",
                    r#"5: Changed services.a.config.greeting "hi" "ho""#,
                ],
            ),
            (
                text("\"hunter2\"", "password = \"hunter1\"\ngreeting = \"hi\""),
                vec!["2: Changed services.a.secrets.key secret(file:a) (secret)"],
            ),
        ] {
            assert_eq!(changes(&old, &new), wanted);
        }
    }
}
