//! Who may call what, as an operator asks it.

use patchbay_channel::{Asked, Ground, decide};
use patchbay_model::{FunctionName, ServiceName};

use crate::control::Control;
use crate::links::exported_items;

/// What the rules of a service say of one thing that a caller may ask it for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What is asked for: a function, or `http`.
    pub asked: String,
    /// Whether the caller may.
    pub allowed: bool,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// The reason, as a sentence.
    pub reason: String,
}

impl Control {
    /// What the rules of `target` say of `caller`, for HTTP and for each function that it exports. `None` if there is no
    /// such target, or if it cannot serve.
    pub fn explain(&self, caller: &ServiceName, target: &ServiceName) -> Option<Vec<Explanation>> {
        let snapshot = self.snapshot.load();
        let active = snapshot.service(target)?.active.as_ref()?;
        let (contract, rules) = (&active.ready.contract, active.ready.record.settings.callers.as_deref());
        let explain = |asked: Asked<'_>| {
            let ground = decide(rules, snapshot.config().strict, caller, asked);
            let asked = match asked {
                Asked::Http => "http".to_owned(),
                Asked::Function(function) => function.to_string(),
                Asked::Message => "messages".to_owned(),
            };
            explanation(asked, ground, target)
        };
        let http = contract.http_handler().map(|_| explain(Asked::Http));
        let functions = exported_items(contract).flat_map(|(item, interface)| {
            item.functions
                .iter()
                .map(move |function| FunctionName { interface: interface.clone(), function: function.name.clone() })
        });
        Some(http.into_iter().chain(functions.map(|name| explain(Asked::Function(&name)))).collect())
    }
}

fn explanation(asked: String, ground: Ground<'_>, target: &ServiceName) -> Explanation {
    let reason = match ground {
        Ground::Rule(_) => format!("`callers` of `{target}` lets it"),
        Ground::NoRules => format!("`{target}` has no `callers`, and the host is not strict"),
        Ground::Strict => format!("`{target}` has no `callers`, and the host is strict"),
        Ground::NoRuleFits => format!("no rule in `callers` of `{target}` fits"),
    };
    let rule = match ground {
        Ground::Rule(rule) => Some(rule.to_string()),
        Ground::NoRules | Ground::Strict | Ground::NoRuleFits => None,
    };
    Explanation { asked, allowed: ground.allows(), rule, reason }
}
