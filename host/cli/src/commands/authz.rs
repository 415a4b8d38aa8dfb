//! `patchbay authz explain`: what a service may call of another one, and which rule decides.

use serde::Deserialize;

use crate::args::ExplainArgs;
use crate::client::{Client, service_path};
use crate::columns::Columns;
use crate::failure::Failure;
use crate::screen::{BAD, GOOD, Screen, WARN, styled};

/// One thing that the caller may ask for, as the admin API explains it.
#[derive(Debug, Deserialize)]
struct Authorization {
    asked: String,
    allowed: bool,
    rule: Option<String>,
    reason: String,
}

/// Shows what the rules of the target say of the caller.
///
/// # Errors
/// If there is no such target, or the host cannot be reached.
pub(crate) async fn explain(args: &ExplainArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let path = format!("{}/authz?caller={}", service_path(&args.target), args.caller);
    let explained = client.get(&path).await?;
    if screen.json {
        return screen.value(&explained);
    }
    let is_there = client.get("/v1/services").await?.as_array().is_some_and(|services| {
        services
            .iter()
            .any(|service| service.get("name").and_then(serde_json::Value::as_str) == Some(args.caller.as_str()))
    });
    if !is_there {
        screen.line(styled(WARN, format!("no service is named `{}` now; if one was:", args.caller)))?;
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
