//! That each key has its rate, and that there are never too many of them.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use governor::state::StateStore;
use proptest::prelude::*;
use tokio::time::advance;

use super::*;

fn rate(rate: &str, room: usize) -> KeyedRate {
    KeyedRate::with_room("address", rate.parse().unwrap(), room)
}

fn ask(rate: &KeyedRate, address: u32) -> (RateVerdict, Result<(), Duration>) {
    rate.admit(None, Some(Ipv4Addr::from_bits(address).into()))
}

fn n_admitted(rate: &KeyedRate, address: u32, n_calls: usize) -> usize {
    (0..n_calls).filter(|_| ask(rate, address).1.is_ok()).count()
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_burst_and_then_one_call_per_interval() {
    let rate = rate("10/s burst 3", 100);
    for address in 0..5 {
        assert_eq!(n_admitted(&rate, address, 5), 3, "{address}");
    }
    advance(Duration::from_millis(99)).await;
    assert_eq!(n_admitted(&rate, 1, 5), 0);
    advance(Duration::from_millis(1)).await;
    assert_eq!(n_admitted(&rate, 1, 5), 1);
    advance(Duration::from_secs(60)).await;
    assert_eq!(n_admitted(&rate, 1, 20), 3);
    assert_eq!(rate.crowded(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_verdict_says_what_is_left_and_when_all_is_back() {
    let rate = rate("10/s burst 20", 100);
    let told = |verdict: RateVerdict| (verdict.quota, verdict.window, verdict.remaining, verdict.reset);
    assert_eq!(told(ask(&rate, 1).0), (20, 2, 19, 1));
    for _ in 0..18 {
        ask(&rate, 1).1.unwrap();
    }
    assert_eq!(told(ask(&rate, 1).0), (20, 2, 0, 2));
    let (verdict, refused) = ask(&rate, 1);
    assert_eq!((told(verdict), refused), ((20, 2, 0, 2), Err(Duration::from_millis(100))));
    advance(Duration::from_millis(1550)).await;
    assert_eq!(told(ask(&rate, 1).0), (20, 2, 14, 1));
}

#[tokio::test(start_paused = true)]
async fn keys_without_number_take_no_more_room_and_push_no_busy_one_out() {
    let rate = rate("1/s burst 2", 160);
    assert_eq!(n_admitted(&rate, 0, 5), 2);
    let admitted = (1..100_000).filter(|address| ask(&rate, *address).1.is_ok()).count();
    // Those that have room, and a burst for all others together.
    assert!((100..=162).contains(&admitted), "{admitted}");
    assert!(rate.crowded() > 99_000, "{}", rate.crowded());
    // The busy one has its own rate yet, and no second burst.
    assert_eq!(n_admitted(&rate, 0, 5), 0);
    advance(Duration::from_secs(1)).await;
    assert_eq!(n_admitted(&rate, 0, 5), 1);
    // Idle ones make room.
    advance(Duration::from_secs(2)).await;
    let before = rate.crowded();
    assert_eq!(n_admitted(&rate, 200_000, 5), 2);
    assert_eq!(rate.crowded(), before);
}

#[tokio::test(start_paused = true)]
async fn the_largest_rates_can_be_counted_with() {
    for text in ["1/24h burst 4294967295", "1000000000/s burst 4294967295", "4294967295/10s"] {
        let rate = rate(text, 16);
        for _ in 0..3 {
            assert!(ask(&rate, 1).1.is_ok(), "{text}");
            advance(Duration::from_secs(1_000_000)).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever calls, whenever: a key that has room has in no time more than its burst and what the rate gives for it,
    /// and all others together have no more than one; there are never more keys than room.
    #[test]
    fn no_time_has_more_calls_of_a_key_than_the_rate(
        calls in prop::collection::vec((0_u64..300, 0_u32..12), 1..400),
        burst in 1_u64..6,
        room in prop::sample::select(vec![1_usize, 1000]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let rate = rate(&format!("10/s burst {burst}"), room);
            let (mut now, mut passed) = (0_u64, HashMap::<_, Vec<u64>>::new());
            for (gap, address) in calls {
                advance(Duration::from_millis(gap)).await;
                now += gap;
                let before = rate.crowded();
                let (verdict, admitted) = ask(&rate, address);
                prop_assert!(verdict.remaining < burst);
                if admitted.is_ok() {
                    let key = if rate.crowded() > before { u32::MAX } else { address };
                    passed.entry(key).or_default().push(now);
                }
            }
            for times in passed.values() {
                for (first, begun) in times.iter().enumerate() {
                    for (last, ended) in times.iter().enumerate().skip(first) {
                        let n_calls = (last - first + 1) as u64;
                        prop_assert!(n_calls <= burst + (ended - begun) / 100, "{n_calls} from {begun} to {ended}");
                    }
                }
            }
            Ok(())
        })?;
    }

    /// However keys come and go: what is kept fits, and none that is busy and has room is lost.
    #[test]
    fn keys_are_bounded_and_found(acts in prop::collection::vec((0_u128..200, 1_u64..50, any::<bool>()), 1..400)) {
        let crowded = Arc::<AtomicU64>::default();
        let keys = Keys::new(32, Duration::from_nanos(10), crowded.clone());
        let (mut now, mut due) = (0_u64, HashMap::<Key, u64>::new());
        for (key, step, waits) in acts {
            now += if waits { step * 10 } else { 1 };
            let before = crowded.load(Ordering::Relaxed);
            let (known, next) = keys.measure_and_replace(&key, |state| {
                let next = state.map_or(now, |state| state.as_u64().max(now)) + 10;
                Ok::<_, ()>(((state.map(Nanos::as_u64), next), next.into()))
            }).unwrap();
            prop_assert!(keys.count() <= 32);
            let own = due.get(&key).copied().filter(|due| *due > now);
            if crowded.load(Ordering::Relaxed) > before {
                prop_assert_eq!(own, None, "a busy key was forgotten");
            } else {
                prop_assert!(own.is_none_or(|own| known == Some(own)), "{own:?} became {known:?}");
                due.insert(key, next);
            }
        }
    }
}
