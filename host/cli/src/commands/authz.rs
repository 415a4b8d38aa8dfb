//! `patchbay authz`: who may do what, and which rule decides.

mod test;

use patchbay_control::Question;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::args::ExplainArgs;
use crate::client::Client;
use crate::columns::Columns;
use crate::failure::{Failure, FailureKind};
pub(super) use test::run as test;

use crate::screen::{BAD, GOOD, Screen, WARN, styled};

/// One thing that the caller may ask for, as the admin API explains it.
#[derive(Debug, Deserialize)]
struct Authorization {
    asked: String,
    allowed: bool,
    rule: Option<String>,
    reason: String,
}

/// Shows what the rules say of the caller.
///
/// # Errors
/// If nothing is asked, or about nobody, or the host cannot be reached.
pub(crate) async fn explain(args: &ExplainArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let target = args.target.join(" ");
    let question: Question = target.parse().map_err(|error| Failure::new(FailureKind::Usage, error))?;
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let path = format!("/v1/authz?caller={}&target={}", encode(&args.caller.to_string()), encode(&target));
    let explained = client.get(&path).await?;
    if screen.json {
        return screen.value(&explained);
    }
    // One who cannot exist may be told of, but not without a word.
    if let Some(name) = args.caller.asker().service {
        let known = client.get("/v1/services").await?;
        let mut names = known.as_array().into_iter().flatten().filter_map(|service| service.get("name")?.as_str());
        if !names.any(|known| known == name.as_str()) {
            screen.line(styled(WARN, format!("no service is named `{name}` now; if one was:")))?;
        }
    }
    if matches!(question, Question::Publish(_) | Question::Subscribe(_))
        && explained.as_array().is_some_and(Vec::is_empty)
    {
        screen.line("no topic is meant by it")?;
    }
    for line in table(&serde_json::from_value::<Vec<Authorization>>(explained)?) {
        screen.line(line)?;
    }
    Ok(())
}

fn table(explained: &[Authorization]) -> Vec<String> {
    let mut columns = Columns::new(["WHAT", "DECISION", "RULE", "REASON"]);
    for Authorization { asked, allowed, rule, reason } in explained {
        let decision = if *allowed { styled(GOOD, "allowed") } else { styled(BAD, "denied") };
        columns.add([asked.clone(), decision, rule.clone().unwrap_or_else(|| "-".to_owned()), reason.clone()]);
    }
    columns.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decision_has_its_rule_or_its_reason() {
        let explained = r#"[
            {"asked":"http","allowed":false,"reason":"no rule fits"},
            {"asked":"a:b/c.f","allowed":true,"rule":"orders a:b/c","reason":"a rule lets it"}
        ]"#;
        let lines = table(&serde_json::from_str::<Vec<Authorization>>(explained).unwrap());
        let plain: Vec<_> = lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            plain,
            [
                "WHAT     DECISION  RULE          REASON",
                "http     denied    -             no rule fits",
                "a:b/c.f  allowed   orders a:b/c  a rule lets it",
            ]
        );
    }
}
