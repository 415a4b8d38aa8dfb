//! Dashboards and alert rules: every query names metrics and labels that there are.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::catalogue::Catalogue;
use crate::support::root;

/// Labels that Prometheus adds.
const ADDED: [&str; 2] = ["instance", "job"];

/// A query, taken apart.
#[derive(Default)]
struct Query {
    /// Names of series, each with the labels that it is selected by.
    series: Vec<(String, Vec<String>)>,
    /// Labels that it is grouped by.
    grouped: Vec<String>,
}

/// Takes a query of PromQL apart, as far as it is needed here.
fn read(query: &str) -> Query {
    let (mut read, mut rest) = (Query::default(), query);
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '"' || c == '$') {
        let from = &rest[at..];
        if let Some(text) = from.strip_prefix('"') {
            rest = text.split_once('"').unwrap().1;
            continue;
        }
        let end = from[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(from.len(), |end| end + 1);
        let (word, after) = from.split_at(end);
        rest = after;
        if ["by", "on", "ignoring", "without"].contains(&word) {
            let (labels, after) = rest.split_once('(').unwrap().1.split_once(')').unwrap();
            let labels = labels.split(',').map(|label| label.trim().to_owned());
            read.grouped.extend(labels.filter(|label| !label.is_empty()));
            rest = after;
        } else if ["patchbay_", "http_", "process_", "up"].iter().any(|start| word.starts_with(start)) {
            let mut labels = Vec::new();
            if let Some(selector) = rest.strip_prefix('{') {
                (labels, rest) = selected(selector);
            }
            read.series.push((word.to_owned(), labels));
        }
    }
    read
}

/// The labels in `a="1",b=~"2"}`, and what comes behind.
fn selected(mut rest: &str) -> (Vec<String>, &str) {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return (labels, after);
        }
        let end = rest.find(['=', '!']).unwrap();
        labels.push(rest[..end].to_owned());
        rest = rest[end..].split_once('"').unwrap().1.split_once('"').unwrap().1;
    }
}

/// Fails unless everything that a query names is there; `also` are labels that its legend or its message uses.
fn check(catalogue: &Catalogue, query: &str, also: &[String], place: &str) {
    let Query { series, grouped } = read(query);
    assert!(!series.is_empty(), "{place}: no metric in {query}");
    for (name, labels) in series.iter().filter(|(name, _)| name != "up") {
        let own: Vec<_> = labels.iter().map(String::as_str).filter(|label| !ADDED.contains(label)).collect();
        catalogue.assert_has(name, &own, &format!("{place}: {query}"));
    }
    let is_there = |label: &str| {
        label == "le" || ADDED.contains(&label) || series.iter().any(|(name, _)| catalogue.has_label(name, label))
    };
    for label in grouped.iter().chain(also) {
        assert!(is_there(label), "{place}: {query}: there is no label {label}");
    }
    // What is grouped loses all other labels.
    if query.starts_with("sum by (") || query.starts_with("histogram_quantile") {
        let lost = also.iter().find(|label| !grouped.contains(*label));
        assert_eq!(lost, None, "{place}: {query}: the label is not kept");
    }
}

/// The labels in `{{caller}} → {{service}}`, or `{{ $labels.service }}`.
fn used(text: &str) -> Vec<String> {
    let parts = text.split("{{").skip(1).filter_map(|part| Some(part.split_once("}}")?.0.trim()));
    let labels =
        parts.filter_map(|part| if part.starts_with('$') { part.strip_prefix("$labels.") } else { Some(part) });
    labels.map(str::to_owned).collect()
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

#[test]
fn dashboards_ask_for_what_there_is() {
    let catalogue = Catalogue::of_documentation();
    let (mut ids, mut asked) = (BTreeSet::new(), 0);
    for name in ["overview", "service", "link", "bus", "host"] {
        let path = root().join("docs/observability/grafana").join(name).with_extension("json");
        let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(ids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{name} has the id of another one");
        for panel in panels(&dashboard) {
            let place = format!("{name}: {}", panel["title"].as_str().unwrap());
            for target in panel["targets"].as_array().unwrap() {
                let legend = target["legendFormat"].as_str().unwrap();
                check(&catalogue, target["expr"].as_str().unwrap(), &used(legend), &place);
                asked += 1;
            }
        }
        for variable in dashboard["templating"]["list"].as_array().unwrap().iter().filter(|it| it["type"] == "query") {
            let query = variable["definition"].as_str().unwrap();
            let inner = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
            let (series, label) = inner.rsplit_once(", ").unwrap();
            check(&catalogue, series, &[label.to_owned()], &format!("{name}: variable {}", variable["name"]));
        }
    }
    assert!(asked > 80, "only {asked} queries were found");
}

#[test]
fn alert_rules_ask_for_what_there_is_and_say_what_to_do() {
    let catalogue = Catalogue::of_documentation();
    let folder = root().join("docs/observability");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (rules, runbook) = (read("alerts.yaml"), read("runbook.md"));
    let sections: BTreeSet<_> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let mut named = BTreeSet::new();
    // Texts in the file are written as JSON, which YAML is, too.
    let text = |line: &str| serde_json::from_str::<String>(line).unwrap();
    for rule in rules.split("\n      - alert: ").skip(1) {
        let name = rule.lines().next().unwrap();
        let field = |key: &str| {
            let line = rule.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(": "));
            line.unwrap_or_else(|| panic!("{name} has no {key}"))
        };
        check(&catalogue, &text(field("expr")), &used(&text(field("summary"))), name);
        assert!(["warning", "critical"].contains(&field("severity")), "{name}");
        let (file, anchor) =
            text(field("runbook")).split_once('#').map(|(file, anchor)| (file.to_owned(), anchor.to_owned())).unwrap();
        assert!(root().join(Path::new(&file)).is_file() && anchor == name.to_lowercase(), "{name}");
        named.insert(name);
    }
    assert_eq!(named, sections, "each rule has a section in the runbook, and each section a rule");
    assert!(named.len() > 15);
}

#[test]
fn queries_are_taken_apart() {
    let query = "sum by (service, le) (rate(patchbay_a_bucket{x=~\"$x\",y!=\"by (z)\"}[$__rate_interval])) / on (job) process_b > 0.5";
    let Query { series, grouped } = read(query);
    let names: Vec<_> = series.iter().map(|(name, labels)| (name.as_str(), labels.join(" "))).collect();
    assert_eq!(names, [("patchbay_a_bucket", "x y".to_owned()), ("process_b", String::new())]);
    assert_eq!(grouped, ["service", "le", "job"]);
    assert_eq!(used("{{a}} → {{ $labels.b }}: {{ $value | humanize }}"), ["a", "b"]);
}
