//! Who made a component: the `producers` sections of it and of all that is nested in it.
//!
//! Layout: <https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md>

use std::collections::BTreeSet;

use serde::Serialize;
use wasmparser::{CustomSectionReader, KnownCustom, ProducersSectionReader};

/// Entries that are kept. A component has a dozen; what is beyond this only says less about who made it.
const KEPT: usize = 256;

/// Bytes of a name or version that are kept.
const KEPT_BYTES: usize = 256;

/// A tool or language that had a part in a component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Producer {
    /// The part: `language`, `processed-by` or `sdk`, as its tools wrote it, or `library` for a shared library that
    /// is linked into it.
    pub field: String,
    /// The tool or language.
    pub name: String,
    /// Its version; empty if it gave none.
    pub version: String,
}

/// Collects producers without repetition.
#[derive(Debug, Default)]
pub(crate) struct Producers(BTreeSet<Producer>);

impl Producers {
    /// Adds what `section` says, if it is a `producers` section. A damaged one counts as far as it can be read: custom
    /// sections do not make a component invalid.
    pub(crate) fn add(&mut self, section: &CustomSectionReader<'_>) {
        if let KnownCustom::Producers(section) = section.as_known() {
            // The error says where the section is damaged, which helps nobody.
            let _ = self.add_section(section);
        }
    }

    fn add_section(&mut self, section: ProducersSectionReader<'_>) -> wasmparser::Result<()> {
        for field in section {
            let field = field?;
            for value in field.values {
                let value = value?;
                self.keep(field.name, value.name, value.version);
            }
        }
        Ok(())
    }

    /// Adds the shared library that a module is linked with, if `name` is the name of one. Some tools say no more of
    /// themselves than this: the interpreter of Python is a library.
    pub(crate) fn add_library(&mut self, name: &str) {
        if name.ends_with(".so") {
            self.keep("library", name, "");
        }
    }

    fn keep(&mut self, field: &str, name: &str, version: &str) {
        if self.0.len() < KEPT && name.len() <= KEPT_BYTES && version.len() <= KEPT_BYTES {
            let [field, name, version] = [field, name, version].map(str::to_owned);
            self.0.insert(Producer { field, name, version });
        }
    }

    /// The producers, sorted by field and name.
    pub(crate) fn finish(self) -> Vec<Producer> {
        self.0.into_iter().collect()
    }
}
