//! Authorization: whether rules let somebody do what they ask for. The same for services, routes and topics.

use std::net::IpAddr;

use http::Method;
use patchbay_model::policy::{AccessRule, Asker, Operation, RateVerdicts};
use patchbay_model::{Fault, FaultKind, FunctionName, ServiceName, User};
use tokio::time::Instant;

use crate::target::RoutePolicy;

/// What somebody asks for.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// An HTTP request with this method.
    Http(&'a Method),
    /// A function.
    Function(&'a FunctionName),
    /// That a message is handled. Only the bus asks for it, and it is nobody.
    Message,
    /// A topic: to publish to it, or to subscribe to it; which of them, the rules were chosen by.
    Topic,
}

/// Why somebody may or may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground<'a> {
    /// A rule lets them.
    Rule(&'a AccessRule),
    /// There are no rules, and the host is not strict.
    NoRules,
    /// There are no rules, and the host is strict.
    Strict,
    /// None of the rules fits.
    NoRuleFits,
}

impl Ground<'_> {
    /// Whether they may.
    pub const fn allows(self) -> bool {
        matches!(self, Self::Rule(_) | Self::NoRules)
    }
}

/// Decides whether `asker` may do what it asks for. `strict`: whether nobody may where there are no rules. Allocates nothing.
pub fn decide<'a>(rules: Option<&'a [AccessRule]>, strict: bool, asker: Asker<'_>, asked: Asked<'_>) -> Ground<'a> {
    match rules {
        None if strict => Ground::Strict,
        None => Ground::NoRules,
        Some(rules) => {
            let fitting = rules.iter().find(|rule| covers(rule.operation(), asked) && rule.is_for(asker));
            fitting.map_or(Ground::NoRuleFits, Ground::Rule)
        }
    }
}

/// Refuses somebody who may not call a service.
///
/// # Errors
/// [`FaultKind::Denied`], whose details name who asks, and the reason.
pub fn authorize(rules: Option<&[AccessRule]>, strict: bool, asker: Asker<'_>, asked: Asked<'_>) -> Result<(), Fault> {
    let reason = match decide(rules, strict, asker, asked) {
        Ground::Rule(_) | Ground::NoRules => return Ok(()),
        Ground::Strict => "the host is strict, and there are no `callers`".to_owned(),
        Ground::NoRuleFits => {
            let who = name_of(asker);
            match asked {
                Asked::Http(method) => format!("`callers` does not let {who} send {method} requests"),
                Asked::Function(function) => format!("`callers` does not let {who} call `{function}`"),
                Asked::Message => format!("`callers` does not let {who} hand it messages"),
                Asked::Topic => format!("the topic does not let {who} in"),
            }
        }
    };
    Err(Fault::new(FaultKind::Denied, "the service does not let this caller call it").with_details(reason))
}

/// Whether somebody who comes in by a route has no credential, and has to have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

/// Decides whether `asker` may come in by a route. `None`: the route is for everybody, and no rule was asked. Allocates
/// nothing.
///
/// # Errors
/// [`Unknown`] if the host has to know who it is.
pub fn decide_at<'r>(
    route: &'r RoutePolicy,
    strict: bool,
    asker: Asker<'_>,
    asked: Asked<'_>,
) -> Result<Option<Ground<'r>>, Unknown> {
    let rules = route.settings.callers.as_deref();
    if route.settings.anonymous || (route.open && !strict && rules.is_none()) {
        return Ok(None);
    }
    if asker.user.is_none() {
        return Err(Unknown);
    }
    Ok(Some(decide(rules, strict, asker, asked)))
}

/// Lets somebody in by a route, or refuses: by its rules first, and then by its rates. The rates that were asked add to `verdicts`
/// either way.
///
/// # Errors
/// [`FaultKind::Unauthenticated`] if the host has to know who it is, [`FaultKind::Denied`] if the rules let others in only,
/// [`FaultKind::RateLimited`] if it comes too often.
pub fn let_in(
    route: &RoutePolicy,
    strict: bool,
    user: Option<&User>,
    method: &Method,
    address: Option<IpAddr>,
    verdicts: &mut RateVerdicts,
) -> Result<(), Fault> {
    authorize_at(route, strict, Asker { service: None, user }, Asked::Http(method))?;
    route.standing.admit(Instant::now, user, address, verdicts)
}

fn authorize_at(route: &RoutePolicy, strict: bool, asker: Asker<'_>, asked: Asked<'_>) -> Result<(), Fault> {
    let why = match decide_at(route, strict, asker, asked) {
        Ok(None | Some(Ground::Rule(_) | Ground::NoRules)) => return Ok(()),
        Ok(Some(Ground::Strict)) => "it has no `callers`, and the host is strict",
        Ok(Some(Ground::NoRuleFits)) => "no rule in its `callers` fits",
        Err(Unknown) => {
            let fault = Fault::new(FaultKind::Unauthenticated, "this address is for those who show a credential");
            return Err(fault.with_details(format!("the route `{}` is not `anonymous`", route.route)));
        }
    };
    let details = format!("the route `{}` does not let {} in: {why}", route.route, name_of(asker));
    Err(Fault::new(FaultKind::Denied, "the caller may not do this").with_details(details))
}

/// Whether the rules may let a service do what it asks for, for whomever it acts.
pub fn may(rules: Option<&[AccessRule]>, strict: bool, service: &ServiceName, asked: Asked<'_>) -> bool {
    match rules {
        None => !strict,
        Some(rules) => rules.iter().any(|rule| covers(rule.operation(), asked) && rule.may_be_for(service)),
    }
}

/// Whether the rules let a service do what it asks for, whomever it acts for: a rule that fits it alone fits it with every user, too.
pub fn always(rules: Option<&[AccessRule]>, strict: bool, service: &ServiceName, asked: Asked<'_>) -> bool {
    decide(rules, strict, Asker { service: Some(service), user: None }, asked).allows()
}

/// Somebody, for the operator.
fn name_of(asker: Asker<'_>) -> String {
    match (asker.service, asker.user) {
        (Some(service), Some(user)) => format!("`{service}` for `{user}`"),
        (Some(service), None) => format!("`{service}`"),
        (None, Some(user)) => format!("`{user}`"),
        (None, None) => "somebody without a credential".to_owned(),
    }
}

/// Whether what a rule lets somebody do has what is asked for among it.
fn covers(operation: &Operation, asked: Asked<'_>) -> bool {
    match (operation, asked) {
        (Operation::All, _) | (Operation::Http, Asked::Http(_)) => true,
        (Operation::Methods(methods), Asked::Http(method)) => methods.contains(method),
        (Operation::Function(name), Asked::Function(function)) => function.serves(name),
        (Operation::Interface(name), Asked::Function(function)) => function.interface.is_meant_by(name),
        (Operation::Http | Operation::Methods(_), Asked::Function(_) | Asked::Message | Asked::Topic)
        | (Operation::Interface(_) | Operation::Function(_), Asked::Http(_) | Asked::Message | Asked::Topic) => false,
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
            (Some(vec!["orders GET"]), false, "orders", "http", Ok(Some("orders GET"))),
            (Some(vec!["orders POST,PUT"]), false, "orders", "http", Err(Ground::NoRuleFits)),
            (Some(vec!["orders GET"]), false, "orders", RESERVE, Err(Ground::NoRuleFits)),
            (Some(vec!["user", "orders&user"]), false, "orders", "http", Err(Ground::NoRuleFits)),
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
            let rules: Option<Vec<AccessRule>> =
                rules.map(|rules| rules.into_iter().map(|rule| rule.parse().unwrap()).collect());
            let function = asked.parse::<FunctionName>().ok();
            let asked = function.as_ref().map_or(Asked::Http(&Method::GET), Asked::Function);
            let caller: ServiceName = caller.parse().unwrap();
            let asker = Asker::service(&caller);
            let ground = decide(rules.as_deref(), strict, asker, asked);
            let allowed = match ground {
                Ground::Rule(rule) => Ok(Some(rule.to_string())),
                Ground::NoRules => Ok(None),
                other => Err(other),
            };
            assert_eq!(allowed, wanted.map(|rule| rule.map(str::to_owned)), "{rules:?} {caller} {asked:?}");
            assert_eq!(authorize(rules.as_deref(), strict, asker, asked).is_ok(), ground.allows());
        }
    }

    #[test]
    fn a_service_may_if_a_rule_lets_it_for_somebody_and_always_for_itself() {
        for (rules, strict, allowed, whoever) in [
            (None, false, true, true),
            (None, true, false, false),
            (Some(vec![]), false, false, false),
            (Some(vec!["orders"]), true, true, true),
            (Some(vec!["web", "orders&scope:write"]), true, true, false),
            (Some(vec!["*", "web"]), true, true, true),
            (Some(vec!["user"]), true, true, false),
            (Some(vec!["web", "orders POST", "orders a:b/c"]), false, false, false),
        ] {
            let rules: Option<Vec<AccessRule>> =
                rules.map(|rules| rules.into_iter().map(|rule| rule.parse().unwrap()).collect());
            let orders = "orders".parse().unwrap();
            let asked = Asked::Http(&Method::GET);
            assert_eq!(may(rules.as_deref(), strict, &orders, asked), allowed, "{rules:?} {strict}");
            assert_eq!(always(rules.as_deref(), strict, &orders, asked), whoever, "{rules:?} {strict}");
        }
    }
}
