//! The contract of a component.

use patchbay_model::InterfaceName;
use serde::Serialize;

use crate::{Language, Producer};

/// What a component asks for and what it offers, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contract {
    /// What it asks for, in the order of the component.
    pub imports: Vec<ContractItem>,
    /// What it offers, in the order of the component.
    pub exports: Vec<ContractItem>,
    /// The language it was written in, as far as its producers tell.
    pub language: Option<Language>,
    /// The tools that made it and the modules in it, without repetition.
    pub producers: Vec<Producer>,
}

/// One import or export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContractItem {
    /// The interface, such as `wasi:http/incoming-handler@0.2.12`, or the plain name of a function.
    pub name: String,
    /// Its functions in WIT notation, such as `reserve: func(sku: string) -> result<u32, error>`. A function of a
    /// resource is named after both: `fields.get`.
    pub functions: Vec<String>,
}

/// How a component takes HTTP requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum HttpHandler {
    /// It exports `wasi:http/incoming-handler` of WASI 0.2.
    #[serde(rename = "0.2")]
    V02,
    /// It exports `wasi:http/handler` of WASI 0.3.
    #[serde(rename = "0.3")]
    V03,
}

impl HttpHandler {
    /// The handler that the interface `name` is, if it is one. Release candidates of a version are none: they differ
    /// from it.
    fn named(name: &str) -> Option<Self> {
        let name: InterfaceName = name.parse().ok()?;
        let version = name.version.filter(|version| version.pre.is_empty())?;
        match (name.package.as_str(), name.interface.as_str(), version.major, version.minor) {
            ("wasi:http", "incoming-handler", 0, 2) => Some(Self::V02),
            ("wasi:http", "handler", 0, 3) => Some(Self::V03),
            _ => None,
        }
    }
}

impl Contract {
    /// How the component takes HTTP requests; `None` if it does not. One that offers both ways is taken at the newer.
    pub fn http_handler(&self) -> Option<HttpHandler> {
        let mut handlers: Vec<_> = self.exports.iter().filter_map(|item| HttpHandler::named(&item.name)).collect();
        handlers.sort_by_key(|handler| matches!(handler, HttpHandler::V02));
        handlers.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exporting(names: &[&str]) -> Contract {
        let item = |name: &&str| ContractItem { name: (*name).to_owned(), functions: Vec::new() };
        Contract {
            imports: Vec::new(),
            exports: names.iter().map(item).collect(),
            language: None,
            producers: Vec::new(),
        }
    }

    #[test]
    fn handlers_are_known_by_name_and_version() {
        for (exports, handler) in [
            (&["wasi:http/incoming-handler@0.2.0"][..], Some(HttpHandler::V02)),
            (&["run", "wasi:http/incoming-handler@0.2.12"], Some(HttpHandler::V02)),
            (&["wasi:http/handler@0.3.0"], Some(HttpHandler::V03)),
            (&["wasi:http/incoming-handler@0.2.6", "wasi:http/handler@0.3.0"], Some(HttpHandler::V03)),
            (&["wasi:http/handler@0.3.0", "wasi:http/incoming-handler@0.2.6"], Some(HttpHandler::V03)),
            (&["wasi:http/handler@0.3.0-rc-2026-01-01"], None),
            (&["wasi:http/handler@0.2.0"], None),
            (&["wasi:http/incoming-handler@0.3.0"], None),
            (&["wasi:http/incoming-handler"], None),
            (&["other:http/incoming-handler@0.2.0"], None),
            (&[], None),
        ] {
            assert_eq!(exporting(exports).http_handler(), handler, "{exports:?}");
        }
    }

    #[test]
    fn json_is_plain() {
        let contract = Contract { language: Some(Language::CPlusPlus), ..exporting(&["run"]) };
        let json = serde_json::to_string(&contract).unwrap();
        let wanted = r#"{"imports":[],"exports":[{"name":"run","functions":[]}],"language":"C++","producers":[]}"#;
        assert_eq!(json, wanted);
        assert_eq!(serde_json::to_string(&HttpHandler::V02).unwrap(), r#""0.2""#);
    }
}
