//! Who may do what, as operators ask it: of the host that runs, and of a `runtime.toml` that nobody runs yet.

mod ask;
mod rulebook;

pub use ask::{AskError, Caller, Question};
pub use rulebook::{RouteBook, Rulebook};

use patchbay_channel::{Asked, Ground};
use patchbay_model::{FunctionName, ServiceName};

use crate::control::Control;
use crate::links::exported_items;

/// What the rules say of one thing that somebody may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What is asked for: a function, a method, `http`, or what was asked.
    pub asked: String,
    /// Whether they may.
    pub allowed: bool,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// The reason, as a sentence.
    pub reason: String,
}

impl Explanation {
    fn new(asked: String, ground: Ground<'_>, of: &str) -> Self {
        let reason = match ground {
            Ground::Rule(_) => format!("a rule of {of} lets it"),
            Ground::NoRules => format!("{of} has no rules, and the host is not strict"),
            Ground::Strict => format!("{of} has no rules, and the host is strict"),
            Ground::NoRuleFits => format!("no rule of {of} fits"),
        };
        let rule = match ground {
            Ground::Rule(rule) => Some(rule.to_string()),
            Ground::NoRules | Ground::Strict | Ground::NoRuleFits => None,
        };
        Self { asked, allowed: ground.allows(), rule, reason }
    }
}

impl Control {
    /// The rules that hold now.
    pub fn rulebook(&self) -> Rulebook {
        let snapshot = self.snapshot.load();
        let services = snapshot.services().filter_map(|entry| {
            let active = entry.active.as_ref()?;
            Some((entry.name.clone(), active.ready.record.settings.callers.clone()))
        });
        Rulebook {
            strict: snapshot.config().strict,
            services: services.collect(),
            routes: RouteBook::Live(snapshot.route_table()),
            topics: snapshot.config().topics.clone(),
        }
    }

    /// What `caller` may do of all that `target` offers: HTTP, and each function that it exports. `None` if there is no such
    /// service, or if it cannot serve.
    pub fn explain_service(&self, caller: &Caller, target: &ServiceName) -> Option<Vec<Explanation>> {
        let snapshot = self.snapshot.load();
        let contract = &snapshot.service(target)?.active.as_ref()?.ready.contract;
        let functions = exported_items(contract).flat_map(|(item, interface)| {
            item.functions
                .iter()
                .map(move |function| FunctionName { interface: interface.clone(), function: function.name.clone() })
        });
        let book = self.rulebook();
        let http = contract.http_handler().map(|_| book.http_of(caller, target)).into_iter().flatten().flatten();
        let functions = functions.filter_map(|name| book.of_service(caller, target, Asked::Function(&name)));
        Some(http.chain(functions).collect())
    }
}

#[cfg(test)]
mod tests;
