//! Tests of the hands of feeds.

use super::*;

const MANY: NonZeroUsize = NonZeroUsize::new(100).unwrap();

fn held(place: u64, delivered: i64, noted: i64) -> Held {
    let headers = [("ce-id", "1"), ("ce-source", "/s"), ("ce-time", "2026-01-31T12:00:00Z")];
    let message = Message::from_headers("t".parse().unwrap(), headers, bytes::Bytes::new(), || panic!("all is there"));
    Held {
        place,
        reply: format!("reply.{place}.{delivered}").into(),
        delivered,
        attempt: u32::try_from(delivered - noted).unwrap(),
        noted,
        stored: SystemTime::UNIX_EPOCH,
        message: Arc::new(message.unwrap()),
    }
}

fn hands(window: u32, ordered: bool) -> (Hands, u64) {
    let mut hands = Hands::new(true, ordered);
    let seat = hands.join(window).unwrap();
    (hands, seat)
}

fn places(taken: &[Incoming]) -> Vec<(u64, u32)> {
    taken.iter().map(|incoming| (incoming.sequence.unwrap(), incoming.attempt)).collect()
}

#[tokio::test(start_paused = true)]
async fn feeds_share_and_leave_to_each_other() {
    let (mut hands, seat) = hands(2, false);
    let other = hands.join(3).unwrap();
    assert_eq!(hands.room(), 5);
    for place in [3, 1, 2, 4] {
        assert_eq!(hands.came(held(place, 1, 0)), Came::New);
    }
    let taken = hands.take(seat, MANY);
    assert_eq!(places(&taken), [(1, 1), (2, 1)]);
    assert!(hands.take(seat, MANY).is_empty());
    assert_eq!(places(&hands.take(other, NonZeroUsize::MIN)), [(3, 1)]);
    assert!(!hands.leave(seat) && !hands.leave(seat));
    hands.settle(seat, taken[0].token, Settlement::Acknowledge);
    assert!(hands.todo(Instant::now()).is_empty(), "it is not its own any more");
    assert_eq!(places(&hands.take(other, MANY)), [(1, 1), (2, 1)]);
    let counts = hands.counts(Instant::now());
    assert_eq!((counts.out, counts.ready, counts.retrying), (3, 1, 0));
    assert!(hands.leave(other) && hands.join(1).is_none());
    assert_eq!(hands.empty().iter().map(|held| held.place).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_goes_back_and_counts() {
    let (mut hands, seat) = hands(5, false);
    let now = Instant::now();
    for (delivered, noted, settlement, note) in [
        (1, 0, Settlement::Retry(Duration::ZERO), None),
        (2, 0, Settlement::Release(Duration::ZERO), Some(1)),
        (3, 1, Settlement::Release(Duration::ZERO), Some(2)),
        (4, 2, Settlement::Retry(Duration::from_secs(1)), None),
    ] {
        assert_eq!(hands.came(held(7, delivered, noted)), Came::New);
        let taken = hands.take(seat, MANY);
        hands.settle(seat, taken[0].token, settlement);
        let todo = hands.todo(now);
        assert!(matches!(&todo[..], [Todo::GiveBack { note: found, .. }] if *found == note), "{todo:?}");
    }
    assert_eq!(hands.counts(now).retrying, 1);
    assert_eq!(hands.counts(now + Duration::from_secs(2)).retrying, 0);
    assert_eq!(hands.room(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_forgets_does_not_change_what_was_tried() {
    let (mut hands, seat) = hands(5, false);
    for (delivered, attempt) in [(1, 1), (1, 2), (2, 3)] {
        hands.came(held(7, delivered, 0));
        let taken = hands.take(seat, MANY);
        assert_eq!(places(&taken), [(7, attempt)]);
        hands.settle(seat, taken[0].token, Settlement::Retry(Duration::ZERO));
        assert_eq!(hands.todo(Instant::now()).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_order_stays() {
    let (mut hands, seat) = hands(2, true);
    let now = Instant::now();
    hands.came(held(1, 1, 0));
    hands.came(held(2, 1, 0));
    let taken = hands.take(seat, NonZeroUsize::MIN);
    hands.settle(seat, taken[0].token, Settlement::Retry(Duration::from_secs(1)));
    // Should the host crash now, the next delivery is the second, and the third attempt.
    assert!(matches!(&hands.todo(now)[..], [Todo::Note { place: 1, uncounted: -1 }]));
    assert_eq!((hands.room(), hands.wakes_at()), (0, Some(now + Duration::from_secs(1))));
    assert!(!hands.wake(now) && hands.wake(now + Duration::from_secs(1)));
    let again = hands.take(seat, MANY);
    assert_eq!(places(&again), [(1, 2), (2, 1)]);
    hands.settle(seat, again[0].token, Settlement::Release(Duration::ZERO));
    assert!(hands.todo(now).is_empty(), "nothing has to be noted");
    hands.wake(now);
    assert_eq!(places(&hands.take(seat, MANY)), [(1, 2)]);
    // Given back as it is, the next delivery has to be the second attempt.
    assert_eq!(hands.empty()[0].note_for(2), Some(0));
}

#[tokio::test(start_paused = true)]
async fn what_is_here_is_not_handed_out_again() {
    let (mut hands, seat) = hands(2, false);
    hands.came(held(1, 1, 0));
    let taken = hands.take(seat, MANY);
    assert_eq!(hands.came(held(1, 2, 0)), Came::Again { note: Some(1) });
    assert_eq!(hands.came(held(1, 2, 0)), Came::Again { note: None });
    assert!(hands.take(seat, MANY).is_empty());
    assert_eq!(hands.replies()[0].as_str(), "reply.1.2");
    hands.settle(seat, taken[0].token, Settlement::Acknowledge);
    assert!(matches!(&hands.todo(Instant::now())[..], [Todo::Acknowledge(held)] if held.reply.as_str() == "reply.1.2"));
    assert_eq!(hands.came(held(1, 3, 0)), Came::Done);
}

#[tokio::test(start_paused = true)]
async fn what_is_done_is_remembered_for_a_while() {
    let (mut hands, seat) = hands(1, false);
    for place in 1..=20 {
        hands.came(held(place, 1, 0));
        let taken = hands.take(seat, MANY);
        hands.settle(seat, taken[0].token, Settlement::Acknowledge);
        assert_eq!(hands.todo(Instant::now()).len(), 1);
    }
    assert_eq!(hands.done.len(), REMEMBERED);
    assert!(hands.is_new(1) && !hands.is_new(20));
}

#[tokio::test(start_paused = true)]
async fn watchers_settle_nothing() {
    let mut hands = Hands::new(false, false);
    let seat = hands.join(2).unwrap();
    hands.came(held(1, 1, 0));
    hands.came(held(2, 1, 0));
    assert_eq!((hands.room(), hands.replies().len()), (0, 0));
    assert_eq!(hands.take(seat, MANY).len(), 2);
    assert_eq!(hands.room(), 2);
}
