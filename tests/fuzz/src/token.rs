//! Tokens: whatever the text, taking it apart comes to an end, and what is taken apart is the text, in its only form.
//!
//! An input is a token as it is written, or its parts before they are encoded: three lines, where the first begins with `{`.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;

#[path = "../../../host/backends/src/identity"]
#[allow(dead_code, reason = "identity looks at all of it")]
mod identity {
    mod algorithm;
    mod json;
    mod token;

    /// Holds a token against itself.
    pub(super) fn check(text: &str) {
        let token = match token::parse(text) {
            Ok(token) => token,
            Err(token::TokenProblem::Malformed(why) | token::TokenProblem::Algorithm(why)) => {
                assert!(!why.is_empty() && why.len() < 400, "{why}");
                return;
            }
            Err(token::TokenProblem::Extension(why)) => return assert!(!why.is_empty()),
        };
        assert!(text.len() <= token::LONGEST);
        assert_eq!(text, format!("{}.{}", token.message, token.signature));
        assert!(text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c)), "{text}");
        assert!(token.key.is_none_or(|key| !key.is_empty() && key.len() <= 256));
        // What was read is the same when it is read again, by whoever reads it.
        let claims = serde_json::to_vec(&token.claims).expect("claims can be written");
        assert_eq!(json::object(&claims).as_ref(), Ok(&token.claims));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    identity::check(text);
    if text.starts_with('{') {
        let parts: Vec<_> = text.splitn(3, '\n').map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
        identity::check(&parts.join("."));
    }
});
