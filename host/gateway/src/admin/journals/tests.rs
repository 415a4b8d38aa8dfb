//! Following a journal: nothing twice, nothing lost without a word.

use std::time::UNIX_EPOCH;

use patchbay_model::LogStream;

use super::*;

fn line(service: &str) -> LogRecord {
    LogRecord {
        time: UNIX_EPOCH,
        service: service.to_owned(),
        revision: 1,
        call: None,
        stream: LogStream::Stderr,
        level: None,
        context: None,
        line: String::new(),
    }
}

fn follow(journal: &Journal<LogRecord>, after: u64, stop: &CancellationToken) -> Follower<LogRecord> {
    let selection = Selection { after, follow: true, service: Some("orders".parse().unwrap()) };
    Follower::new(journal.read(selection.after), selection, stop.clone())
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
