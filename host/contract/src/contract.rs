//! The contract of a component.

use std::sync::Arc;

use patchbay_model::InterfaceName;
use serde::Serialize;

use crate::{Function, Language, Obstacle, Producer};

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
    /// Its functions. A plain function has itself. Contracts that an [`Interner`](crate::Interner) has seen share them.
    pub functions: Arc<[Function]>,
}

impl ContractItem {
    /// Its function of this name, as the component has it: `reserve`, `[method]fields.get`.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The functions of it that no other service can call, and why: one reason for each.
    pub fn obstacles(&self) -> Vec<Obstacle> {
        self.functions.iter().filter_map(Function::obstacle).collect()
    }

    /// Whether what has this name can be linked with what asks for the name `wanted`: they are the same, or name the
    /// same interface on one track of versions, as the component model links them.
    pub fn is_on_track_of(&self, wanted: &str) -> bool {
        let parse = |name: &str| name.parse::<InterfaceName>().ok();
        self.name == wanted
            || parse(&self.name).zip(parse(wanted)).is_some_and(|(own, wanted)| own.is_on_track_of(&wanted))
    }
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

/// How a component handles messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum MessageHandler {
    /// It exports `patchbay:host/async-message-handler`.
    #[serde(rename = "patchbay-async")]
    OwnAsync,
    /// It exports `patchbay:host/message-handler`.
    #[serde(rename = "patchbay")]
    Own,
    /// It exports `wasi:messaging/incoming-handler` of the draft 0.2.0.
    #[serde(rename = "wasi")]
    Wasi,
}

impl MessageHandler {
    /// The handler that the interface `name` is, if it is one.
    fn named(name: &str) -> Option<Self> {
        let name: InterfaceName = name.parse().ok()?;
        let handlers = [
            ("patchbay:host/async-message-handler@0.1.0", Self::OwnAsync),
            ("patchbay:host/message-handler@0.1.0", Self::Own),
            ("wasi:messaging/incoming-handler@0.2.0-draft", Self::Wasi),
        ];
        let is = |known: &str| known.parse::<InterfaceName>().is_ok_and(|known| known.is_on_track_of(&name));
        handlers.into_iter().find(|(known, _)| is(known)).map(|(_, handler)| handler)
    }
}

impl Contract {
    /// The export that is linked with an import of the name `wanted`: the one of just this name, or the newest on its
    /// track of versions.
    pub fn export_for(&self, wanted: &str) -> Option<&ContractItem> {
        let version = |item: &&ContractItem| item.name.parse::<InterfaceName>().ok()?.version;
        let exact = self.exports.iter().find(|item| item.name == wanted);
        exact.or_else(|| self.exports.iter().filter(|item| item.is_on_track_of(wanted)).max_by_key(version))
    }

    /// How the component takes HTTP requests; `None` if it does not. One that offers both ways is taken at the newer.
    pub fn http_handler(&self) -> Option<HttpHandler> {
        let mut handlers: Vec<_> = self.exports.iter().filter_map(|item| HttpHandler::named(&item.name)).collect();
        handlers.sort_by_key(|handler| matches!(handler, HttpHandler::V02));
        handlers.first().copied()
    }

    /// How the component handles messages; `None` if it does not. Of several ways it is the one that the host uses, which
    /// is the first of [`MessageHandler`].
    pub fn message_handler(&self) -> Option<MessageHandler> {
        self.exports.iter().filter_map(|item| MessageHandler::named(&item.name)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exporting(names: &[&str]) -> Contract {
        let item = |name: &&str| ContractItem { name: (*name).to_owned(), functions: Arc::default() };
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
    fn handlers_of_messages_are_known_in_their_order() {
        use MessageHandler::{Own, OwnAsync, Wasi};
        let (own, own_async) = ("patchbay:host/message-handler@0.1.0", "patchbay:host/async-message-handler@0.1.7");
        let wasi = "wasi:messaging/incoming-handler@0.2.0-draft";
        for (exports, handler) in [
            (&[own][..], Some(Own)),
            (&[own, own_async], Some(OwnAsync)),
            (&[wasi, own], Some(Own)),
            (&["run", wasi], Some(Wasi)),
            (&["wasi:messaging/incoming-handler@0.2.0"], None),
            (&["patchbay:host/message-handler@0.2.0"], None),
            (&["patchbay:host/messaging@0.1.0"], None),
            (&["wasi:http/incoming-handler@0.2.0"], None),
        ] {
            assert_eq!(exporting(exports).message_handler(), handler, "{exports:?}");
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
