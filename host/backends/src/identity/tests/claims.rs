//! What a token has to say, and what it must not.

use super::*;

/// Claims, and why a token with them is refused, if it is.
fn cases() -> Vec<(&'static str, Value, Option<&'static str>)> {
    let (now, far) = (BEGIN, BEGIN + 100_000_000);
    vec![
        ("as it should be", claims(), None),
        ("another issuer", with("iss", json!("https://evil.example")), Some("issuer")),
        ("almost the issuer", with("iss", json!("https://id.example/")), Some("issuer")),
        ("an issuer in capitals", with("iss", json!("https://ID.example")), Some("issuer")),
        ("a list of issuers", with("iss", json!([ISSUER])), Some("issuer")),
        ("no issuer", with("iss", None), Some("issuer")),
        ("audiences", with("aud", json!(["other", "shop"])), None),
        ("another audience", with("aud", json!("other")), Some("audience")),
        ("almost the audience", with("aud", json!("shop ")), Some("audience")),
        ("other audiences", with("aud", json!(["shopping", "Shop"])), Some("audience")),
        ("no audience", with("aud", None), Some("audience")),
        ("an empty list of audiences", with("aud", json!([])), Some("audience")),
        ("an empty audience", with("aud", json!("")), Some("audience")),
        ("an audience that is a number", with("aud", json!(1)), Some("claims")),
        ("an audience that is null", with("aud", json!(null)), Some("claims")),
        ("audiences with a number", with("aud", json!(["shop", 1])), Some("claims")),
        ("an audience that is an object", with("aud", json!({ "shop": true })), Some("claims")),
        ("no end", with("exp", None), Some("claims")),
        ("an end that is a text", with("exp", json!((now + 60).to_string())), Some("claims")),
        ("an end that is null", with("exp", json!(null)), Some("claims")),
        ("a negative end", with("exp", json!(-1)), Some("claims")),
        ("a negative end with a fraction", with("exp", json!(-0.5)), Some("claims")),
        ("an end after all times", with("exp", json!(u64::MAX)), Some("claims")),
        ("an end in milliseconds", with("exp", json!((now + 60) * 1000)), Some("claims")),
        ("an infinite end", with("exp", json!(1e300)), Some("claims")),
        ("an end in a list", with("exp", json!([now + 60])), Some("claims")),
        ("an end with a fraction", with("exp", json!(now as f64 + 0.5)), None),
        ("an end in 1970", with("exp", json!(0)), Some("expired")),
        ("an end just outside the leeway", with("exp", json!(now - 30)), Some("expired")),
        ("an end just within the leeway", with("exp", json!(now - 29)), None),
        ("an end in the year 9999", with("exp", json!(253_402_300_799_u64)), None),
        ("a beginning before", with("nbf", json!(now - 1)), None),
        ("a beginning within the leeway", with("nbf", json!(now + 30)), None),
        ("a beginning outside the leeway", with("nbf", json!(now + 31)), Some("not-yet")),
        ("a beginning far away", with("nbf", json!(far)), Some("not-yet")),
        ("a beginning that is a text", with("nbf", json!("0")), Some("claims")),
        ("a beginning that is true", with("nbf", json!(true)), Some("claims")),
        ("issued in the future", with("iat", json!(now + 31)), Some("not-yet")),
        ("issued within the leeway", with("iat", json!(now + 30)), None),
        ("issued long ago", with("iat", json!(0)), None),
        ("issued at a text", with("iat", json!("now")), Some("claims")),
        ("not said when it was issued", with("iat", None), None),
        ("about nobody", with("sub", None), Some("claims")),
        ("about an empty name", with("sub", json!("")), Some("claims")),
        ("about a number", with("sub", json!(7)), Some("claims")),
        ("scopes that are a number", with("scope", json!(1)), Some("claims")),
        ("scopes with a number", with("scope", json!(["a", 1])), Some("claims")),
        ("groups that are an object", with("groups", json!({ "admins": true })), Some("claims")),
    ]
}

#[tokio::test(start_paused = true)]
async fn claims_are_held_against_the_configuration_and_the_clock() {
    let key = TestKey::ed();
    for (what, claims, refused) in cases() {
        let bench = Bench::new(&[&key]);
        assert_eq!(bench.refusal(&key.sign(&claims)).await, refused, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_token_says_is_the_user() {
    let key = TestKey::ed();
    let cases: [(Value, &str, &[&str], &[&str]); 7] = [
        (json!({}), "groups", &[], &[]),
        (json!({ "scope": "read  write", "groups": ["a", "b"] }), "groups", &["read", "write"], &["a", "b"]),
        (json!({ "scp": ["read", "write"], "groups": "a" }), "groups", &["read", "write"], &["a"]),
        (json!({ "scope": "one", "scp": "two" }), "groups", &["one"], &[]),
        (json!({ "realm_access": { "roles": ["admin"] } }), "/realm_access/roles", &[], &["admin"]),
        (json!({ "https://x/groups": ["g"] }), "https://x/groups", &[], &["g"]),
        (json!({ "https://x/groups": ["g"] }), "/https:~1~1x~1groups", &[], &["g"]),
    ];
    for (more, groups_claim, scopes, groups) in cases {
        let bench = Bench::with(&jwks(&[&key]), |issuer| issuer.groups_claim = groups_claim.to_owned());
        let mut claims = claims();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let user = bench.check(&key.sign(&claims)).await.unwrap();
        assert_eq!(
            (user.scopes.as_slice(), user.groups.as_slice()),
            (
                &scopes.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..],
                &groups.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..]
            ),
            "{more}"
        );
        assert_eq!(Value::Object(user.claims.clone()), claims);
        // The leeway is in the end, so that whoever looks at it again decides alike.
        assert_eq!(user.expires, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(BEGIN + 3600 + 30)));
    }
}

#[tokio::test(start_paused = true)]
async fn claims_that_are_required_have_to_be_there() {
    let key = TestKey::ed();
    let bench = Bench::with(&jwks(&[&key]), |issuer| issuer.required_claims = vec!["email".to_owned()]);
    for (value, refused) in [(None, Some("claims")), (Some(json!(null)), Some("claims")), (Some(json!("a@b")), None)] {
        assert_eq!(bench.refusal(&key.sign(&with("email", value.clone()))).await, refused, "{value:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_ends_when_the_token_does() {
    let key = TestKey::ed();
    let bench = Bench::new(&[&key]);
    let short = key.sign(&with("exp", json!(BEGIN + 10)));
    let long = key.sign(&claims());
    for (at, refused) in [(0, None), (1, None), (39, None), (40, Some("expired")), (41, Some("expired"))] {
        let now = tokio::time::Instant::now();
        let clock = bench.outside.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() - BEGIN;
        tokio::time::sleep_until(now + Duration::from_secs(at - clock)).await;
        assert_eq!(bench.refusal(&short).await, refused, "after {at} seconds");
        assert_eq!(bench.refusal(&long).await, None);
    }
    // The first look at each token verified its signature, and the others did not.
    assert_eq!(bench.counts().remembered, 6);
    // After a minute it is verified again.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.refusal(&long).await, None);
    assert_eq!(bench.counts().remembered, 6);
    assert_eq!(bench.refusal(&long).await, None);
    assert_eq!(bench.counts().remembered, 7);
}
