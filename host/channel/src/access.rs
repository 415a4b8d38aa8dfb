//! Authorization: whether the rules of a service let a caller call something of it.

use patchbay_model::policy::{AnyOr, CallerRule, Scope};
use patchbay_model::{Fault, FaultKind, FunctionName, ServiceName};

/// What a caller asks for.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// An HTTP request.
    Http,
    /// A function.
    Function(&'a FunctionName),
    /// That a message is handled. Only the bus asks for it, and it is no service.
    Message,
}

/// Why a caller may or may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground<'a> {
    /// A rule lets it.
    Rule(&'a CallerRule),
    /// The service has no rules, and the host is not strict.
    NoRules,
    /// The service has no rules, and the host is strict.
    Strict,
    /// None of the rules fits.
    NoRuleFits,
}

impl Ground<'_> {
    /// Whether the caller may.
    pub const fn allows(self) -> bool {
        matches!(self, Self::Rule(_) | Self::NoRules)
    }
}

/// Decides whether the service `caller` may call what it asks for. `rules` are those of the service that is called;
/// `strict`: whether one without rules may be called by none.
pub fn decide<'a>(rules: Option<&'a [CallerRule]>, strict: bool, caller: &ServiceName, asked: Asked<'_>) -> Ground<'a> {
    match rules {
        None if strict => Ground::Strict,
        None => Ground::NoRules,
        Some(rules) => rules.iter().find(|rule| fits(rule, caller, asked)).map_or(Ground::NoRuleFits, Ground::Rule),
    }
}

/// Refuses a caller that may not.
///
/// # Errors
/// [`FaultKind::Denied`], whose details name `caller` and the reason.
pub fn authorize(
    rules: Option<&[CallerRule]>,
    strict: bool,
    caller: &ServiceName,
    asked: Asked<'_>,
) -> Result<(), Fault> {
    let reason = match decide(rules, strict, caller, asked) {
        Ground::Rule(_) | Ground::NoRules => return Ok(()),
        Ground::Strict => "the host is strict, and the service has no `callers`".to_owned(),
        Ground::NoRuleFits => match asked {
            Asked::Http => format!("`callers` does not let `{caller}` send it requests"),
            Asked::Function(function) => format!("`callers` does not let `{caller}` call `{function}`"),
            Asked::Message => format!("`callers` does not let `{caller}` hand it messages"),
        },
    };
    Err(Fault::new(FaultKind::Denied, "the service does not let this caller call it").with_details(reason))
}

fn fits(rule: &CallerRule, caller: &ServiceName, asked: Asked<'_>) -> bool {
    let is_meant = match &rule.caller {
        AnyOr::Any => true,
        AnyOr::One(name) => name == caller,
    };
    is_meant
        && match (&rule.scope, asked) {
            (Scope::All, _) | (Scope::Http, Asked::Http) => true,
            (Scope::Function(name), Asked::Function(function)) => function.serves(name),
            (Scope::Interface(name), Asked::Function(function)) => function.interface.is_meant_by(name),
            (Scope::Http, Asked::Function(_) | Asked::Message)
            | (Scope::Interface(_) | Scope::Function(_), Asked::Http | Asked::Message) => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_decide_and_the_lack_of_them_depends_on_the_host() {
        const RESERVE: &str = "shop:inventory/stock@0.1.0.reserve";
        for (rules, strict, caller, asked, wanted) in [
            (None, false, "web", "http", Ok(None)),
            (None, true, "web", "http", Err(Ground::Strict)),
            (Some(vec![]), false, "web", "http", Err(Ground::NoRuleFits)),
            (Some(vec!["orders"]), true, "orders", "http", Ok(Some("orders"))),
            (Some(vec!["orders"]), false, "orders", RESERVE, Ok(Some("orders"))),
            (Some(vec!["orders"]), false, "web", RESERVE, Err(Ground::NoRuleFits)),
            (Some(vec!["orders http"]), false, "orders", RESERVE, Err(Ground::NoRuleFits)),
            (Some(vec!["web", "* http"]), false, "orders", "http", Ok(Some("* http"))),
            (Some(vec!["* shop:inventory/stock"]), false, "web", RESERVE, Ok(Some("* shop:inventory/stock"))),
            (Some(vec!["* shop:inventory/stock@0.2.0"]), false, "web", RESERVE, Err(Ground::NoRuleFits)),
            (Some(vec!["* shop:inventory/stock.release"]), false, "web", RESERVE, Err(Ground::NoRuleFits)),
            (Some(vec!["* shop:inventory/stock.reserve"]), false, "web", "http", Err(Ground::NoRuleFits)),
            (
                Some(vec!["web shop:inventory/stock.release", "web shop:inventory/stock.reserve"]),
                false,
                "web",
                RESERVE,
                Ok(Some("web shop:inventory/stock.reserve")),
            ),
        ] {
            let rules: Option<Vec<CallerRule>> =
                rules.map(|rules| rules.into_iter().map(|rule| rule.parse().unwrap()).collect());
            let function = asked.parse::<FunctionName>().ok();
            let asked = function.as_ref().map_or(Asked::Http, Asked::Function);
            let caller: ServiceName = caller.parse().unwrap();
            let ground = decide(rules.as_deref(), strict, &caller, asked);
            let allowed = match ground {
                Ground::Rule(rule) => Ok(Some(rule.to_string())),
                Ground::NoRules => Ok(None),
                other => Err(other),
            };
            assert_eq!(allowed, wanted.map(|rule| rule.map(str::to_owned)), "{rules:?} {caller} {asked:?}");
            assert_eq!(authorize(rules.as_deref(), strict, &caller, asked).is_ok(), ground.allows());
        }
    }
}
