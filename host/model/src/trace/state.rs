//! `tracestate`: a list of what tracing systems say to themselves (W3C Trace Context, level 2, 3.3).

use std::sync::Arc;

/// Members that a list may have.
const MEMBERS: usize = 32;

/// Bytes of a key or a value.
const LONGEST: usize = 256;

/// Bytes of a list that are handed on whatever is in it. The specification asks for 512.
const KEPT: usize = 2048;

/// Bytes of a member, key and value, beyond which it goes before others where a list is too long.
const LARGE: usize = 128;

/// A list that is valid: members that are `KEY=VALUE` each, with commas between, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceState(Arc<str>);

impl TraceState {
    /// The list that the fields of a header make up together. `None` if it is empty, if a member is not valid, or if there are
    /// more members than there may be: then nothing of it is handed on.
    pub fn combine<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut members: Vec<&str> = Vec::new();
        for field in fields {
            for member in field.split(|byte| *byte == b',') {
                let Some(member) = member_of(member)? else { continue };
                // Of two with the same key the first one is the newer.
                if !members.iter().any(|earlier| key_of(earlier) == key_of(member)) {
                    members.push(member);
                }
                if members.len() > MEMBERS {
                    return None;
                }
            }
        }
        let members = shortened(members);
        if members.is_empty() { None } else { Some(Self(members.join(",").into())) }
    }

    /// It in the form of the header.
    pub fn into_text(self) -> Arc<str> {
        self.0
    }
}

/// A member without the space around it; `Some(None)` where there is nothing but space, `None` if it is not valid.
fn member_of(member: &[u8]) -> Option<Option<&str>> {
    let member = std::str::from_utf8(member).ok()?.trim_matches([' ', '\t']);
    if member.is_empty() {
        return Some(None);
    }
    let (key, value) = member.split_once('=')?;
    (is_key(key) && is_value(value)).then_some(Some(member))
}

fn key_of(member: &str) -> &str {
    member.split_once('=').map_or(member, |(key, _)| key)
}

fn is_key(key: &str) -> bool {
    let begins = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let goes_on = |byte: u8| begins(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= LONGEST && key.bytes().next().is_some_and(begins) && key.bytes().all(goes_on)
}

/// Its end is no space, because the member was trimmed.
fn is_value(value: &str) -> bool {
    let is_in_it = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b',' && byte != b'=';
    (1..=LONGEST).contains(&value.len()) && value.bytes().all(is_in_it)
}

/// The members that are handed on: of a list that is too long, the large ones go first, and then those at its end.
fn shortened(mut members: Vec<&str>) -> Vec<&str> {
    let length = |members: &[&str]| members.iter().map(|member| member.len() + 1).sum::<usize>();
    if length(&members) > KEPT {
        members.retain(|member| member.len() <= LARGE);
    }
    while length(&members) > KEPT {
        members.pop();
    }
    members
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn combine(fields: &[&str]) -> Option<String> {
        TraceState::combine(fields.iter().map(|field| field.as_bytes())).map(|state| state.into_text().to_string())
    }

    #[test]
    fn lists_are_joined_in_their_order() {
        let (long, longer) = (format!("{}=1", "k".repeat(256)), format!("k={}", "v".repeat(256)));
        let all = "a-z0-9_-*/@b= !\"#$%&'()*+-./:;<>?@[\\]^_`{|}~";
        for (fields, whole) in [
            (&["a=1"][..], Some("a=1")),
            (&["a=1,b=2", "c=3"], Some("a=1,b=2,c=3")),
            (&["a=1 \t, \t b=2\t", "", " ,, "], Some("a=1,b=2")),
            (&["1a= 1"], Some("1a= 1")),
            (&["t@v=1"], Some("t@v=1")),
            (&["a=1,b=2", "a=3"], Some("a=1,b=2")),
            (&[&long], Some(&long)),
            (&[&longer], Some(&longer)),
            (&[all], Some(all)),
            (&[], None),
            (&["", " \t"], None),
        ] {
            assert_eq!(combine(fields).as_deref(), whole, "{fields:?}");
        }
    }

    #[test]
    fn one_wrong_member_spoils_the_list() {
        let many: Vec<_> = (0..33).map(|n| format!("k{n}=1")).collect();
        let most = many[..32].join(",");
        assert_eq!(combine(&[&most]), Some(most));
        let wrong = [
            "a",
            "=1",
            "a=",
            "A=1",
            "a =1",
            "a.b=1",
            "@a=1",
            "a=1=2",
            "a=\u{7f}",
            "a=1;é",
            "_a=1",
            &many.join(","),
            &format!("{}=1", "k".repeat(257)),
            &format!("k={}", "v".repeat(257)),
        ];
        for member in wrong {
            assert_eq!(combine(&["x=1", member]), None, "{member}");
        }
    }

    #[test]
    fn what_is_too_long_loses_large_members_first() {
        let large = |key: char| format!("{key}={}", "v".repeat(127));
        let small = |n: usize| format!("s{n:02}={}", "v".repeat(110));
        let of_512: Vec<_> = (0..4).map(small).collect();
        assert_eq!(combine(&[&of_512.join(",")]), Some(of_512.join(",")));
        let mixed: Vec<_> = (0..12).map(small).chain(('a'..='f').map(large)).collect();
        assert_eq!(combine(&[&mixed.join(",")]), Some(mixed[..12].join(",")));
        let many: Vec<_> = (0..30).map(small).collect();
        let kept = combine(&[&many.join(",")]).unwrap();
        assert!(kept.len() <= KEPT && kept.len() > KEPT - 116 && many.join(",").starts_with(&kept));
    }

    proptest! {
        #[test]
        fn what_is_kept_is_valid(fields in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4)) {
            if let Some(kept) = TraceState::combine(fields.iter().map(Vec::as_slice)) {
                prop_assert_eq!(TraceState::combine([kept.0.as_bytes()]), Some(kept));
            }
        }

        #[test]
        fn valid_lists_stay(members in prop::collection::btree_map("[a-z0-9][a-z0-9_*/@-]{0,8}", "[ -+.-<>-~]{0,8}[!-+.-<>-~]", 1..32)) {
            let list: Vec<_> = members.iter().map(|(key, value)| format!("{key}={value}")).collect();
            prop_assert_eq!(combine(&[&list.join(",")]), Some(list.join(",")));
        }
    }
}
