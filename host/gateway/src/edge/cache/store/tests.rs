//! The bounds of a store, whatever is put into it.

use std::time::Duration;

use super::*;

fn kept(body: usize, language: &str) -> Kept {
    let mut asked = HeaderMap::new();
    asked.insert("accept-language", language.parse().unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("cache-control", "max-age=60".parse().unwrap());
    headers.insert("vary", "accept-language".parse().unwrap());
    let asked = Asked::new(&asked, false);
    let rules = Rules::of(&asked, StatusCode::OK, &headers, SystemTime::UNIX_EPOCH, Duration::ZERO).unwrap();
    Kept::new(rules, StatusCode::OK, headers, vec![0; body].into())
}

fn put(store: &Arc<Store>, key: &str, kept: Kept) {
    match store.join(key, SystemTime::UNIX_EPOCH, 0) {
        Turn::First(leader) => leader.keep(kept),
        Turn::Wait(_) | Turn::Alone => panic!("nobody else asks for {key}"),
    }
}

/// The sums are those of the entries, and within the bound.
fn check(store: &Store) {
    let state = store.state();
    let sizes: u64 = state.entries.values().flatten().map(|variant| variant.kept.size).sum();
    let count: usize = state.entries.values().map(Vec::len).sum();
    assert_eq!((state.used, state.order.len()), (sizes, count));
    assert!(state.used <= store.memory && state.flights.is_empty());
    assert!(state.entries.values().all(|variants| (1..=MAX_VARIANTS).contains(&variants.len())));
}

#[test]
fn whatever_is_put_into_it_a_store_keeps_its_bounds() {
    let store = Arc::new(Store::new(20_000));
    let mut state = 7_u64;
    for _ in 0..5_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = (state >> 33) as usize;
        let (key, language) = (format!("/{}", number % 13), format!("l{}", number / 13 % 30));
        match number / 400 % 10 {
            0 => store.forget(&key),
            1 => drop(store.find(&key, &Asked::new(&HeaderMap::new(), false), SystemTime::UNIX_EPOCH, 0)),
            _ => put(&store, &key, kept(number / 4000 % 3000, &language)),
        }
        check(&store);
    }
    put(&store, "/too large", kept(30_000, "de"));
    check(&store);
    assert!(!store.state().entries.contains_key("/too large"));
}

#[test]
fn one_uri_has_so_many_variants() {
    let store = Arc::new(Store::new(1 << 30));
    for number in 0..MAX_VARIANTS + 3 {
        put(&store, "/", kept(1, &format!("l{number}")));
        check(&store);
    }
    let found = |language: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("accept-language", language.parse().unwrap());
        store.find("/", &Asked::new(&headers, false), SystemTime::UNIX_EPOCH, 0)
    };
    assert!(matches!(found("l2"), Found::Others), "the oldest are gone");
    assert!(matches!(found("l3"), Found::Fresh(_)));
}

#[test]
fn those_who_wait_and_those_who_ask_are_bounded() {
    let store = Arc::new(Store::new(1 << 20));
    let now = SystemTime::UNIX_EPOCH;
    let leader = store.join("/", now, 0);
    assert!(matches!(leader, Turn::First(_)));
    let waiting: Vec<_> = (0..MAX_WAITING).map(|_| store.join("/", now, 0)).collect();
    assert!(waiting.iter().all(|turn| matches!(turn, Turn::Wait(_))));
    assert!(matches!(store.join("/", now, 0), Turn::Alone));
    let leaders: Vec<_> = (1..MAX_FLIGHTS).map(|number| store.join(&format!("/{number}"), now, 0)).collect();
    assert!(leaders.iter().all(|turn| matches!(turn, Turn::First(_))));
    assert!(matches!(store.join("/one more", now, 0), Turn::Alone));
    drop((leader, leaders));
    check(&store);
}
