//! The header fields that tell callers how often they may call: `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers), lists of structured fields (RFC 9651).

use http::header::{HeaderMap, HeaderName, HeaderValue};
use patchbay_model::policy::{RateVerdict, RateVerdicts};
use sfv::{Integer, KeyRef, ListSerializer, StringRef, key_ref};

/// What the rates are.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of them.
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Writes what the rates say of a call into the head of its reply, one item for each rate in both fields. A service that
/// has fields of these names of its own means other rates; those of the host come in their place, because they refuse
/// first.
pub(crate) fn write(verdicts: &RateVerdicts, headers: &mut HeaderMap) {
    let policy = list(verdicts, |rate| [(key_ref("q"), rate.quota), (key_ref("w"), rate.window)]);
    let limit = list(verdicts, |rate| [(key_ref("r"), rate.remaining), (key_ref("t"), rate.reset)]);
    if let (Some(policy), Some(limit)) = (policy, limit) {
        headers.insert(POLICY, policy);
        headers.insert(LIMIT, limit);
    }
}

/// One item for each rate, named by the rate. `None` if there is no rate.
fn list<'a>(
    verdicts: &'a RateVerdicts,
    parameters: impl Fn(&'a RateVerdict) -> [(&'static KeyRef, u64); 2],
) -> Option<HeaderValue> {
    let mut list = ListSerializer::new();
    for verdict in verdicts.iter() {
        // The names are ours, and are all of letters.
        let Ok(name) = StringRef::from_str(verdict.policy) else { continue };
        let mut item = list.bare_item(name);
        for (key, number) in parameters(verdict) {
            item = item.parameter(key, integer(number));
        }
        let _ = item.finish();
    }
    HeaderValue::try_from(list.finish()?).ok()
}

/// A number as these fields can have it: of 15 digits at most.
fn integer(number: u64) -> Integer {
    i64::try_from(number).ok().and_then(|number| Integer::try_from(number).ok()).unwrap_or(Integer::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sfv::{BareItem, ListEntry, Parser};

    use super::*;

    fn verdict(policy: &'static str, rate: &str, remaining: u64, reset: Duration) -> RateVerdict {
        RateVerdict::new(policy, &rate.parse().unwrap(), remaining, reset)
    }

    fn written(verdicts: &[RateVerdict]) -> Option<(String, String)> {
        let mut all = RateVerdicts::default();
        verdicts.iter().for_each(|verdict| all.add(*verdict));
        let mut headers = HeaderMap::new();
        write(&all, &mut headers);
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap().to_owned());
        text(&POLICY).zip(text(&LIMIT))
    }

    #[test]
    fn the_fields_have_one_item_for_each_rate() {
        let route = verdict("route", "100/s", 50, Duration::from_millis(500));
        let user = verdict("user", "60/m burst 5", 0, Duration::from_secs(5));
        let cases = [
            (vec![], None),
            (vec![route], Some((r#""route";q=100;w=1"#, r#""route";r=50;t=1"#))),
            (vec![user, route], Some((r#""user";q=5;w=5, "route";q=100;w=1"#, r#""user";r=0;t=5, "route";r=50;t=1"#))),
        ];
        for (verdicts, wanted) in cases {
            let wanted = wanted.map(|(policy, limit)| (policy.to_owned(), limit.to_owned()));
            assert_eq!(written(&verdicts), wanted);
        }
    }

    #[test]
    fn the_largest_numbers_are_numbers_of_structured_fields() {
        let largest = RateVerdict { policy: "route", quota: u64::MAX, window: 1, remaining: 0, reset: u64::MAX };
        let (policy, limit) = written(&[largest]).unwrap();
        for (text, key) in [(policy, "q"), (limit, "t")] {
            let list: sfv::List = Parser::new(&text).parse().unwrap();
            let Some(ListEntry::Item(item)) = list.first() else { panic!("{text}") };
            let number = item.params.get(key).and_then(BareItem::as_integer).unwrap();
            assert_eq!(i64::from(number), 999_999_999_999_999, "{text}");
        }
    }

    #[test]
    fn what_a_service_says_of_its_own_rates_does_not_stand_beside() {
        let mut headers = HeaderMap::new();
        headers.append(LIMIT, HeaderValue::from_static(r#""mine";r=1"#));
        let mut all = RateVerdicts::default();
        all.add(verdict("route", "100/s", 50, Duration::ZERO));
        write(&all, &mut headers);
        let limits: Vec<_> = headers.get_all(LIMIT).iter().collect();
        assert_eq!(limits, [r#""route";r=50;t=0"#]);
    }
}
