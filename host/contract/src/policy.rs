//! How instances and calls of a component should meet, going by its contract.

use patchbay_model::InstancePolicy;
use serde::Serialize;

use crate::{Contract, HttpHandler, Language};

/// The instance policy that suits a component, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Recommendation {
    /// The policy.
    pub policy: InstancePolicy,
    /// The reason, one sentence without a full stop.
    pub reason: &'static str,
}

impl Contract {
    /// The policy of a service whose configuration names none. It goes by the exports alone, so that no call meets
    /// the memory of another unless someone asked for it or the contract is made for it.
    pub fn default_policy(&self) -> InstancePolicy {
        match self.http_handler() {
            Some(HttpHandler::V02) => InstancePolicy::Fresh,
            Some(HttpHandler::V03) => InstancePolicy::Concurrent,
            None if self.exports_async() => InstancePolicy::Concurrent,
            None => InstancePolicy::Reuse,
        }
    }

    /// Whether a function that others or the host may call is an `async func`.
    fn exports_async(&self) -> bool {
        self.exports.iter().any(|item| item.functions.iter().any(|function| function.is_async))
    }

    /// The policy that suits the component best, going by its exports and its language.
    pub fn recommended_policy(&self) -> Recommendation {
        use InstancePolicy::{Concurrent, Fresh, Reuse};
        let (policy, reason) = match (self.http_handler(), &self.language) {
            (Some(HttpHandler::V03), _) => (Concurrent, "WASI 0.3 handlers are made for many calls in one instance"),
            (Some(HttpHandler::V02), Some(Language::Python)) => {
                (Reuse, "each new instance starts Python, which takes far longer than a call")
            }
            (Some(HttpHandler::V02), Some(Language::Go)) => {
                (Reuse, "each new instance starts the runtime of Go, which takes far longer than a call")
            }
            (Some(HttpHandler::V02), Some(Language::JavaScript)) => {
                (Fresh, "the JavaScript engine takes one WASI 0.2 request per instance and refuses a second")
            }
            (Some(HttpHandler::V02), _) => (Fresh, "new instances are cheap, and no call sees anything of another"),
            (None, _) if self.exports_async() => {
                (Concurrent, "functions that are `async` are made to wait side by side")
            }
            (None, _) => (Reuse, "typed calls and messages are short, and a new instance takes longer than a call"),
        };
        Recommendation { policy, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContractItem, Function};

    #[test]
    fn policies_follow_handler_and_language() {
        use InstancePolicy::{Concurrent, Fresh, Reuse};
        let (v02, v03) = ("wasi:http/incoming-handler@0.2.12", "wasi:http/handler@0.3.0");
        for (export, language, default, recommended) in [
            (v02, None, Fresh, Fresh),
            (v02, Some(Language::Rust), Fresh, Fresh),
            (v02, Some(Language::C), Fresh, Fresh),
            (v02, Some(Language::JavaScript), Fresh, Fresh),
            (v02, Some(Language::Python), Fresh, Reuse),
            (v02, Some(Language::Go), Fresh, Reuse),
            (v03, Some(Language::Rust), Concurrent, Concurrent),
            (v03, Some(Language::Python), Concurrent, Concurrent),
            ("shop:inventory/stock@0.1.0", Some(Language::Rust), Reuse, Reuse),
            ("patchbay:host/message-handler@0.1.0", Some(Language::Rust), Reuse, Reuse),
            ("wasi:messaging/incoming-handler@0.2.0-draft", Some(Language::JavaScript), Reuse, Reuse),
        ] {
            let contract = Contract {
                imports: Vec::new(),
                exports: vec![ContractItem { name: export.to_owned(), functions: [].into() }],
                language,
                producers: Vec::new(),
            };
            assert_eq!(contract.default_policy(), default, "{contract:?}");
            assert_eq!(contract.recommended_policy().policy, recommended, "{contract:?}");
        }
    }

    #[test]
    fn functions_that_are_async_wait_side_by_side() {
        for (is_async, policy) in [(false, InstancePolicy::Reuse), (true, InstancePolicy::Concurrent)] {
            let function = Function { name: "f".to_owned(), is_async, params: Vec::new(), result: None };
            let export = ContractItem { name: "shop:inventory/stock@0.1.0".to_owned(), functions: [function].into() };
            let contract =
                Contract { imports: Vec::new(), exports: vec![export], language: None, producers: Vec::new() };
            assert_eq!(contract.default_policy(), policy);
            assert_eq!(contract.recommended_policy().policy, policy);
        }
    }
}
