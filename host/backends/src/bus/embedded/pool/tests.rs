//! What a pool hands out, and to whom.

use super::*;

const TERMS: Terms = Terms { settled: true, stored: true, waiting: 2 };

fn parcel() -> Parcel {
    Parcel { message: Arc::new(super::super::tests::message()), stored: SystemTime::UNIX_EPOCH }
}

/// A pool with fresh messages at these places, and members with these windows.
fn pool(places: std::ops::Range<u64>, windows: &[u32]) -> Pool {
    let mut pool = Pool::new(TERMS);
    places.for_each(|place| pool.add(place, parcel()));
    (1..).zip(windows).for_each(|(member, window)| pool.join(member, *window));
    pool
}

/// The places and attempts that a member gets.
fn take(pool: &mut Pool, member: u64, now: Instant) -> Vec<(u64, u32)> {
    match pool.take(member, NonZeroUsize::MAX, now) {
        Taken::Handed(handed) => handed.iter().map(|incoming| (incoming.token, incoming.attempt)).collect(),
        Taken::Lacking | Taken::Nothing(_) | Taken::Full | Taken::Closed => Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn members_share_what_there_is_within_their_windows() {
    let (mut pool, now) = (pool(1..11, &[3, 100]), Instant::now());
    assert_eq!(take(&mut pool, 1, now), [(1, 1), (2, 1), (3, 1)]);
    assert!(matches!(pool.take(1, NonZeroUsize::MAX, now), Taken::Full));
    assert_eq!(take(&mut pool, 2, now).len(), 4, "half of what there is");
    assert!(matches!(pool.take(3, NonZeroUsize::MAX, now), Taken::Closed));
    assert_eq!((pool.n_in_hand(), pool.n_fresh(), pool.first_fresh()), (7, 3, Some(8)));
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_comes_before_what_is_new_and_in_its_order() {
    let (mut pool, now) = (pool(1..6, &[3]), Instant::now());
    take(&mut pool, 1, now);
    assert!(pool.settle(1, 3, Settlement::Release(Duration::ZERO), now));
    assert!(pool.settle(1, 1, Settlement::Retry(Duration::ZERO), now));
    assert!(pool.settle(1, 2, Settlement::Acknowledge, now));
    assert!(!pool.settle(1, 2, Settlement::Acknowledge, now), "it was settled before");
    assert_eq!(take(&mut pool, 1, now), [(1, 2), (3, 1), (4, 1)]);
    pool.leave(1);
    pool.join(2, 10);
    assert_eq!(take(&mut pool, 2, now), [(1, 2), (3, 1), (4, 1), (5, 1)]);
}

#[tokio::test(start_paused = true)]
async fn pauses_end_and_too_many_of_them_hold_back_what_is_new() {
    let (mut pool, now) = (pool(1..6, &[2]), Instant::now());
    take(&mut pool, 1, now);
    let pause = Duration::from_secs(1);
    pool.settle(1, 1, Settlement::Retry(2 * pause), now);
    pool.settle(1, 2, Settlement::Retry(pause), now);
    assert_eq!(pool.outstanding(), BTreeMap::from([(1, 2), (2, 2)]));
    match pool.take(1, NonZeroUsize::MAX, now) {
        Taken::Nothing(due) => assert_eq!(due, Some(now + pause)),
        other => panic!("two wait, and no more may: {other:?}"),
    }
    assert_eq!(take(&mut pool, 1, now + pause), [(2, 2), (3, 1)]);
    assert_eq!(take(&mut pool, 1, now + 2 * pause), [], "its hands are full");
    pool.settle(1, 3, Settlement::Acknowledge, now);
    assert_eq!(take(&mut pool, 1, now + 2 * pause), [(1, 2)]);
}

#[tokio::test(start_paused = true)]
async fn messages_of_an_earlier_life_are_read_before_others_are_handed_out() {
    let (mut pool, now) = (pool(5..7, &[10]), Instant::now());
    pool.recall(1, 3);
    pool.recall(2, 1);
    assert!(matches!(pool.take(1, NonZeroUsize::MAX, now), Taken::Lacking));
    assert_eq!(pool.lacking(), [1, 2]);
    pool.supply(1, Some(parcel()));
    pool.supply(2, None);
    assert_eq!(take(&mut pool, 1, now), [(1, 3), (5, 1), (6, 1)]);
}

#[tokio::test(start_paused = true)]
async fn who_watches_has_nothing_in_hand() {
    let (mut pool, now) = (Pool::new(Terms { settled: false, ..TERMS }), Instant::now());
    pool.join(1, 1);
    (1..4).for_each(|place| pool.add(place, parcel()));
    assert_eq!(take(&mut pool, 1, now).len(), 3);
    assert_eq!((pool.n_in_hand(), pool.outstanding().len()), (0, 0));
}
