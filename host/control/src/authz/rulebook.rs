//! All rules of a host together, and what they say.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use patchbay_channel::{Asked, RoutePolicy, decide, decide_at};
use patchbay_model::ServiceName;
use patchbay_model::bus::{TopicFilter, Topics};
use patchbay_model::policy::{AccessRule, Operation};

use super::{Caller, Explanation, Question};
use crate::messaging::topic_ground;
use crate::routes::{Found, RouteTable};

/// The rules of a host.
#[derive(Debug)]
pub struct Rulebook {
    /// Whether nobody may where nothing is said.
    pub strict: bool,
    /// The rules of each service.
    pub services: BTreeMap<ServiceName, Option<Vec<AccessRule>>>,
    /// The routes with theirs.
    pub routes: Arc<RouteTable>,
    /// The topics with theirs.
    pub topics: Topics,
}

/// The methods that an explanation lists where rules tell them apart.
const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

impl Rulebook {
    /// What the rules say of a question. Empty if it is about something that is not there.
    pub fn answer(&self, caller: &Caller, question: &Question) -> Vec<Explanation> {
        match question {
            Question::Request { method, host, path } => {
                self.of_request(caller, method, host.as_deref(), path).into_iter().collect()
            }
            Question::Service(name) => self.http_of(caller, name).unwrap_or_default(),
            Question::Http(name, method) => self.of_service(caller, name, Asked::Http(method)).into_iter().collect(),
            Question::Function(name, function) => {
                self.of_service(caller, name, Asked::Function(function)).into_iter().collect()
            }
            Question::Publish(filter) => self.of_topics(caller, "publish", filter),
            Question::Subscribe(filter) => self.of_topics(caller, "subscribe", filter),
        }
    }

    /// What the rules of a service say of one thing that it offers.
    pub(super) fn of_service(&self, caller: &Caller, name: &ServiceName, asked: Asked<'_>) -> Option<Explanation> {
        let rules = self.services.get(name)?;
        let ground = decide(rules.as_deref(), self.strict, caller.asker(), asked);
        let what = match asked {
            Asked::Http(method) => method.to_string(),
            Asked::Function(function) => function.to_string(),
            Asked::Message => "messages".to_owned(),
            Asked::Topic => "topics".to_owned(),
        };
        Some(Explanation::new(what, ground, &format!("`callers` of `{name}`")))
    }

    /// What they say of requests, in one line where they do not tell methods apart.
    pub(super) fn http_of(&self, caller: &Caller, name: &ServiceName) -> Option<Vec<Explanation>> {
        let rules = self.services.get(name)?;
        let mut rules = rules.iter().flatten();
        if rules.any(|rule| matches!(rule.operation(), Operation::Methods(_))) {
            let each = METHODS.iter().filter_map(|method| self.of_service(caller, name, Asked::Http(method)));
            return Some(each.collect());
        }
        let any = self.of_service(caller, name, Asked::Http(&Method::GET))?;
        Some(vec![Explanation { asked: "http".to_owned(), ..any }])
    }

    fn of_request(&self, caller: &Caller, method: &Method, host: Option<&str>, path: &str) -> Option<Explanation> {
        let Found::Route(entry) = self.routes.find(host, path, method) else { return None };
        let policy: &RoutePolicy = &entry.policy;
        let asked = format!("{method} {}{path}", host.unwrap_or_default());
        let of = format!("the route `{}` of {}", policy.route, entry.owner);
        Some(match decide_at(policy, self.strict, caller.asker(), Asked::Http(method)) {
            Ok(Some(ground)) => Explanation::new(asked, ground, &of),
            Ok(None) => {
                let why = if policy.settings.anonymous {
                    "is `anonymous`"
                } else {
                    "is for everybody: the host knows nobody"
                };
                Explanation { asked, allowed: true, rule: None, reason: format!("{of} {why}") }
            }
            Err(_) => {
                let reason = format!("{of} is for those who show a credential");
                Explanation { asked, allowed: false, rule: None, reason }
            }
        })
    }

    fn of_topics(&self, caller: &Caller, act: &'static str, filter: &TopicFilter) -> Vec<Explanation> {
        let publishing = act == "publish";
        let grounds = topic_ground(&self.topics, self.strict, caller.asker(), filter, publishing);
        let key = if publishing { "publishers" } else { "subscribers" };
        let explain = |(declared, ground): (Option<&TopicFilter>, _)| {
            let of = match declared {
                Some(declared) => format!("`{key}` of the topic `{declared}`"),
                None => format!("`{filter}`, which is not declared,"),
            };
            Explanation::new(format!("{act} {}", declared.unwrap_or(filter)), ground, &of)
        };
        grounds.into_iter().map(explain).collect()
    }
}
