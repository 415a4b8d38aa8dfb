//! The language a component was written in.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::Producer;

/// A language that components are written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Language {
    /// Python, with its interpreter in the component.
    Python,
    /// JavaScript or TypeScript, with a JavaScript engine in the component.
    JavaScript,
    /// Go, with its runtime in the component.
    Go,
    /// Rust.
    Rust,
    /// C++.
    CPlusPlus,
    /// C.
    C,
    /// Another one, by the name that its compiler gave.
    Other(String),
}

impl Language {
    /// The language that the producers show.
    ///
    /// A component has several as a rule: the interpreter of Python is written in C, and so is the C library that Rust
    /// links. The one furthest from the machine is what its author wrote.
    pub(crate) fn of(producers: &[Producer]) -> Option<Self> {
        producers.iter().filter_map(Self::shown_by).min_by_key(Self::closeness)
    }

    /// The language that one entry shows: a compiler says it, a tool or library of one language implies it.
    fn shown_by(producer: &Producer) -> Option<Self> {
        let name = producer.name.to_ascii_lowercase();
        match (producer.field.as_str(), name.as_str()) {
            ("language", said) => Some(Self::said(said).unwrap_or_else(|| Self::Other(producer.name.clone()))),
            ("library", library) => library.starts_with("libpython").then_some(Self::Python),
            (_, "componentize-py") => Some(Self::Python),
            (_, "componentizejs" | "componentize-js" | "starlingmonkey") => Some(Self::JavaScript),
            (_, "go cmd/compile" | "tinygo" | "wit-bindgen-go") => Some(Self::Go),
            (_, "rustc" | "wit-bindgen-rust") => Some(Self::Rust),
            (_, "wit-bindgen-c") => Some(Self::C),
            _ => None,
        }
    }

    /// The language that a compiler means with `name`, in lower case. Those of C and C++ name the standard: `c11`,
    /// `c_plus_plus_14`.
    fn said(name: &str) -> Option<Self> {
        let standard = name.strip_prefix('c');
        Some(match name {
            "python" => Self::Python,
            "javascript" | "typescript" => Self::JavaScript,
            "go" => Self::Go,
            "rust" => Self::Rust,
            _ if name.starts_with("c_plus_plus") => Self::CPlusPlus,
            _ if standard.is_some_and(|year| year.bytes().all(|digit| digit.is_ascii_digit())) => Self::C,
            _ => return None,
        })
    }

    /// How close to the machine the language is: what other languages' runtimes are written in comes last.
    fn closeness(&self) -> u8 {
        match self {
            Self::Python => 0,
            Self::JavaScript => 1,
            Self::Go => 2,
            Self::Other(_) => 3,
            Self::Rust => 4,
            Self::CPlusPlus => 5,
            Self::C => 6,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::Go => "Go",
            Self::Rust => "Rust",
            Self::CPlusPlus => "C++",
            Self::C => "C",
            Self::Other(name) => name,
        })
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_author_s_language_is_found_among_those_of_the_runtime() {
        for (entries, language) in [
            (&[("language", "Rust"), ("language", "C11"), ("processed-by", "rustc")][..], Some("Rust")),
            (&[("language", "C11"), ("processed-by", "clang")], Some("C")),
            (&[("language", "C99"), ("language", "C_plus_plus_14")], Some("C++")),
            (&[("language", "C11"), ("processed-by", "componentize-py")], Some("Python")),
            (
                &[("language", "JavaScript"), ("language", "Rust"), ("processed-by", "ComponentizeJS")],
                Some("JavaScript"),
            ),
            (&[("processed-by", "wit-bindgen-c"), ("processed-by", "wit-bindgen-rust")], Some("Rust")),
            (&[("processed-by", "wit-bindgen-c"), ("processed-by", "wit-component")], Some("C")),
            (&[("language", "Rust"), ("library", "libc.so"), ("library", "libpython3.14.so")], Some("Python")),
            (&[("language", "Go"), ("processed-by", "Go cmd/compile")], Some("Go")),
            (&[("processed-by", "TinyGo")], Some("Go")),
            (&[("language", "MoonBit")], Some("MoonBit")),
            (&[("language", "Cobol")], Some("Cobol")),
            (&[("processed-by", "clang"), ("processed-by", "wit-component")], None),
            (&[], None),
        ] {
            let producers: Vec<_> = entries
                .iter()
                .map(|(field, name)| Producer {
                    field: (*field).to_owned(),
                    name: (*name).to_owned(),
                    version: String::new(),
                })
                .collect();
            assert_eq!(Language::of(&producers).map(|found| found.to_string()).as_deref(), language, "{entries:?}");
        }
    }
}
