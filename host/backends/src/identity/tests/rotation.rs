//! Keys that change, issuers that are down, and floods of tokens with keys that nobody has.

use super::*;
use patchbay_model::AuthErrorKind;
use tokio::time::{sleep, sleep_until};

const SECOND: Duration = Duration::from_secs(1);

fn second_key() -> TestKey {
    TestKey { private: EncodingKey::from_ed_pem(pem!("ed2").as_bytes()).unwrap(), ..TestKey::ed() }.named("ed2")
}

#[tokio::test(start_paused = true)]
async fn keys_that_change_every_second_refuse_nobody() {
    const NAMES: [&str; 6] = ["k0", "k1", "k2", "k3", "k4", "k5"];
    let keys: Vec<_> = NAMES.iter().map(|name| TestKey::ed().named(name)).collect();
    let bench = Arc::new(Bench::new(&[&keys[0]]));
    *bench.web.delay.lock().unwrap() = SECOND / 50;
    let begin = Instant::now();
    let mut callers = Vec::new();
    for caller in 0..20_u32 {
        let (bench, keys) = (Arc::clone(&bench), keys.clone());
        callers.push(tokio::spawn(async move {
            let mut n_accepted = 0_u32;
            while begin.elapsed() < 60 * SECOND {
                // Signed with what is published now.
                let key = &keys[usize::try_from(begin.elapsed().as_secs()).unwrap() % keys.len()];
                let token = key.sign(&with("jti", json!(n_accepted * 100 + caller)));
                let user = bench.check(&token).await;
                assert!(user.is_ok(), "after {:?}: {user:?}", begin.elapsed());
                n_accepted += 1;
                sleep(SECOND / 7).await;
            }
            n_accepted
        }));
    }
    // The issuer: one key goes as the next one comes, so the set has the key of this second and of the last.
    for second in 1..60_u32 {
        sleep_until(begin + second * SECOND).await;
        let at = |n: u32| &keys[usize::try_from(n).unwrap() % keys.len()];
        bench.web.put(KEYS, jwks(&[at(second), at(second - 1)]));
    }
    let mut n_accepted = 0;
    for caller in callers {
        n_accepted += caller.await.unwrap();
    }
    assert!(n_accepted > 20 * 60 * 6, "{n_accepted}");
    let n_fetches = bench.web.n_asked();
    assert!(n_fetches <= 65, "{n_fetches} fetches for 60 changes");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_causes_one_fetch_in_thirty_seconds() {
    let bench = Arc::new(Bench::new(&[&TestKey::ed()]));
    *bench.web.delay.lock().unwrap() = SECOND / 10;
    let begin = Instant::now();
    assert_eq!(bench.refusal(&TestKey::ed().sign(&claims())).await, None);
    let mut floods = Vec::new();
    for n in 0..50_u32 {
        let bench = Arc::clone(&bench);
        floods.push(tokio::spawn(async move {
            let mut header = TestKey::ed().header();
            for m in 0_u32.. {
                if begin.elapsed() > 120 * SECOND {
                    break;
                }
                header["kid"] = format!("unknown-{n}-{m}").into();
                let refused = bench.check(&TestKey::ed().sign_with(&header, &claims())).await.unwrap_err();
                assert_eq!(refused.kind, AuthErrorKind::Invalid, "{refused}");
                sleep(SECOND / 4).await;
            }
        }));
    }
    for flood in floods {
        flood.await.unwrap();
    }
    let asked: Vec<_> = bench.web.asked.lock().unwrap().iter().map(|(_, at)| *at).collect();
    // The first one is that of the start.
    assert!((2..=6).contains(&asked.len()), "{} fetches in two minutes", asked.len());
    assert!(asked[1..].windows(2).all(|pair| pair[1] - pair[0] >= 30 * SECOND), "{asked:?}");
    // Whoever has a good token was not concerned, and waits for nothing.
    let before = Instant::now();
    assert_eq!(bench.refusal(&TestKey::ed().sign(&with("jti", json!("last")))).await, None);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn many_who_miss_the_same_key_wait_for_one_fetch() {
    let bench = Arc::new(Bench::new(&[&TestKey::ed()]));
    assert_eq!(bench.refusal(&TestKey::ed().sign(&claims())).await, None);
    bench.web.put(KEYS, jwks(&[&TestKey::ed(), &second_key()]));
    *bench.web.delay.lock().unwrap() = SECOND;
    let calls = (0..100).map(|n| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.check(&second_key().sign(&with("jti", json!(n)))).await.is_ok() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.unwrap());
    }
    assert_eq!(bench.web.n_asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_keys_stay_while_the_issuer_is_down() {
    let (old, new) = (TestKey::ed(), second_key());
    let bench = Bench::new(&[&old]);
    assert_eq!(bench.refusal(&old.sign(&claims())).await, None);
    for down in
        [None, Some("<html>"), Some("{}"), Some(r#"{"keys":[]}"#), Some(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#)]
    {
        match down {
            None => bench.web.remove(KEYS),
            Some(page) => bench.web.put(KEYS, page),
        }
        sleep(1000 * SECOND).await;
        let token = old.sign(&with("exp", json!(BEGIN + 100_000)));
        assert_eq!(bench.refusal(&token).await, None, "{down:?}");
        // Nobody can know whether the issuer has this one.
        assert_eq!(bench.refusal(&new.sign(&with("exp", json!(BEGIN + 100_000)))).await, Some("unavailable"));
    }
    let failures = bench.counts().fetch_failures;
    // After pauses of a minute at most, and not more often.
    assert!((60..=100).contains(&failures), "{failures}");
    assert_eq!(bench.counts().fetches, failures + 1);
    bench.web.put(KEYS, jwks(&[&new]));
    sleep(61 * SECOND).await;
    assert_eq!(bench.refusal(&new.sign(&with("exp", json!(BEGIN + 100_000)))).await, None);
    assert_eq!(bench.refusal(&old.sign(&with("exp", json!(BEGIN + 100_000)))).await, Some("unknown-key"));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_withdrawn_ends_what_is_remembered() {
    let (old, new) = (TestKey::ed(), second_key());
    let bench = Bench::new(&[&old]);
    let token = old.sign(&claims());
    assert_eq!(bench.refusal(&token).await, None);
    assert_eq!(bench.refusal(&token).await, None);
    assert_eq!(bench.counts().remembered, 1);
    bench.web.put(KEYS, jwks(&[&new]));
    assert_eq!(bench.refusal(&new.sign(&claims())).await, None);
    assert_eq!(bench.refusal(&token).await, Some("unknown-key"));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_at_the_start_is_told_from_a_wrong_token() {
    let key = TestKey::ed();
    let bench = Bench::new(&[&key]);
    bench.web.remove(KEYS);
    let refused = bench.check(&key.sign(&claims())).await.unwrap_err();
    assert_eq!(refused.kind, AuthErrorKind::Unavailable, "{refused}");
    bench.web.put(KEYS, jwks(&[&key]));
    sleep(3 * SECOND).await;
    assert_eq!(bench.refusal(&key.sign(&claims())).await, None);
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_again_before_they_end() {
    for (max_age, n_fetches) in [(None, 16), (Some(0), 151), (Some(1000), 5), (Some(1_000_000), 2)] {
        let bench = Bench::new(&[&TestKey::ed()]);
        *bench.web.max_age.lock().unwrap() = max_age.map(Duration::from_secs);
        sleep(3601 * SECOND).await;
        assert_eq!(bench.web.n_asked(), n_fetches, "{max_age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_issuer_tells_where_its_keys_are() {
    let key = TestKey::ed();
    let configuration = "https://id.example/.well-known/openid-configuration";
    let document = |issuer: &str, keys: &str| json!({ "issuer": issuer, "jwks_uri": keys }).to_string();
    for (page, accepted) in [
        (document(ISSUER, KEYS), true),
        (document("https://evil.example", KEYS), false),
        (document("https://id.example/", KEYS), false),
        (document(ISSUER, "http://id.example/keys"), false),
        (document(ISSUER, "http://127.0.0.1/keys"), false),
        (document(ISSUER, "file:///etc/keys"), false),
        (json!({ "issuer": ISSUER }).to_string(), false),
        ("[]".to_owned(), false),
    ] {
        let bench = Bench::with(&jwks(&[&key]), |issuer| issuer.keys = KeySource::Discovery);
        for keys in ["http://id.example/keys", "http://127.0.0.1/keys", "file:///etc/keys"] {
            bench.web.put(keys, jwks(&[&key]));
        }
        bench.web.put(configuration, page.clone());
        let refused = bench.refusal(&key.sign(&claims())).await;
        assert_eq!(refused, (!accepted).then_some("unavailable"), "{page}");
    }
    // Where they moved to.
    let bench = Bench::with(&jwks(&[&key]), |issuer| issuer.keys = KeySource::Discovery);
    bench.web.put(configuration, document(ISSUER, KEYS));
    assert_eq!(bench.refusal(&key.sign(&claims())).await, None);
    bench.web.remove(KEYS);
    bench.web.put("https://id.example/moved", jwks(&[&second_key()]));
    bench.web.put(configuration, document(ISSUER, "https://id.example/moved"));
    sleep(300 * SECOND).await;
    assert_eq!(bench.refusal(&second_key().sign(&claims())).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_new_configuration_keeps_the_keys_of_an_issuer_that_is_down() {
    let key = TestKey::ed();
    let bench = Bench::new(&[&key]);
    assert_eq!(bench.refusal(&key.sign(&claims())).await, None);
    bench.web.remove(KEYS);
    let settings = |keys: &str, audience: &str| {
        let issuer = IssuerSettings::new(ISSUER, vec![audience.to_owned()], KeySource::Jwks(keys.to_owned()));
        AuthSettings { issuers: BTreeMap::from([("main".to_owned(), issuer)]), ..Default::default() }
    };
    let open = |settings: &AuthSettings| {
        let identity = open(settings, &bench.outside, &bench.identity).unwrap();
        Bench { web: Arc::clone(&bench.web), outside: bench.outside.clone(), identity }
    };
    let token = key.sign(&claims());
    assert_eq!(open(&settings(KEYS, "shop")).refusal(&token).await, None);
    // What was verified for one audience is not remembered for another.
    assert_eq!(open(&settings(KEYS, "other")).refusal(&token).await, Some("audience"));
    assert_eq!(open(&settings("https://id.example/others", "shop")).refusal(&token).await, Some("unavailable"));
}
