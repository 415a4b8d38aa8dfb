//! The table of keys, held against what it has to guarantee, in every order of events up to a length.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::*;

const TTL: Duration = Duration::from_secs(10);
const TERMS: ReplyTerms = ReplyTerms { ttl: TTL, keys: 3, keys_per_caller: 2, memory: 8 };

fn key(caller: u8, key: u8) -> ReplyKey {
    ReplyKey { caller: Digest::of(&[caller]), key: Digest::of(&[key]) }
}

fn reply(body: &'static str) -> KeptReply {
    KeptReply { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
}

fn print(number: u8) -> Digest {
    Digest::of(&[b'p', number])
}

/// What can happen next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A request with a key and a fingerprint.
    Claim(u8, u8),
    /// The n-th claim that was granted is settled, also one that was before.
    Keep(usize),
    Release(usize),
    Lose(usize),
    /// Time passes.
    Wait(u64),
}

const EVENTS: [Event; 11] = [
    Event::Claim(1, 1),
    Event::Claim(1, 2),
    Event::Claim(2, 1),
    Event::Keep(0),
    Event::Keep(1),
    Event::Release(0),
    Event::Release(1),
    Event::Lose(0),
    Event::Lose(1),
    Event::Wait(6),
    Event::Wait(10),
];

/// What is known of one key by whoever looks on.
#[derive(Debug, Clone, Default, PartialEq)]
enum Seen {
    #[default]
    Free,
    Running(u8, usize),
    Done(u8, u64, bool),
}

/// The specification: at most one runs of each key until it is released or its time is over; whoever comes meanwhile learns
/// what is the case.
#[derive(Debug, Default)]
struct Spec {
    keys: BTreeMap<u8, Seen>,
    granted: Vec<(u8, Claimed)>,
    now: u64,
}

impl Spec {
    fn at(&mut self, key: u8) -> &mut Seen {
        let now = self.now;
        let seen = self.keys.entry(key).or_default();
        if matches!(seen, Seen::Done(_, ends, _) if *ends <= now) {
            *seen = Seen::Free;
        }
        seen
    }

    fn claim(&mut self, name: u8, fingerprint: u8, found: &Claim) -> bool {
        let number = self.granted.len();
        let seen = self.at(name);
        let right = match (&*seen, found) {
            (Seen::Free, Claim::New(_)) => true,
            (Seen::Running(print, _) | Seen::Done(print, ..), Claim::Other) => *print != fingerprint,
            (Seen::Running(print, _), Claim::Running) => *print == fingerprint,
            (Seen::Done(print, _, true), Claim::Done(kept)) => *print == fingerprint && *kept == reply("body"),
            (Seen::Done(print, _, false), Claim::Lost) => *print == fingerprint,
            _ => false,
        };
        if let Claim::New(claimed) = found {
            *seen = Seen::Running(fingerprint, number);
            self.granted.push((name, *claimed));
        }
        right
    }

    /// The claim that is settled, and the key if it is the one that runs.
    fn settle(&mut self, number: usize, kept: Option<bool>) -> Option<Claimed> {
        let (name, claimed) = *self.granted.get(number)?;
        let ends = self.now + TTL.as_secs();
        let seen = self.at(name);
        if let Seen::Running(print, running) = *seen
            && running == number
        {
            *seen = kept.map_or(Seen::Free, |kept| Seen::Done(print, ends, kept));
        }
        Some(claimed)
    }
}

/// Replays `events` on a fresh table, and holds each answer against the specification.
fn replay(start: Instant, events: &[Event]) {
    let (mut table, mut spec) = (Table::default(), Spec::default());
    for event in events {
        let now = start + Duration::from_secs(spec.now);
        match *event {
            Event::Claim(name, fingerprint) => {
                let found = table.claim(key(0, name), print(fingerprint), &TERMS, now);
                assert!(spec.claim(name, fingerprint, &found), "{events:?}: {found:?} at {event:?}, {spec:?}");
            }
            Event::Keep(number) => {
                if let Some(claimed) = spec.settle(number, Some(true)) {
                    table.keep(claimed, Some(reply("body")), &TERMS, now);
                }
            }
            Event::Lose(number) => {
                if let Some(claimed) = spec.settle(number, Some(false)) {
                    table.keep(claimed, None, &TERMS, now);
                }
            }
            Event::Release(number) => {
                if let Some(claimed) = spec.settle(number, None) {
                    table.release(claimed);
                }
            }
            Event::Wait(seconds) => spec.now += seconds,
        }
        let used: u64 = table
            .entries
            .values()
            .map(|entry| match &entry.state {
                State::Done(Some(reply)) => size_of(reply),
                _ => 0,
            })
            .sum();
        assert_eq!(table.memory, used, "{events:?}");
        let counted: u32 = table.callers.values().sum();
        assert_eq!(counted as usize, table.entries.len(), "{events:?}");
    }
}

/// Not some interleavings, but all of them.
#[test]
fn in_any_order_of_events_a_key_runs_once_until_it_is_released() {
    const LENGTH: u32 = 5;
    let start = Instant::now();
    for number in 0..EVENTS.len().pow(LENGTH) {
        let mut rest = number;
        let events: Vec<_> = (0..LENGTH)
            .map(|_| {
                let event = EVENTS[rest % EVENTS.len()];
                rest /= EVENTS.len();
                event
            })
            .collect();
        replay(start, &events);
    }
}

#[test]
fn long_stories_are_right_too() {
    let start = Instant::now();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..2_000 {
        let events: Vec<_> = (0..60)
            .map(|_| {
                // SplitMix64: the same stories in every run.
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                EVENTS[(mixed >> 33) as usize % EVENTS.len()]
            })
            .collect();
        replay(start, &events);
    }
}

#[test]
fn nobody_can_fill_the_table_for_all() {
    let (mut table, now) = (Table::default(), Instant::now());
    let full = |of_caller| Claim::Full { of_caller };
    let mut claim = |caller, name, now| table.claim(key(caller, name), print(1), &TERMS, now);
    assert!(matches!(claim(1, 1, now), Claim::New(_)));
    assert!(matches!(claim(1, 2, now), Claim::New(_)));
    assert_eq!(claim(1, 3, now), full(true));
    let Claim::New(last) = claim(2, 1, now) else { panic!("the other caller has room") };
    assert_eq!(claim(2, 2, now), full(false));
    assert_eq!(claim(1, 1, now + TTL * 9), Claim::Running, "what runs is not forgotten by time");
    table.keep(last, None, &TERMS, now);
    assert!(matches!(table.claim(key(3, 1), print(1), &TERMS, now + TTL), Claim::New(_)));
}

#[test]
fn replies_that_there_is_no_room_for_are_lost_and_their_keys_are_not() {
    let (mut table, now) = (Table::default(), Instant::now());
    for (caller, body, found) in [(1, "12345", Claim::Done(reply("12345"))), (2, "1234", Claim::Lost)] {
        let Claim::New(claimed) = table.claim(key(caller, 1), print(1), &TERMS, now) else { panic!("it is new") };
        table.keep(claimed, Some(reply(body)), &TERMS, now);
        assert_eq!(table.claim(key(caller, 1), print(1), &TERMS, now), found, "{body}");
    }
    let Claim::New(claimed) = table.claim(key(2, 1), print(1), &TERMS, now + TTL) else { panic!("it has ended") };
    table.keep(claimed, Some(reply("12345678")), &TERMS, now + TTL);
    assert_eq!(table.claim(key(2, 1), print(1), &TERMS, now + TTL), Claim::Done(reply("12345678")));
}
