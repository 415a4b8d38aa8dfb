//! What is taken out of texts and fields, and what is left in them.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::LogStream;

const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";

fn clean(text: &str) -> String {
    Redaction::new(["X-Session".to_owned()]).text(text).into_owned()
}

#[test]
fn secrets_are_taken_out_of_texts() {
    for (text, wanted) in [
        ("Authorization: Bearer abc.DEF-1", "Authorization: [redacted]"),
        ("authorization: Digest username=\"a\", x", "authorization: [redacted]\"a\", x"),
        ("got Bearer sk9f8a7b6c5d here", "got Bearer [redacted] here"),
        ("BASIC QWxhZGRpbjpvcGVu", "BASIC [redacted]"),
        ("Cookie: a=b; c=d", "Cookie: [redacted]"),
        ("set-cookie: sid=1; HttpOnly\nnext", "set-cookie: [redacted]\nnext"),
        ("{\"cookie\": \"a=b; c=d\", \"x\": 1}", "{\"cookie\": \"[redacted]\", \"x\": 1}"),
        ("{\\\"api_key\\\":\\\"k1\\\",\\\"x\\\":1}", "{\\\"api_key\\\":\\\"[redacted]\\\",\\\"x\\\":1}"),
        ("x-api-key: abc", "x-api-key: [redacted]"),
        ("X-SESSION=abc", "X-SESSION=[redacted]"),
        ("/login?user=ann&access_token=t1&x=2", "/login?user=ann&access_token=[redacted]&x=2"),
        ("db_password = hunter2, next", "db_password = [redacted], next"),
        ("password: hunter2", "password: [redacted]"),
        ("{'password': 'hunter2'}", "{'password': '[redacted]'}"),
        ("the value is \u{e9}token=t1", "the value is \u{e9}token=[redacted]"),
        ("postgres://ann:hunter2@db:5432/x", "postgres://ann:[redacted]@db:5432/x"),
        ("postgres://ann:p@ss:w@db/x", "postgres://ann:[redacted]@db/x"),
    ] {
        assert_eq!(clean(text), wanted);
    }
    assert_eq!(clean(&format!("token is ({JWT})")), "token is ([redacted])");
    assert_eq!(clean(&format!("Authorization: Bearer {JWT}")), "Authorization: [redacted]");
    assert_eq!(clean(&format!("id_token={JWT}&x=1")), "id_token=[redacted]&x=1");
}

#[test]
fn what_only_mentions_a_secret_stays() {
    for text in [
        "",
        "the token: it has ended",
        "bus.nats.token_file: expected a string",
        "secret(file:secrets/api-key) has a new value",
        "a basic understanding of bearer tokens",
        "Bearer realm=\"patchbay\"",
        "eyJust a word. and. another",
        "GET /api/orders/1?page=2",
        "http://shop.example:8080/a@b",
        "key=value",
        "::==::",
    ] {
        assert!(matches!(Redaction::default().text(text), Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn known_values_and_fields_are_taken_out_of_records() {
    let secrets = ["hunter2-and-more", "short", "-----BEGIN KEY-----\nMIIEvQIBADAN\n"];
    let values: Vec<_> = secrets.iter().map(|text| Arc::new(Secret::new((*text).to_owned()))).collect();
    let line = "a hunter2-and-more b short MIIEvQIBADAN".to_owned();
    let mut record = LogRecord {
        context: Some("hunter2-and-more".to_owned()),
        fields: [
            ("authorization", json!("Basic x")),
            ("path", json!("/a?token=t1")),
            ("nested", json!({ "password": 7, "ok": ["hunter2-and-more", 1, null] })),
            ("attempts", json!(2)),
            ("token", json!(null)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        ..LogRecord::new(UNIX_EPOCH, LogStream::Stdout, line)
    };
    Redaction::default().apply(&mut record, &values);
    assert_eq!(record.line, "a [redacted] b short [redacted]");
    assert_eq!(record.context.as_deref(), Some(REDACTED));
    let wanted = json!({
        "authorization": "[redacted]", "path": "/a?token=[redacted]", "attempts": 2, "token": null,
        "nested": { "password": "[redacted]", "ok": ["[redacted]", 1, null] },
    });
    assert_eq!(json!(record.fields), wanted);
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in any::<String>(), noise in "[ a-zA-Z:=@/\"'\\\\.\u{e9}-]{0,60}") {
        for text in [&text, &noise] {
            let once = clean(text);
            prop_assert!(once.len() <= text.len() + REDACTED.len() * text.len());
        }
    }

    #[test]
    fn a_credential_is_found_wherever_it_stands(before in "[a-z \u{e9}]{0,9}", secret in "[A-Z0-9]{12,30}", after in "[a-z \u{e9}]{0,9}") {
        for text in [
            format!("{before} Bearer {secret} {after}"),
            format!("{before}?api_key={secret}&{after}"),
            format!("{before} {{\"password\":\"{secret}\"}}{after}"),
            format!("{before} https://a:{secret}@{after}"),
        ] {
            let clean = clean(&text);
            prop_assert!(!clean.contains(&secret) && clean.contains(REDACTED), "{} {}", text, clean);
        }
    }
}
