//! The choice between two revisions: shares, pins, and callers that stay where they are.

use http::{HeaderMap, HeaderName, HeaderValue};
use patchbay_channel::chance;
use patchbay_model::traffic::{TrafficSettings, TrafficShare};
use patchbay_model::{Proof, User};

use super::*;

fn split(share: &str, pins: &[&str], sticky: Option<&str>) -> Split {
    numbered("orders@2", share, pins, sticky)
}

fn numbered(candidate: &str, share: &str, pins: &[&str], sticky: Option<&str>) -> Split {
    let traffic = TrafficSettings {
        pins: pins.iter().map(|pin| pin.parse().unwrap()).collect(),
        sticky: sticky.map(|sticky| sticky.parse().unwrap()),
    };
    Split::new(&candidate.parse().unwrap(), share.parse::<TrafficShare>().unwrap(), &traffic)
}

fn headers(name: &'static str, value: &str) -> HeaderMap {
    [(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())].into_iter().collect()
}

fn user(subject: u32) -> User {
    User {
        proof: Proof::Token,
        issuer: "shop".to_owned(),
        subject: format!("user-{subject}"),
        scopes: Vec::new(),
        groups: Vec::new(),
        claims: serde_json::Map::new(),
        expires: None,
    }
}

const CALLS: u32 = 100_000;

/// How many of [`CALLS`] calls the candidate gets.
fn taken(side: impl Fn(u32) -> Side) -> u32 {
    u32::try_from((0..CALLS).filter(|call| side(*call) == Side::Candidate).count()).unwrap()
}

/// Asserts that `taken` is within five standard deviations of what `share` promises.
fn assert_fair(taken: u32, share: f64, what: &str) {
    let expected = f64::from(CALLS) * share;
    let deviation = (expected * (1.0 - share)).sqrt();
    assert!((f64::from(taken) - expected).abs() <= 5.0 * deviation + 1e-9, "{what}: {taken}, not {expected}");
}

#[test]
fn the_candidate_gets_its_share() {
    for (share, part) in [("0%", 0.0), ("0.1%", 0.001), ("5%", 0.05), ("50%", 0.5), ("99.9%", 0.999), ("100%", 1.0)] {
        let by_chance = split(share, &[], None);
        assert_fair(taken(|call| by_chance.side(Facts::default(), chance(u64::from(call), 0))), part, share);
        // So it does of callers that stay where they are.
        let by_user = split(share, &[], Some("user"));
        let side = |call| by_user.side(Facts { user: Some(&user(call)), ..Facts::default() }, 0);
        assert_fair(taken(side), part, share);
        let by_address = split(share, &[], Some("address"));
        let side =
            |call: u32| by_address.side(Facts { address: Some(call.to_be_bytes().into()), ..Facts::default() }, 0);
        assert_fair(taken(side), part, share);
    }
}

#[test]
fn a_growing_share_moves_callers_one_way_only() {
    let shares = ["0%", "0.5%", "5%", "25%", "50%", "90%", "100%"];
    for sticky in ["user", "address", "header:x-session", "cookie"] {
        let splits: Vec<_> = shares.iter().map(|share| split(share, &[], Some(sticky))).collect();
        for caller in 0..2_000_u32 {
            let (user, session) = (user(caller), headers("x-session", &format!("s{caller}")));
            let facts = Facts {
                headers: Some(&session),
                user: Some(&user),
                address: Some(caller.to_be_bytes().into()),
                visitor: Some(chance(u64::from(caller), 3)),
            };
            let mut sides = Vec::new();
            for split in &splits {
                // Whatever the chance of the call, the caller is where it is.
                let side = split.side(facts, 0);
                assert_eq!(split.side(facts, u64::MAX), side);
                sides.push(side);
            }
            let moves = sides.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(moves == 1 && sides[0] == Side::Stable, "{sticky} {caller}: {sides:?}");
        }
    }
}

#[test]
fn who_meets_one_candidate_first_does_not_always() {
    let (one, next) = (split("10%", &[], Some("user")), numbered("orders@3", "10%", &[], Some("user")));
    let both = taken(|call| {
        let user = user(call);
        let facts = Facts { user: Some(&user), ..Facts::default() };
        let unlucky = one.side(facts, 0) == Side::Candidate && next.side(facts, 0) == Side::Candidate;
        if unlucky { Side::Candidate } else { Side::Stable }
    });
    assert_fair(both, 0.01, "both");
}

#[test]
fn pins_lead_to_the_candidate_whatever_its_share() {
    let pinned = split("0%", &["header:x-canary=always", "cookie:canary=on", "claim:beta=true"], Some("user"));
    let mut beta = user(1);
    beta.claims.insert("beta".to_owned(), serde_json::Value::Bool(true));
    let (header, cookie, other) =
        (headers("x-canary", "always"), headers("cookie", "a=b; canary=on"), headers("x-canary", "never"));
    for (headers, user, side) in [
        (None, None, Side::Stable),
        (Some(&header), None, Side::Candidate),
        (Some(&cookie), None, Side::Candidate),
        (Some(&other), None, Side::Stable),
        (None, Some(&beta), Side::Candidate),
        (Some(&other), Some(&user(2)), Side::Stable),
    ] {
        for number in [0, u64::MAX / 2, u64::MAX] {
            assert_eq!(pinned.side(Facts { headers, user, ..Facts::default() }, number), side, "{headers:?} {user:?}");
        }
    }
}

#[test]
fn who_cannot_be_told_from_others_is_left_to_chance() {
    for sticky in ["user", "address", "header:x-session", "cookie"] {
        let half = split("50%", &[], Some(sticky));
        assert_fair(taken(|call| half.side(Facts::default(), chance(u64::from(call), 0))), 0.5, sticky);
    }
    // The lower half of an IPv6 address tells nothing.
    let half = split("50%", &[], Some("address"));
    let side = |text: &str| half.side(Facts { address: Some(text.parse().unwrap()), ..Facts::default() }, 0);
    assert_eq!(side("2001:db8::1"), side("2001:db8::ffff:1"));
    assert_eq!(side("::ffff:192.0.2.7"), side("192.0.2.7"));
}
