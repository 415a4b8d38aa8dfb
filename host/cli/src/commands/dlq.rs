//! `patchbay dlq`: list, show, replay and drop dead letters.

use patchbay_model::ServiceName;
use serde_json::Value;

use crate::args::{DlqCommand, DlqListArgs};
use crate::client::view::DeadLetter;
use crate::client::{Client, dead_letter_path, encoded};
use crate::failure::Failure;
use crate::screen::Screen;

mod act;
mod list;
mod show;

/// The most that the host lists at a time.
const PAGE: usize = 1000;

/// Does what is asked of dead letters.
///
/// # Errors
/// If the host cannot be reached or refuses, or not all could be replayed or dropped.
pub(crate) async fn run(command: &DlqCommand, screen: Screen) -> Result<(), Failure> {
    match command {
        DlqCommand::List(args) => run_list(args, screen).await,
        DlqCommand::Show(args) => {
            let client = Client::find(&args.host)?;
            let letter = client.get(&dead_letter_path(args.letters.as_str(), args.sequence)).await?;
            if screen.json {
                return screen.value(&letter);
            }
            show::page(&serde_json::from_value(letter)?).into_iter().try_for_each(|line| Ok(screen.line(line)?))
        }
        DlqCommand::Replay(args) => act::run(args, act::Deed::Replay, screen).await,
        DlqCommand::Drop(args) => act::run(args, act::Deed::Drop, screen).await,
    }
}

async fn run_list(args: &DlqListArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let letters = listed(&client, args.service.as_ref(), limit).await?;
    if screen.json {
        return screen.value(&letters);
    }
    let is_full = letters.len() == limit;
    let letters: Vec<DeadLetter> = serde_json::from_value(Value::Array(letters))?;
    if letters.is_empty() {
        return Ok(screen.line("No dead letters.")?);
    }
    for line in list::table(&letters) {
        screen.line(line)?;
    }
    if is_full {
        screen.note(format!("these are the first {limit}; --limit shows more"))?;
    }
    Ok(())
}

/// Up to `limit` dead letters.
async fn listed(client: &Client, service: Option<&ServiceName>, limit: usize) -> Result<Vec<Value>, Failure> {
    let mut all: Vec<Value> = Vec::new();
    while all.len() < limit {
        let wanted = PAGE.min(limit - all.len());
        let page = client.get(&list_path(service, all.last(), wanted)).await?;
        let page: Vec<Value> = serde_json::from_value(page)?;
        let is_last = page.len() < wanted;
        all.extend(page);
        if is_last {
            break;
        }
    }
    Ok(all)
}

fn list_path(service: Option<&ServiceName>, last: Option<&Value>, limit: usize) -> String {
    let service = service.map(|service| format!("&service={service}")).unwrap_or_default();
    let after = last.and_then(place).map(|(topic, sequence)| format!("&after={}%2F{sequence}", encoded(topic)));
    format!("/v1/dead-letters?limit={limit}{service}{}", after.unwrap_or_default())
}

/// Where a dead letter is.
fn place(letter: &Value) -> Option<(&str, u64)> {
    Some((letter.get("topic")?.as_str()?, letter.get("sequence")?.as_u64()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_go_on_behind_the_last_one() {
        let orders = "orders".parse().unwrap();
        assert_eq!(list_path(None, None, 5), "/v1/dead-letters?limit=5");
        let last = json!({"topic": "dlq.orders", "sequence": 7});
        let path = "/v1/dead-letters?limit=5&service=orders&after=dlq.orders%2F7";
        assert_eq!(list_path(Some(&orders), Some(&last), 5), path);
    }
}
