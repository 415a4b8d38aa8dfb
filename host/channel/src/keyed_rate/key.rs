//! What a rate tells callers apart by: 128 bits, whoever it is, so that a long name takes no more memory than a short one
//! and none has to be copied.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;

use patchbay_model::User;

/// A user or an address. Two of them are equal by chance once in 2^64 pairs; what they share then is a rate.
pub(super) type Key = u128;

/// Makes keys, with a seed that nobody outside knows: none can be looked for that equals another one's.
#[derive(Debug, Default)]
pub(super) struct KeyMaker {
    high: RandomState,
    low: RandomState,
}

/// Whom a call counts for.
#[derive(Hash)]
enum Counted<'a> {
    User {
        issuer: &'a str,
        subject: &'a str,
    },
    V4(u32),
    /// The network of 64 bits, which is what one site has.
    V6(u128),
    /// Nothing is known of the caller.
    Nobody,
}

impl KeyMaker {
    /// The key of a user, or of an address where there is no user.
    pub(super) fn key(&self, user: Option<&User>, address: Option<IpAddr>) -> Key {
        let counted = match (user, address.map(|address| address.to_canonical())) {
            (Some(User { issuer, subject, .. }), _) => Counted::User { issuer, subject },
            (None, Some(IpAddr::V4(address))) => Counted::V4(address.to_bits()),
            (None, Some(IpAddr::V6(address))) => Counted::V6(address.to_bits() & !u128::from(u64::MAX)),
            (None, None) => Counted::Nobody,
        };
        let half = |state: &RandomState| u128::from(state.hash_one(&counted));
        half(&self.high) << 64 | half(&self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(issuer: &str, subject: &str) -> User {
        User {
            proof: patchbay_model::Proof::Token,
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            scopes: Vec::new(),
            groups: Vec::new(),
            claims: Default::default(),
            expires: None,
        }
    }

    #[test]
    fn who_is_the_same_has_the_same_key_and_nobody_else_has() {
        let maker = KeyMaker::default();
        let of = |address: &str| maker.key(None, Some(address.parse().unwrap()));
        // One site of IPv6 is one caller, and so is an address of IPv4 however it is written.
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        let ann = maker.key(Some(&user("idp", "ann")), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(ann, maker.key(Some(&user("idp", "ann")), None));
        let all = [
            ann,
            maker.key(Some(&user("idp", "bob")), None),
            maker.key(Some(&user("other", "ann")), None),
            maker.key(Some(&user("id", "pann")), None),
            of("192.0.2.1"),
            of("192.0.2.2"),
            of("2001:db8:0:1::1"),
            of("2001:db8:0:2::1"),
            maker.key(None, None),
        ];
        for (place, key) in all.iter().enumerate() {
            assert!(!all.iter().skip(place + 1).any(|other| other == key), "{place}");
        }
        assert_ne!(ann, KeyMaker::default().key(Some(&user("idp", "ann")), None), "keys can be foreseen");
    }
}
