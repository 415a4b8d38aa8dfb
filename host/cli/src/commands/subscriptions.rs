//! `patchbay subscriptions`: who reacts to what, and how far they are.

use crate::args::SubscriptionsArgs;
use crate::client::Client;
use crate::client::view::Subscription;
use crate::columns::Columns;
use crate::failure::Failure;
use crate::screen::{BAD, GOOD, NAME, Screen, WARN, harmless, styled};

/// Lists the subscriptions of all services.
///
/// # Errors
/// If the host cannot be reached, or its bus is not available.
pub(crate) async fn run(args: &SubscriptionsArgs, screen: Screen) -> Result<(), Failure> {
    let subscriptions = Client::find(&args.host)?.get("/v1/subscriptions").await?;
    if screen.json {
        return screen.value(&subscriptions);
    }
    let subscriptions: Vec<Subscription> = serde_json::from_value(subscriptions)?;
    if subscriptions.is_empty() {
        return Ok(screen.line("No subscriptions. A service has those that runtime.toml or its deployment says.")?);
    }
    for line in table(&subscriptions) {
        screen.line(line)?;
    }
    Ok(())
}

fn table(subscriptions: &[Subscription]) -> Vec<String> {
    let mut columns = Columns::new([
        "SERVICE",
        "TOPIC",
        "GROUP",
        "STATE",
        "LAG",
        "IN FLIGHT",
        "RETRYING",
        "ATTEMPTS",
        "DELIVERED",
        "RETRIED",
        "DEAD LETTERS",
    ]);
    let mut notes = Vec::new();
    for subscription in subscriptions {
        columns.add([
            styled(NAME, &subscription.service),
            subscription.topic.clone(),
            subscription.group.clone(),
            state(subscription),
            subscription.lag.to_string(),
            subscription.in_flight.to_string(),
            worrying(subscription.retrying, WARN),
            subscription.settings.attempts.to_string(),
            subscription.delivered.to_string(),
            subscription.retried.to_string(),
            worrying(subscription.dead_letters, BAD),
        ]);
        if let Some(reason) = &subscription.reason {
            let of = styled(BAD, format!("{} {}", subscription.service, subscription.topic));
            notes.push(format!("{of}: {}", harmless(reason)));
        }
    }
    let mut lines = columns.lines();
    if !notes.is_empty() {
        lines.push(String::new());
        lines.append(&mut notes);
    }
    lines
}

fn state(subscription: &Subscription) -> String {
    let style = match subscription.state.as_str() {
        "active" => GOOD,
        "starting" => WARN,
        _ => BAD,
    };
    styled(style, &subscription.state)
}

/// A count that is best 0.
fn worrying(count: u64, style: anstyle::Style) -> String {
    if count == 0 { count.to_string() } else { styled(style, count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subscription_is_a_line_and_trouble_is_told_below() {
        let subscriptions = r#"[
            {"service":"shipping","topic":"shop.orders.*","group":"shipping","state":"active","lag":2,"in_flight":1,
             "retrying":1,"delivered":9,"acknowledged":6,"retried":2,"buried":1,"dead_letter":"dlq.shipping",
             "dead_letters":1,"settings":{}},
            {"service":"a","topic":"news.>","group":"g","state":"waiting","reason":"no broker answers","lag":0,
             "in_flight":0,"retrying":0,"delivered":0,"acknowledged":0,"retried":0,"buried":0,"dead_letter":"dlq.a",
             "dead_letters":0,"settings":{"attempts":9}}
        ]"#;
        let lines = table(&serde_json::from_str::<Vec<Subscription>>(subscriptions).unwrap());
        let plain: Vec<_> = lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            plain,
            [
                "SERVICE   TOPIC          GROUP     STATE    LAG  IN FLIGHT  RETRYING  ATTEMPTS  DELIVERED  RETRIED  DEAD LETTERS",
                "shipping  shop.orders.*  shipping  active   2    1          1         5         9          2        1",
                "a         news.>         g         waiting  0    0          0         9         0          0        0",
                "",
                "a news.>: no broker answers",
            ]
        );
    }
}
