//! Following a journal: nothing twice, nothing lost without a word.

use std::time::UNIX_EPOCH;

use patchbay_model::LogStream;

use super::*;

fn line(service: &str) -> LogRecord {
    LogRecord::new(UNIX_EPOCH, LogStream::Stderr, String::new()).of(&format!("{service}@1").parse().unwrap())
}

fn wanted(after: u64) -> Wanted<LogFilter> {
    let filter = LogFilter { service: Some("orders".parse().unwrap()), ..LogFilter::default() };
    Wanted { after, follow: true, limit: None, filter }
}

fn follow(journal: &Journal<LogRecord>, after: u64, stop: &CancellationToken) -> Follower<LogRecord> {
    Follower::new(journal.read(after), wanted(after), stop.clone())
}

async fn next(follower: &mut Follower<LogRecord>) -> Option<String> {
    // An event shows itself only in the debug form.
    follower.next().await.map(|event| format!("{:?}", event.unwrap()))
}

#[tokio::test]
async fn a_reader_that_lags_is_told_how_much_it_missed() {
    let (journal, stop) = (Journal::new(8), CancellationToken::new());
    let mut follower = follow(&journal, 0, &stop);
    for _ in 0..1030 {
        journal.append(line("orders"));
    }
    let missed = next(&mut follower).await.unwrap();
    assert!(missed.contains("missed") && missed.contains("{\\\"count\\\":6}"), "{missed}");
    let first = next(&mut follower).await.unwrap();
    assert!(first.contains("id: 7\\n") && first.contains("event: log"), "{first}");
}

#[tokio::test]
async fn other_services_are_passed_over_and_the_stop_ends_it() {
    let (journal, stop) = (Journal::new(8), CancellationToken::new());
    journal.append(line("other"));
    let mut follower = follow(&journal, 0, &stop);
    journal.append(line("other"));
    journal.append(line("orders"));
    assert!(next(&mut follower).await.unwrap().contains("id: 3\\n"));
    stop.cancel();
    assert_eq!(next(&mut follower).await, None);
}

#[tokio::test]
async fn a_limit_is_about_the_newest_of_what_is_wanted() {
    let (journal, stop) = (Journal::new(8), CancellationToken::new());
    for service in ["orders", "orders", "orders", "other", "other"] {
        journal.append(line(service));
    }
    let wanted = Wanted { limit: Some(2), ..wanted(0) };
    let mut follower = Follower::new(journal.read(0), wanted, stop.clone());
    journal.append(line("orders"));
    for id in [2, 3, 6] {
        let event = next(&mut follower).await.unwrap();
        assert!(event.contains(&format!("id: {id}\\n")), "{id}: {event}");
    }
}
