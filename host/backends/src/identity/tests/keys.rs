//! Which keys are taken, and which are not.

use super::*;
use crate::identity::key_set::KeySet;

fn changed(key: &TestKey, change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Value {
    let mut public = key.public();
    change(public.as_object_mut().unwrap());
    public
}

/// A public key, what is done to it, and whether it can still be used.
fn cases() -> Vec<(&'static str, Value, bool)> {
    let set =
        |key: TestKey, name: &'static str, value: Value| changed(&key, |key| drop(key.insert(name.to_owned(), value)));
    let without = |key: TestKey, name: &str| changed(&key, |key| drop(key.remove(name)));
    let weak = EncodingKey::from_rsa_pem(pem!("weak").as_bytes()).unwrap();
    let n = TestKey::rsa().public()["n"].as_str().unwrap().to_owned();
    let n = URL_SAFE_NO_PAD.decode(n).unwrap();
    let padded = base64url([&[0, 0][..], &n].concat());
    let weak = {
        // The library makes no public half of one that is so short.
        let der = weak.as_bytes();
        assert!(Jwk::from_encoding_key(&weak, Algorithm::RS256).is_err() || der.len() < 1000);
        set(TestKey::rsa(), "n", json!(base64url(&n[..128])))
    };
    vec![
        ("rsa", TestKey::rsa().public(), true),
        ("p256", TestKey::p256().public(), true),
        ("p384", TestKey::p384().public(), true),
        ("ed", TestKey::ed().public(), true),
        ("use", set(TestKey::ed(), "use", json!("sig")), true),
        ("for encryption", set(TestKey::ed(), "use", json!("enc")), false),
        ("use of a number", set(TestKey::ed(), "use", json!(1)), false),
        ("to verify", set(TestKey::ed(), "key_ops", json!(["verify"])), true),
        ("to encrypt", set(TestKey::ed(), "key_ops", json!(["encrypt"])), false),
        ("to do nothing", set(TestKey::ed(), "key_ops", json!([])), false),
        ("an algorithm of another kind", set(TestKey::ed(), "alg", json!("ES256")), false),
        ("an algorithm of encryption", set(TestKey::rsa(), "alg", json!("RSA-OAEP")), false),
        ("no algorithm", set(TestKey::rsa(), "alg", json!("none")), false),
        ("its own algorithm", set(TestKey::p256(), "alg", json!("ES256")), true),
        ("the algorithm of another curve", set(TestKey::p256(), "alg", json!("ES384")), false),
        ("another curve", set(TestKey::p256(), "crv", json!("P-384")), false),
        ("an unknown curve", set(TestKey::p256(), "crv", json!("secp256k1")), false),
        ("a curve for agreement", set(TestKey::ed(), "crv", json!("X25519")), false),
        ("no curve", without(TestKey::p256(), "crv"), false),
        ("no y", without(TestKey::p256(), "y"), false),
        ("a short x", set(TestKey::p256(), "x", json!("AAAA")), false),
        ("a short key", set(TestKey::ed(), "x", json!("AAAA")), false),
        ("a weak key", weak, false),
        (
            "a key that seems longer",
            set(TestKey::rsa(), "n", json!(base64url([&[0; 200][..], &n[..128]].concat()))),
            false,
        ),
        ("a modulus with zeros before it", set(TestKey::rsa(), "n", json!(padded)), true),
        ("a huge key", set(TestKey::rsa(), "n", json!(base64url([0xff; 2048]))), false),
        ("an exponent of one", set(TestKey::rsa(), "e", json!("AQ")), false),
        ("an even exponent", set(TestKey::rsa(), "e", json!("BA")), false),
        ("no exponent", without(TestKey::rsa(), "e"), false),
        ("a secret", json!({ "kty": "oct", "k": base64url([7; 64]) }), false),
        ("a private key", set(TestKey::ed(), "d", json!(base64url([7; 32]))), false),
        ("no kind", without(TestKey::ed(), "kty"), false),
        ("an unknown kind", set(TestKey::ed(), "kty", json!("AKP")), false),
        ("a name that is a number", set(TestKey::ed(), "kid", json!(1)), false),
        ("no base64", set(TestKey::ed(), "x", json!("!")), false),
        ("no object", json!("ed"), false),
    ]
}

#[test]
fn only_good_public_keys_are_taken() {
    for (what, key, usable) in cases() {
        let alone = json!({ "keys": [key] }).to_string();
        assert_eq!(KeySet::jwks(alone.as_bytes(), "a test").is_ok(), usable, "{what}");
        // One that cannot be used does not spoil the others.
        let beside = json!({ "keys": [key, TestKey::ed().named("other").public()] }).to_string();
        assert!(KeySet::jwks(beside.as_bytes(), "a test").is_ok(), "{what}");
    }
    let many: Vec<_> = (0..65).map(|_| TestKey::ed().public()).collect();
    let many = json!({ "keys": many }).to_string();
    for set in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, r#"{"keys":[],"keys":[]}"#, &many] {
        assert!(KeySet::jwks(set.as_bytes(), "a test").is_err(), "{}", &set[..set.len().min(40)]);
    }
}

#[test]
fn key_files_are_public_keys_or_sets() {
    let set = jwks(&[&TestKey::ed()]);
    let two = format!("# two keys\n{}\n{}", pem!("ed.pub"), pem!("rsa.pub"));
    let five = pem!("ed.pub").repeat(5);
    for (text, problem) in [
        (pem!("rsa.pub"), None),
        (pem!("p256.pub"), None),
        (pem!("p384.pub"), None),
        (pem!("ed.pub"), None),
        (&two, None),
        (&set, None),
        (pem!("p521.pub"), Some("curve")),
        (pem!("secp256k1.pub"), Some("curve")),
        (pem!("weak.pub"), Some("1024 bits")),
        (pem!("ed"), Some("private key")),
        (pem!("rsa"), Some("private key")),
        (&five, Some("5 keys")),
        ("", Some("no public key")),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", Some("cannot be used")),
        ("-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----\n", Some("damaged")),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", Some("no public key")),
        ("{}", Some("no list `keys`")),
    ] {
        let read = KeySet::file(text.as_bytes(), "a test").err();
        match problem {
            None => assert_eq!(read, None),
            Some(problem) => assert!(read.as_deref().is_some_and(|read| read.contains(problem)), "{read:?} {problem}"),
        }
    }
    assert!(KeySet::secret(&[b'x'; 31]).is_err());
    assert!(KeySet::secret(&[&[b'x'; 31][..], b"\n"].concat()).is_err(), "the end of the line is no part of it");
    assert!(KeySet::secret(&[b'x'; 32]).is_ok());
}
