//! `patchbay authz test`: a table of who may do what and who may not, held against a configuration.

use patchbay_control::{Caller, Question, RouteEntry, RouteOwner, RoutePolicy, RouteTable, Rulebook};
use serde_json::json;

use crate::args::AuthzTestArgs;
use crate::brief;
use crate::config::{Config, ConfigError, ConfigFile};
use crate::failure::{Failure, FailureKind};
use crate::screen::{BAD, GOOD, Screen, styled};

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
struct Expectation {
    line: usize,
    allowed: bool,
    caller: Caller,
    target: String,
    question: Question,
}

/// How a line of the table came out.
struct Outcome<'e> {
    expectation: &'e Expectation,
    /// Why it is not as expected, if it is not.
    problem: Option<String>,
}

/// Holds the configuration against the table.
///
/// # Errors
/// If a line of the table is none, the configuration is not right, or an expectation is not met.
pub(in crate::commands) fn run(args: &AuthzTestArgs, screen: Screen) -> Result<(), Failure> {
    let file = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Failure::new(FailureKind::Usage, format!("cannot read `{file}`: {error}")))?;
    let expectations = read(&text).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(|(line, problem)| format!("{file}:{line}: {problem}")).collect();
        Failure::new(FailureKind::Refused, lines.join("\n"))
    })?;
    let config = ConfigFile::open(&args.config)?.finish_without_components().map_err(ConfigError::from)?;
    let book = rulebook(config)?;
    let outcomes: Vec<_> = expectations.iter().map(|expectation| hold(&book, expectation)).collect();
    let failed = outcomes.iter().filter(|outcome| outcome.problem.is_some()).count();
    show(&outcomes, failed, screen)?;
    match failed {
        0 => Ok(()),
        _ => {
            let count = brief::count(failed as u64, "expectation");
            Err(Failure::failed(format!("{count} of {} not met", outcomes.len())))
        }
    }
}

fn show(outcomes: &[Outcome<'_>], failed: usize, screen: Screen) -> Result<(), Failure> {
    if screen.json {
        let lines = outcomes.iter().map(|Outcome { expectation, problem }| {
            json!({
                "line": expectation.line, "caller": expectation.caller.to_string(), "target": expectation.target,
                "expected": expectation.allowed, "met": problem.is_none(), "problem": problem,
            })
        });
        return screen.value(&json!(lines.collect::<Vec<_>>()));
    }
    for Outcome { expectation: Expectation { line, allowed, caller, target, .. }, problem } in outcomes {
        if let Some(problem) = problem {
            let wanted = if *allowed { "allow" } else { "deny" };
            screen.line(format!("{} line {line}: {wanted} {caller} {target}: {problem}", styled(BAD, "not met")))?;
        }
    }
    if failed == 0 {
        screen.line(format!("{} {}", styled(GOOD, "all met:"), brief::count(outcomes.len() as u64, "expectation")))?;
    }
    Ok(())
}

/// The rules of a configuration. Its routes are known to be possible.
fn rulebook(config: Config) -> Result<Rulebook, Failure> {
    let control = config.control;
    let of_services = config.services.iter().flat_map(|service| {
        let owner = RouteOwner::Service(service.name.clone());
        service.routes.iter().map(move |declared| (owner.clone(), declared))
    });
    let entries = control.routes.iter().map(|declared| (RouteOwner::Host, declared)).chain(of_services);
    let table = RouteTable::new(entries.map(|(owner, declared)| {
        let policy = RoutePolicy::new(declared.route.clone(), declared.settings.clone(), control.open);
        RouteEntry { owner, policy: policy.into() }
    }));
    Ok(Rulebook {
        strict: control.strict,
        services: config
            .services
            .iter()
            .map(|service| (service.name.clone(), service.settings.callers.clone()))
            .collect(),
        routes: table.map_err(Failure::failed)?.into(),
        topics: control.topics,
    })
}

/// Reads the table; the lines that say nothing that can be expected, with what is wrong with them.
fn read(text: &str) -> Result<Vec<Expectation>, Vec<(usize, String)>> {
    let (mut expectations, mut problems) = (Vec::new(), Vec::new());
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        match expectation(number, line) {
            Ok(expectation) => expectations.push(expectation),
            Err(problem) => problems.push((number, problem)),
        }
    }
    if problems.is_empty() { Ok(expectations) } else { Err(problems) }
}

fn expectation(line: usize, text: &str) -> Result<Expectation, String> {
    let form = "write `allow` or `deny`, who, and what for, with spaces between, such as `allow orders inventory GET`";
    let (decision, rest) = text.split_once(char::is_whitespace).ok_or(form)?;
    let allowed = match decision {
        "allow" => true,
        "deny" => false,
        other => return Err(format!("`{other}` is neither `allow` nor `deny`; {form}")),
    };
    let rest = rest.trim_start();
    let (caller, target) = rest.split_at(end_of_caller(rest));
    let target = target.trim().to_owned();
    let caller = caller.parse().map_err(|error| format!("{error}"))?;
    let question = target.parse().map_err(|error| format!("{error}"))?;
    Ok(Expectation { line, allowed, caller, target, question })
}

/// Where the caller ends: at the first space that is not within quotes.
fn end_of_caller(text: &str) -> usize {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    end.unwrap_or(text.len())
}

fn hold<'e>(book: &Rulebook, expectation: &'e Expectation) -> Outcome<'e> {
    let answers = book.answer(&expectation.caller, &expectation.question);
    let other = answers.iter().find(|answer| answer.allowed != expectation.allowed);
    let problem = match other {
        _ if answers.is_empty() => Some("nothing in the configuration is meant by it".to_owned()),
        Some(answer) => Some(format!("`{}`: {}", answer.asked, answer.reason)),
        None => None,
    };
    Outcome { expectation, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_one_expectation_in_each_line() {
        let table = "# who may\n\nallow  orders   inventory GET\n deny user:\"Ann B\"&scope:x GET /x\n";
        let expectations = read(table).unwrap();
        let lines: Vec<_> = expectations.iter().map(|one| (one.line, one.allowed, one.target.as_str())).collect();
        assert_eq!(lines, [(3, true, "inventory GET"), (4, false, "GET /x")]);
        assert_eq!(expectations[1].caller.to_string(), "user:\"Ann B\"&scope:x");
        for (line, problem) in [
            ("perhaps orders inventory", "`perhaps` is neither"),
            ("allow", "write `allow`"),
            ("allow orders", "nothing to ask about"),
            ("deny Orders inventory", "is nobody"),
        ] {
            let problems = read(line).unwrap_err();
            assert!(problems[0].1.contains(problem), "{problems:?}");
        }
    }
}
