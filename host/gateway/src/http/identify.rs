//! Who a request comes from: the credential that it shows, and what becomes of one that proves nothing.

use std::sync::Arc;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};
use patchbay_control::{Identities, RoutePolicy};
use patchbay_model::ports::Authenticator;
use patchbay_model::{AuthErrorKind, Credential, Fault, FaultKind, Principal, Proof, Reply, User};

use crate::server::Peer;

/// Where the public keys of the host are, if it signs tokens.
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";

/// Who a request of `peer` comes from. The credential is taken out of its headers, unless the route hands it on.
///
/// # Errors
/// [`FaultKind::Unauthenticated`] if it shows a credential that proves nothing, [`FaultKind::Invalid`] if it shows
/// several, [`FaultKind::Unavailable`] if the keys cannot be had that it has to be held against.
pub(super) async fn identify(
    identities: &Identities,
    headers: &mut HeaderMap,
    peer: &Peer,
    route: &RoutePolicy,
) -> Result<Principal, Fault> {
    let user = match &identities.authenticator {
        Some(authenticator) => match shown(headers, &identities.api_key_header)? {
            Some(shown) => {
                let user = verify(&**authenticator, shown.credential).await?;
                if !route.settings.forward_credentials {
                    headers.remove(if shown.is_token { &AUTHORIZATION } else { &identities.api_key_header });
                }
                Some(user)
            }
            None => None,
        },
        None => None,
    };
    Ok(user.or_else(|| peer.user.clone()).map_or(Principal::Outside, Principal::User))
}

/// A credential, and where it stands.
struct Shown<'h> {
    credential: Credential<'h>,
    is_token: bool,
}

/// The credential that is shown, if there is one.
fn shown<'h>(headers: &'h HeaderMap, api_key_header: &HeaderName) -> Result<Option<Shown<'h>>, Fault> {
    let token = one(headers, &AUTHORIZATION)?.and_then(bearer);
    let key = one(headers, api_key_header)?;
    match (token, key) {
        (None, None) => Ok(None),
        (Some(token), None) => Ok(Some(Shown { credential: Credential::Token(token), is_token: true })),
        (None, Some(key)) => Ok(Some(Shown { credential: Credential::ApiKey(text_of(key)?), is_token: false })),
        // One who could choose which of them counts could say different things to different readers (RFC 6750, 2).
        (Some(_), Some(_)) => {
            let details = format!("a token and `{api_key_header}` were shown together");
            Err(Fault::new(FaultKind::Invalid, "show one credential, not several").with_details(details))
        }
    }
}

async fn verify(authenticator: &dyn Authenticator, credential: Credential<'_>) -> Result<Arc<User>, Fault> {
    authenticator.authenticate(credential).await.map_err(|error| {
        let fault = match error.kind {
            AuthErrorKind::Invalid | AuthErrorKind::Expired => {
                Fault::new(FaultKind::Unauthenticated, "the credential is not valid, or not any more")
            }
            AuthErrorKind::Unavailable => {
                Fault::new(FaultKind::Unavailable, "credentials cannot be verified now").unprocessed()
            }
        };
        fault.with_details(format!("{credential:?}: {}", error.details))
    })
}

/// Adds to the reply of a request that was refused how it could be let in (RFC 9110, 11.6.1, RFC 6750, 3). `caller` is who
/// came, where that was found out.
pub(super) fn challenge(reply: &mut Reply, fault: &Fault, caller: Option<&Principal>) {
    let with_token = caller.and_then(Principal::user).is_some_and(|user| user.proof == Proof::Token);
    let challenge = match fault.kind() {
        // One who showed nothing is told nothing about what was wrong with it.
        FaultKind::Unauthenticated if caller.is_some() => r#"Bearer realm="patchbay""#,
        FaultKind::Unauthenticated => r#"Bearer realm="patchbay", error="invalid_token""#,
        FaultKind::Denied if with_token => r#"Bearer realm="patchbay", error="insufficient_scope""#,
        _ => return,
    };
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
}

/// The only line of a header.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h HeaderValue>, Fault> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (only, None) => Ok(only),
        (_, Some(_)) => {
            let fault = Fault::new(FaultKind::Invalid, "show one credential, not several");
            Err(fault.with_details(format!("the header `{name}` came more than once")))
        }
    }
}

/// The token of an `Authorization` header, if it has one. Other schemes are the business of the service.
fn bearer(value: &HeaderValue) -> Option<&str> {
    let value = value.to_str().ok()?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

fn text_of(value: &HeaderValue) -> Result<&str, Fault> {
    value.to_str().map_err(|_| {
        let fault = Fault::new(FaultKind::Unauthenticated, "the credential is not valid, or not any more");
        fault.with_details("an API key that is no text was shown")
    })
}
