//! Who gets which token.

use patchbay_model::{Proof, Settings};
use tokio::time::Instant;

use super::*;
use crate::fakes::Bench;

/// Knows one token, and writes what it signs as it is.
struct Fake;

impl Authenticator for Fake {
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Result<Arc<User>, AuthError>> {
        let outcome = match credential {
            Credential::Token("ann") => Ok(Arc::new(ann())),
            Credential::Token("old") => Err(AuthError::new(AuthErrorKind::Expired, "it ended")),
            _ => Err(AuthError::new(AuthErrorKind::Invalid, "it is none")),
        };
        Box::pin(std::future::ready(outcome))
    }
}

impl TokenSigner for Fake {
    fn sign(&self, request: &TokenRequest) -> Result<String, AuthError> {
        let TokenRequest { subject, audience, scopes, actor, lifetime } = request;
        Ok(format!("{subject} for {audience} with {scopes:?} by {actor:?}, {lifetime:?}"))
    }

    fn key_set(&self) -> String {
        String::new()
    }
}

fn ann() -> User {
    User { scopes: vec!["read".to_owned()], ..User::new(Proof::Token, "corp", "ann") }
}

async fn bench(tokens: TokenSettings) -> (Bench, ServiceTokens) {
    let bench = Bench::new();
    let mut request = bench.request("orders", "a", &[]);
    request.settings = Settings { tokens, ..request.settings };
    bench.control.deploy(request).finished().await.unwrap();
    let service_tokens = ServiceTokens::default();
    service_tokens.attach(&bench.control);
    (bench, service_tokens)
}

fn known() -> Identities {
    Identities { authenticator: Some(Arc::new(Fake)), signer: Some(Arc::new(Fake)), ..Identities::default() }
}

fn course(user: Option<User>) -> Course {
    let deadline = (Instant::now() + Duration::from_secs(5)).into_std();
    Course { call: None, deadline, hops: 0, cause: None, trace: None, user: user.map(Arc::new) }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_verified_for_those_who_may() {
    let orders = "orders".parse().unwrap();
    for (verify, token, wanted) in [
        (true, "ann", "user:corp/ann"),
        (true, "old", "the token has expired"),
        (true, "x", "the token is not valid: it is none"),
        (false, "ann", "`tokens.verify` is not set for `orders`"),
    ] {
        let (bench, tokens) = bench(TokenSettings { verify, ..TokenSettings::default() }).await;
        bench.control.set_identities(known());
        let outcome = tokens.verify(&orders, token).await;
        assert_eq!(outcome.map_or_else(|error| error.to_string(), |user| user.to_string()), wanted);
    }
    let (_bench, tokens) = bench(TokenSettings { verify: true, ..TokenSettings::default() }).await;
    assert!(matches!(tokens.verify(&orders, "ann").await, Err(TokenError::Unavailable(_))));
}

#[tokio::test(start_paused = true)]
async fn a_token_says_no_more_than_its_user_may() {
    let orders = "orders".parse().unwrap();
    let (bench, tokens) = bench(TokenSettings { audiences: vec!["api".to_owned()], ..TokenSettings::default() }).await;
    let wish = |audience: &str, scopes: &[&str]| TokenWish {
        audience: audience.to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        lifetime: None,
    };
    let none = tokens.mint(&orders, course(None), wish("api", &[])).await;
    assert!(matches!(none, Err(TokenError::Unavailable(_))), "{none:?}");
    bench.control.set_identities(known());
    for (user, wish, wanted) in [
        (None, wish("api", &["any"]), r#"service:orders for api with ["any"] by None, 300s"#),
        (Some(ann()), wish("api", &["read"]), r#"ann for api with ["read"] by Some("service:orders"), 300s"#),
        (Some(ann()), wish("api", &["write"]), "the user for whom `orders` acts has no scope `write`"),
        (None, wish("other", &[]), "`tokens.audiences` of `orders` does not have `other`"),
    ] {
        let outcome = tokens.mint(&orders, course(user), wish).await;
        assert_eq!(outcome.unwrap_or_else(|error| error.to_string()), wanted);
    }
}
