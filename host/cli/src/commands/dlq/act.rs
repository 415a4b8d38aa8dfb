//! Replaying and dropping dead letters: one, or all that there are.

use reqwest::Method;
use serde_json::{Value, json};

use super::{listed, place};
use crate::args::DlqChoiceArgs;
use crate::brief;
use crate::client::{Client, dead_letter_path};
use crate::failure::{Failure, FailureKind};
use crate::screen::{BAD, Screen, styled};

/// What is to be done with dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// They are tried once more.
    Replay,
    /// They are dropped for good.
    Drop,
}

impl Deed {
    /// What was done, as a word.
    const fn done(self) -> &'static str {
        match self {
            Self::Replay => "replayed",
            Self::Drop => "dropped",
        }
    }

    async fn ask(self, client: &Client, topic: &str, sequence: u64) -> Result<Value, Failure> {
        let path = dead_letter_path(topic, sequence);
        match self {
            Self::Replay => client.ask(Method::POST, &format!("{path}/replay"), &json!({})).await,
            Self::Drop => client.ask(Method::DELETE, &path, &json!({})).await,
        }
    }
}

/// Does it, and says to how many.
///
/// # Errors
/// If the host cannot be reached, or it could not be done to all.
pub(super) async fn run(args: &DlqChoiceArgs, deed: Deed, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    if let (Some(topic), Some(sequence)) = (&args.letters, args.sequence) {
        deed.ask(&client, topic.as_str(), sequence).await?;
        return conclude(deed, 1, &[], screen);
    }
    // All are listed before anything is done: what fails again after a replay is a new dead letter, and not meant.
    let letters = listed(&client, args.service.as_ref(), usize::MAX).await?;
    let (mut done, mut failed) = (0, Vec::new());
    for (topic, sequence) in letters.iter().filter_map(place) {
        match deed.ask(&client, topic, sequence).await {
            Ok(_) => done += 1,
            // The others would fare no better.
            Err(failure) if failure.kind == FailureKind::Unreachable => return Err(failure),
            Err(failure) => {
                screen.note(format!("{}: {failure}", styled(BAD, format!("{topic} {sequence}"))))?;
                failed.push(failure);
            }
        }
    }
    conclude(deed, done, &failed, screen)
}

fn conclude(deed: Deed, done: u64, failed: &[Failure], screen: Screen) -> Result<(), Failure> {
    if !failed.is_empty() {
        return Err(Failure::failed(not_all(deed, done, failed)));
    }
    if screen.json {
        return screen.value(&json!({ deed.done(): done }));
    }
    Ok(screen.line(format!("{} {}", deed.done(), brief::count(done, "dead letter")))?)
}

fn not_all(deed: Deed, done: u64, failed: &[Failure]) -> String {
    let all = done + failed.len() as u64;
    let first = failed.first().map(ToString::to_string).unwrap_or_default();
    format!("{done} of {} {}; the first that was not: {first}", brief::count(all, "dead letter"), deed.done())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_done_is_counted() {
        let failed = [Failure::failed("the topic is full"), Failure::failed("gone")];
        let said = not_all(Deed::Replay, 3, &failed);
        assert_eq!(said, "3 of 5 dead letters replayed; the first that was not: the topic is full");
        let screen = Screen { json: false };
        assert_eq!(conclude(Deed::Drop, 0, &failed, screen).unwrap_err().kind, FailureKind::Failed);
    }
}
