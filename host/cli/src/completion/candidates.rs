//! Candidates from what a host tells of itself.

use std::collections::BTreeSet;

use clap_complete::CompletionCandidate;
use patchbay_model::bus::Topic;
use patchbay_model::{FunctionName, InterfaceName};

use crate::client::view::{ContractItem, DeadLetter, RevisionSummary, Service};

/// Services whose names begin like that.
pub(crate) fn services(services: &[Service], current: &str) -> Vec<CompletionCandidate> {
    let fitting = services.iter().filter(|service| service.name.starts_with(current));
    fitting.map(|service| candidate(&service.name, &state(service))).collect()
}

/// Services; and once there is an `@`, the revisions of the one before it.
pub(crate) fn targets(all: &[Service], current: &str) -> Vec<CompletionCandidate> {
    let Some((name, _)) = current.split_once('@') else { return services(all, current) };
    let fitting = revisions_of(all, name).filter(|revision| revision.revision.starts_with(current));
    fitting.map(|revision| candidate(&revision.revision, state_of(revision))).collect()
}

/// The numbers of the revisions of a service that could serve in place of the one that does.
pub(crate) fn revisions(services: &[Service], name: &str, current: &str) -> Vec<CompletionCandidate> {
    let idle = revisions_of(services, name).filter(|revision| !revision.active);
    let numbers = idle.filter_map(|revision| Some((revision.revision.rsplit_once('@')?.1, revision)));
    let fitting = numbers.filter(|(number, _)| number.starts_with(current));
    fitting.map(|(number, revision)| candidate(number, state_of(revision))).collect()
}

/// The functions of these exports. Each is offered by its own name where that says which is meant, and with its interface
/// where it does not, or where someone has begun to write an interface; with a version only where one is needed or written.
pub(crate) fn functions(exports: &[ContractItem], current: &str) -> Vec<CompletionCandidate> {
    let functions: Vec<_> = exports.iter().flat_map(callable).collect();
    let is_one = |text: &str| functions.iter().filter(|(name, _)| is_meant(name, text)).count() == 1;
    let fits = |text: &str| text.starts_with(current) && is_one(text);
    let in_short = functions.iter().any(|(name, _)| fits(&name.function));
    let found = functions.iter().filter_map(|(name, signature)| {
        let spellings = if in_short && is_one(&name.function) {
            vec![name.function.clone()]
        } else {
            vec![without_version(name).to_string(), name.to_string()]
        };
        Some(candidate(&spellings.into_iter().find(|text| fits(text))?, signature))
    });
    found.collect()
}

/// Topics among these filters: those without a wildcard.
pub(crate) fn topics(filters: &[String], current: &str) -> Vec<CompletionCandidate> {
    let plain = filters.iter().filter(|filter| filter.starts_with(current) && filter.parse::<Topic>().is_ok());
    plain.map(CompletionCandidate::new).collect()
}

/// Filters that begin like that.
pub(crate) fn filters(filters: &[String], current: &str) -> Vec<CompletionCandidate> {
    filters.iter().filter(|filter| filter.starts_with(current)).map(CompletionCandidate::new).collect()
}

/// The topics that have dead letters.
pub(crate) fn topics_of(letters: &[DeadLetter], current: &str) -> Vec<CompletionCandidate> {
    let topics: BTreeSet<_> = letters.iter().map(|letter| letter.topic.as_str()).collect();
    topics.into_iter().filter(|topic| topic.starts_with(current)).map(CompletionCandidate::new).collect()
}

/// The places of the dead letters of a topic, each with why it is one.
pub(crate) fn dead_letters(letters: &[DeadLetter], topic: &str, current: &str) -> Vec<CompletionCandidate> {
    let own = letters.iter().filter(|letter| letter.topic == topic);
    let places = own.map(|letter| (letter.sequence.to_string(), letter));
    let fitting = places.filter(|(place, _)| place.starts_with(current));
    fitting.map(|(place, letter)| candidate(&place, &format!("{}: {}", letter.message.id, letter.reason))).collect()
}

/// Keys of settings, each with the `=` that a value follows.
pub(crate) fn keys(known: impl Iterator<Item = &'static str>, current: &str) -> Vec<CompletionCandidate> {
    known.filter(|key| key.starts_with(current)).map(|key| CompletionCandidate::new(format!("{key}="))).collect()
}

/// Words that begin like that.
pub(crate) fn words(known: &[&'static str], current: &str) -> Vec<CompletionCandidate> {
    known.iter().filter(|word| word.starts_with(current)).map(CompletionCandidate::new).collect()
}

fn candidate(value: &str, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(help.to_owned().into()))
}

fn state(service: &Service) -> String {
    match (service.active, &service.failure) {
        (Some(number), _) => format!("{}@{number} serves", service.name),
        (None, Some(failure)) => failure.clone(),
        (None, None) => "does not serve".to_owned(),
    }
}

fn revisions_of<'s>(services: &'s [Service], name: &str) -> impl Iterator<Item = &'s RevisionSummary> {
    services.iter().filter(move |service| service.name == name).flat_map(|service| &service.revisions)
}

fn state_of(revision: &RevisionSummary) -> &'static str {
    match (revision.active, revision.compiled) {
        (true, _) => "serving",
        (false, true) => "compiled",
        (false, false) => "stored",
    }
}

/// The functions of an export that may be called, with their signatures: not those of the host's own interfaces, and not
/// those of resources, whose names have a dot.
fn callable(export: &ContractItem) -> Vec<(FunctionName, &str)> {
    let interface = export.name.parse::<InterfaceName>().ok().filter(|interface| !interface.is_of_the_host());
    let Some(interface) = interface else { return Vec::new() };
    let written = export.functions.iter().filter_map(|function| function.split_once(": "));
    let own = written.filter(|(name, _)| !name.contains('.'));
    own.map(|(name, signature)| (FunctionName { interface: interface.clone(), function: name.to_owned() }, signature))
        .collect()
}

/// Whether the host may take the text for this function.
fn is_meant(name: &FunctionName, text: &str) -> bool {
    text.parse::<FunctionName>().map_or_else(|_| name.function == text, |wanted| name.serves(&wanted))
}

fn without_version(name: &FunctionName) -> FunctionName {
    let interface = InterfaceName { version: None, ..name.interface.clone() };
    FunctionName { interface, function: name.function.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(candidates: &[CompletionCandidate]) -> Vec<String> {
        candidates.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
    }

    fn export(name: &str, functions: &[&str]) -> ContractItem {
        ContractItem { name: name.to_owned(), functions: functions.iter().map(ToString::to_string).collect() }
    }

    fn two_services() -> Vec<Service> {
        let revision = |service: &str, number: u32, active: bool| {
            serde_json::json!({
                "revision": format!("{service}@{number}"), "active": active, "compiled": true, "component": "sha256:00",
                "size": 1, "origin": "api", "created": "2026-01-01T00:00:00Z",
            })
        };
        let service = |name: &str, active: u32, count: u32| {
            let revisions: Vec<_> = (1..=count).map(|number| revision(name, number, number == active)).collect();
            serde_json::json!({
                "name": name, "active": active, "routes": { "declared": [], "deployed": [] }, "links": [],
                "called_by": [], "calls": 0, "waiting": 0, "counts": {}, "revisions": revisions,
            })
        };
        serde_json::from_value(serde_json::json!([service("orders", 2, 12), service("oracle", 1, 1)])).unwrap()
    }

    #[test]
    fn services_and_revisions_complete() {
        let all = two_services();
        assert_eq!(values(&services(&all, "")), ["orders", "oracle"]);
        assert_eq!(values(&services(&all, "ord")), ["orders"]);
        assert_eq!(services(&all, "ord")[0].get_help().unwrap().to_string(), "orders@2 serves");
        assert_eq!(values(&targets(&all, "or")), ["orders", "oracle"]);
        assert_eq!(values(&targets(&all, "orders@1")), ["orders@1", "orders@10", "orders@11", "orders@12"]);
        assert_eq!(values(&targets(&all, "nobody@")), [""; 0]);
        assert_eq!(values(&revisions(&all, "orders", "1")), ["1", "10", "11", "12"]);
        assert_eq!(values(&revisions(&all, "orders", "2")), [""; 0]);
        assert_eq!(values(&revisions(&all, "oracle", "")), [""; 0]);
    }

    #[test]
    fn topics_and_dead_letters_complete() {
        let known = ["dlq.>", "shop.orders.*", "shop.orders.created", "shop.stock"].map(str::to_owned);
        assert_eq!(values(&topics(&known, "shop.")), ["shop.orders.created", "shop.stock"]);
        assert_eq!(values(&filters(&known, "shop.o")), ["shop.orders.*", "shop.orders.created"]);
        let letter = |topic: &str, sequence: u64| {
            serde_json::json!({
                "topic": topic, "sequence": sequence, "reason": "no address", "service": "a", "filter": "b", "group": "a",
                "attempts": 1, "first": "2026-01-01T00:00:00Z", "last": "2026-01-01T00:00:00Z", "replays": 0,
                "message": { "topic": "b", "id": "17" },
            })
        };
        let letters = serde_json::json!([letter("dlq.a", 1), letter("dlq.b", 2), letter("dlq.a", 12)]);
        let letters: Vec<DeadLetter> = serde_json::from_value(letters).unwrap();
        assert_eq!(values(&topics_of(&letters, "dlq.")), ["dlq.a", "dlq.b"]);
        assert_eq!(values(&dead_letters(&letters, "dlq.a", "1")), ["1", "12"]);
        assert_eq!(dead_letters(&letters, "dlq.b", "")[0].get_help().unwrap().to_string(), "17: no address");
    }

    #[test]
    fn functions_are_offered_by_the_shortest_name_that_is_theirs() {
        let exports = [
            export("shop:stock/stock@0.1.0", &["reserve: func(sku: string) -> u32", "count: async func() -> u32"]),
            export("shop:audit/log", &["count: func() -> u32", "entry.text: func() -> string"]),
            export("wasi:http/incoming-handler@0.2.12", &["handle: func()"]),
            export("run", &["run: func()"]),
        ];
        let counts = ["shop:stock/stock.count", "shop:audit/log.count"];
        for (current, wanted) in [
            ("", &["reserve", counts[0], counts[1]][..]),
            ("res", &["reserve"]),
            ("count", &[]),
            ("sh", &["shop:stock/stock.reserve", counts[0], counts[1]]),
            ("shop:stock/stock.r", &["shop:stock/stock.reserve"]),
            ("shop:stock/stock@", &["shop:stock/stock@0.1.0.reserve", "shop:stock/stock@0.1.0.count"]),
            ("reserve(", &[]),
            ("wasi:", &[]),
        ] {
            assert_eq!(values(&functions(&exports, current)), wanted, "{current}");
        }
        assert_eq!(functions(&exports, "res")[0].get_help().unwrap().to_string(), "func(sku: string) -> u32");
    }

    #[test]
    fn versions_are_offered_where_they_are_needed() {
        let exports = [export("a:b/c@1.0.0", &["f: func()"]), export("a:b/c@2.0.0", &["f: func()", "g: func()"])];
        assert_eq!(values(&functions(&exports, "")), ["a:b/c@1.0.0.f", "a:b/c@2.0.0.f", "g"]);
        let one_track = [export("a:b/c@1.0.0", &["f: func()"]), export("a:b/c@1.1.0", &["f: func()"])];
        assert_eq!(values(&functions(&one_track, "a")), [""; 0]);
    }

    #[test]
    fn keys_go_on_with_a_value() {
        assert_eq!(values(&keys(["memory", "timeout"].into_iter(), "mem")), ["memory="]);
        assert_eq!(values(&keys(["memory"].into_iter(), "memory=6")), [""; 0]);
        assert_eq!(values(&words(&["fresh", "reuse"], "f")), ["fresh"]);
    }
}
