//! The attacks that are known on tokens.

use super::*;

/// A bench with an issuer that has a key of every kind.
fn bench() -> Bench {
    Bench::new(&[&TestKey::rsa(), &TestKey::p256(), &TestKey::p384(), &TestKey::ed()])
}

/// The parts of a good token that is signed with `key`.
fn parts(key: &TestKey) -> [String; 3] {
    let token = key.sign(&claims());
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

fn with_header(key: &TestKey, name: &str, value: Value) -> String {
    let mut header = key.header();
    header[name] = value;
    key.sign_with(&header, &claims())
}

#[tokio::test(start_paused = true)]
async fn good_tokens_of_every_algorithm_are_accepted() {
    let bench = bench();
    for (key, algorithms) in [
        (
            TestKey::rsa(),
            &[
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ][..],
        ),
        (TestKey::p256(), &[Algorithm::ES256]),
        (TestKey::p384(), &[Algorithm::ES384]),
        (TestKey::ed(), &[Algorithm::EdDSA]),
    ] {
        for algorithm in algorithms {
            let key = TestKey { algorithm: *algorithm, ..key.clone() };
            let user = bench.check(&key.sign(&claims())).await.unwrap();
            assert_eq!(user.to_string(), "user:main/ada", "{algorithm:?}");
            // Who does not name the key has it found by its kind.
            let unnamed = TestKey { id: None, ..key };
            assert_eq!(bench.refusal(&unnamed.sign(&claims())).await, None, "{algorithm:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_signed_is_not_accepted() {
    let bench = bench();
    let key = TestKey::ed();
    for none in ["none", "None", "NONE", "nOnE", "none ", "", "null", "NoNe\u{0}"] {
        let [_, payload, signature] = parts(&key);
        let header = base64url(json!({ "alg": none, "typ": "JWT", "kid": "ed" }).to_string());
        for signature in [signature.as_str(), "", "AA"] {
            let token = format!("{header}.{payload}.{signature}");
            assert_eq!(bench.refusal(&token).await, Some("algorithm"), "{none} {signature}");
        }
    }
    for header in [r#"{"typ":"JWT"}"#, r#"{"alg":"ES512"}"#, r#"{"alg":"es256"}"#, r#"{"alg":"RS1"}"#] {
        assert_eq!(bench.refusal(&key.sign_text(header, &claims().to_string())).await, Some("algorithm"), "{header}");
    }
    for header in [r#"{"alg":null}"#, r#"{"alg":["none"]}"#, r#"{"alg":1}"#, r#"{"alg":{"a":1}}"#] {
        assert_eq!(bench.refusal(&key.sign_text(header, &claims().to_string())).await, Some("malformed"), "{header}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_public_key_is_no_secret_and_no_key_is_for_another_algorithm() {
    let bench = bench();
    let public_pem = pem!("rsa.pub");
    let public_jwk = TestKey::rsa().public().to_string();
    let modulus = TestKey::rsa().public()["n"].as_str().unwrap().to_owned();
    for secret in [public_pem, public_pem.trim(), &public_jwk, &modulus, "rsa"] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            for id in [Some("rsa"), None] {
                let forged = TestKey { algorithm, id, ..TestKey::secret(secret.as_bytes()) };
                let refused = bench.refusal(&forged.sign(&claims())).await;
                assert!(matches!(refused, Some("algorithm" | "unknown-key")), "{refused:?}");
            }
        }
    }
    // Each key under the name of each other one.
    let keys = [TestKey::rsa(), TestKey::p256(), TestKey::p384(), TestKey::ed()];
    for key in &keys {
        for other in keys.iter().filter(|other| other.id != key.id) {
            let token = key.clone().named(other.id.unwrap()).sign(&claims());
            assert_eq!(bench.refusal(&token).await, Some("algorithm"), "{:?} as {:?}", key.id, other.id);
        }
    }
    // A key of the same kind that the issuer does not have.
    let private = EncodingKey::from_rsa_pem(pem!("rsa2").as_bytes()).unwrap();
    let other = TestKey { private, ..TestKey::rsa() };
    assert_eq!(bench.refusal(&other.sign(&claims())).await, Some("signature"));
    let private = EncodingKey::from_ec_pem(pem!("p256b").as_bytes()).unwrap();
    let other = TestKey { private, ..TestKey::p256() };
    assert_eq!(bench.refusal(&other.sign(&claims())).await, Some("signature"));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_signs_with_what_it_may_and_its_keys_say() {
    let only = |algorithms: &[SignatureAlgorithm]| algorithms.to_vec();
    let bench = Bench::with(&jwks(&[&TestKey::rsa(), &TestKey::ed()]), |issuer| {
        issuer.algorithms = only(&[SignatureAlgorithm::Ps256]);
    });
    let pss = TestKey { algorithm: Algorithm::PS256, ..TestKey::rsa() };
    assert_eq!(bench.refusal(&pss.sign(&claims())).await, None);
    assert_eq!(bench.refusal(&TestKey::rsa().sign(&claims())).await, Some("algorithm"));
    assert_eq!(bench.refusal(&TestKey::ed().sign(&claims())).await, Some("algorithm"));
    // What the key says of itself counts, too.
    let mut public = TestKey::rsa().public();
    public["alg"] = "PS256".into();
    let bench = Bench::with(&json!({ "keys": [public] }).to_string(), |_| {});
    assert_eq!(bench.refusal(&pss.sign(&claims())).await, None);
    assert_eq!(bench.refusal(&TestKey::rsa().sign(&claims())).await, Some("algorithm"));
}

#[tokio::test(start_paused = true)]
async fn a_token_leads_to_no_key_but_those_of_its_issuer() {
    let bench = bench();
    let attacker = TestKey::secret(&[7; 64]);
    for id in [
        "../../../../dev/null",
        "/dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "' OR '1'='1",
        "x' UNION SELECT 'secret';--",
        "https://evil.example/keys",
        "ed\u{0}",
        "ED",
        "ed ",
        "$(id)",
    ] {
        let mut header = TestKey::ed().header();
        header["kid"] = id.into();
        assert_eq!(bench.refusal(&TestKey::ed().sign_with(&header, &claims())).await, Some("unknown-key"), "{id}");
        header["alg"] = "HS256".into();
        assert_eq!(bench.refusal(&attacker.sign_with(&header, &claims())).await, Some("unknown-key"), "{id}");
    }
    for id in [json!(""), json!("x".repeat(257)), json!(null), json!(1), json!(["ed"]), json!({ "ed": 1 })] {
        assert_eq!(bench.refusal(&with_header(&TestKey::ed(), "kid", id.clone())).await, Some("malformed"), "{id}");
    }
    // Keys, and places of keys, that the token brings with it.
    let evil = EncodingKey::from_ed_pem(pem!("ed2").as_bytes()).unwrap();
    let evil = TestKey { private: evil, ..TestKey::ed() };
    for id in ["ed", "evil"] {
        let evil = evil.clone().named(id);
        let reason = Some(if id == "ed" { "signature" } else { "unknown-key" });
        for (name, value) in [
            ("jwk", evil.public()),
            ("jku", json!("https://evil.example/keys")),
            ("x5u", json!("https://evil.example/cert")),
            ("x5c", json!(["MIIB"])),
            ("x5t", json!("AAAA")),
        ] {
            assert_eq!(bench.refusal(&with_header(&evil, name, value)).await, reason, "{name}");
        }
    }
    let asked = bench.web.asked.lock().unwrap();
    assert!(asked.iter().all(|(url, _)| url == KEYS), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn tokens_that_ask_to_be_read_differently_are_refused() {
    let bench = bench();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
    ] {
        assert_eq!(
            bench.refusal(&with_header(&TestKey::ed(), name, value.clone())).await,
            Some("extension"),
            "{name} {value}"
        );
    }
    let [header, payload, signature] = parts(&TestKey::ed());
    let encrypted = format!("{header}.{payload}.{signature}.AAAA.AAAA");
    assert_eq!(bench.refusal(&encrypted).await, Some("extension"));
    for (kind, accepted) in [
        (json!("JWT"), true),
        (json!("jwt"), true),
        (json!("at+jwt"), true),
        (json!("application/at+jwt"), true),
        (json!("APPLICATION/JWT"), true),
        (json!("dpop+jwt"), false),
        (json!("logout+jwt"), false),
        (json!("application/"), false),
        (json!("JWTé"), false),
        (json!("application/é"), false),
        (json!(""), false),
    ] {
        let reason = bench.refusal(&with_header(&TestKey::ed(), "typ", kind.clone())).await;
        assert_eq!(reason, (!accepted).then_some("type"), "{kind}");
    }
    let untyped = json!({ "alg": "EdDSA", "kid": "ed" });
    assert_eq!(bench.refusal(&TestKey::ed().sign_with(&untyped, &claims())).await, None);
    let strict = Bench::with(&jwks(&[&TestKey::ed()]), |issuer| issuer.types = vec!["at+jwt".to_owned()]);
    assert_eq!(strict.refusal(&TestKey::ed().sign_with(&untyped, &claims())).await, Some("type"));
    assert_eq!(strict.refusal(&TestKey::ed().sign(&claims())).await, Some("type"));
    assert_eq!(strict.refusal(&with_header(&TestKey::ed(), "typ", json!("AT+JWT"))).await, None);
}

#[tokio::test(start_paused = true)]
async fn only_the_one_form_of_a_token_is_a_token() {
    let bench = bench();
    let key = TestKey::ed();
    let [header, payload, signature] = parts(&key);
    let good = format!("{header}.{payload}.{signature}");
    assert_eq!(bench.refusal(&good).await, None);
    let [good_header, good_claims] = [key.header().to_string(), claims().to_string()];
    // 64 bytes of signature leave 4 bits of the last character that have to be 0.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let not_canonical = format!("{}{next}", &good[..good.len() - 1]);
    for (what, token) in [
        ("nothing", String::new()),
        ("one part", "abc".to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{good}.AAAA")),
        ("six parts", format!("{good}.AAAA.AAAA.AAAA")),
        ("no header", format!(".{payload}.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("dot before", format!(".{good}")),
        ("dot behind", format!("{good}.")),
        ("space before", format!(" {good}")),
        ("space behind", format!("{good} ")),
        ("line behind", format!("{good}\n")),
        ("space within", format!("{header} .{payload}.{signature}")),
        ("a line within", format!("{header}.{payload}.\n{signature}")),
        ("padding", format!("{good}==")),
        ("padding within", format!("{header}=.{payload}.{signature}")),
        ("base64", format!("{header}.{payload}.+/{}", &signature[2..])),
        ("not canonical", not_canonical),
        ("truncated by one", good[..good.len() - 1].to_owned()),
        ("percent", good.replacen('.', "%2E", 1)),
        ("unicode", format!("{good}é")),
        ("json serialization", json!({ "payload": payload, "protected": header, "signature": signature }).to_string()),
        ("no json in the header", key.sign_text("alg: EdDSA", &good_claims)),
        ("no object in the header", key.sign_text(r#"["EdDSA"]"#, &good_claims)),
        ("alg twice", key.sign_text(r#"{"alg":"none","kid":"ed","alg":"EdDSA"}"#, &good_claims)),
        ("kid twice", key.sign_text(r#"{"alg":"EdDSA","kid":"evil","kid":"ed"}"#, &good_claims)),
        ("sub twice", key.sign_text(&good_header, &good_claims.replacen('{', r#"{"sub":"root","#, 1))),
        ("sub twice, escaped", key.sign_text(&good_header, &good_claims.replacen('{', r#"{"\u0073ub":"root","#, 1))),
        ("no json in the payload", key.sign_text(&good_header, "sub=ada")),
        ("no object in the payload", key.sign_text(&good_header, "\"ada\"")),
        ("two objects", key.sign_text(&good_header, &format!("{good_claims}{{}}"))),
        (
            "deep header",
            key.sign_text(
                &good_header.replacen('{', &format!(r#"{{"x":{}1{},"#, "[".repeat(1000), "]".repeat(1000)), 1),
                &good_claims,
            ),
        ),
        (
            "deep payload",
            key.sign_text(
                &good_header,
                &good_claims.replacen('{', &format!(r#"{{"x":{}1{},"#, r#"{"a":"#.repeat(500), "}".repeat(500)), 1),
            ),
        ),
        ("huge", key.sign(&with("padding", json!("x".repeat(16 << 10))))),
        ("huge and not base64", "é".repeat(16 << 10)),
        ("only dots", ".".repeat(16 << 10)),
    ] {
        assert_eq!(bench.refusal(&token).await, Some("malformed"), "{what}");
    }
    for unsigned in [format!("{header}.{payload}."), format!("{header}.."), "..".to_owned()] {
        assert_eq!(bench.refusal(&unsigned).await, Some("algorithm"), "{unsigned}");
    }
}

#[tokio::test(start_paused = true)]
async fn signatures_have_their_form() {
    let bench = bench();
    for (key, zeros) in [(TestKey::p256(), 64), (TestKey::p384(), 96), (TestKey::ed(), 64), (TestKey::rsa(), 256)] {
        let [header, payload, signature] = parts(&key);
        let bytes = URL_SAFE_NO_PAD.decode(&signature).unwrap();
        let half = bytes.len() / 2;
        let truncated = |n: usize| bytes[..bytes.len() - n].to_vec();
        for (what, forged) in [
            ("zeros", vec![0; zeros]),
            ("ones", vec![0xff; zeros]),
            ("one zero", vec![0]),
            ("r is zero", [&vec![0; half], &bytes[half..]].concat()),
            ("s is zero", [&bytes[..half], &vec![0; half]].concat()),
            ("swapped", [&bytes[half..], &bytes[..half]].concat()),
            ("truncated by one", truncated(1)),
            ("half", truncated(half)),
            ("longer", [&bytes[..], &[0]].concat()),
            ("twice", [&bytes[..], &bytes[..]].concat()),
            ("der", der(&bytes)),
        ] {
            let token = format!("{header}.{payload}.{}", base64url(forged));
            assert_eq!(bench.refusal(&token).await, Some("signature"), "{what} of {:?}", key.id);
        }
        let other = base64url(with("sub", json!("root")).to_string());
        assert_eq!(bench.refusal(&format!("{header}.{other}.{signature}")).await, Some("signature"), "another payload");
    }
}

/// A signature of ECDSA as X.509 has it, which tokens have not (RFC 7518, 3.4).
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let plain: Vec<_> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = if plain.first().is_some_and(|byte| *byte >= 0x80) { vec![0] } else { vec![] };
        let body = [sign, plain].concat();
        [vec![2, u8::try_from(body.len() % 128).unwrap()], body].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len() % 128).unwrap()], body].concat()
}
