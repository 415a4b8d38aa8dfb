//! Who a request comes from: the credential that it shows, and what becomes of one that proves nothing.

use std::sync::Arc;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};
use patchbay_control::RoutePolicy;
use patchbay_model::ports::{Authenticator, TokenSigner};
use patchbay_model::{AuthErrorKind, Credential, Fault, FaultKind, Principal, Proof, Reply, User};

use crate::server::Peer;

/// The header of API keys where no other is configured.
pub const API_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");

/// How the gateway knows who comes in.
#[derive(Clone)]
pub struct Identification {
    /// Tells who a token or an API key is of. Without it, the gateway looks at neither.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// The header that API keys come in.
    pub api_key_header: HeaderName,
    /// Signs the tokens of this host; its keys are published at [`KEY_SET_PATH`].
    pub signer: Option<Arc<dyn TokenSigner>>,
}

/// Where the public keys of the host are, if it signs tokens.
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";

impl Default for Identification {
    fn default() -> Self {
        Self { authenticator: None, api_key_header: API_KEY_HEADER, signer: None }
    }
}

impl Identification {
    /// Who a request comes from. The credential is taken out of its headers, unless the route hands it on.
    ///
    /// # Errors
    /// [`FaultKind::Unauthenticated`] if it shows a credential that proves nothing, [`FaultKind::Invalid`] if it shows
    /// several, [`FaultKind::Unavailable`] if the keys cannot be had that it has to be held against.
    pub(super) async fn identify(
        &self,
        headers: &mut HeaderMap,
        peer: &Peer,
        route: &RoutePolicy,
    ) -> Result<Principal, Fault> {
        let user = match self.shown(headers)? {
            Some((header, user)) => {
                let user = user.await?;
                if !route.settings.forward_credentials {
                    headers.remove(header);
                }
                Some(user)
            }
            None => peer.user.clone(),
        };
        Ok(user.map_or(Principal::Outside, Principal::User))
    }

    /// The credential that is shown, the header that it is in, and how to find out whose it is.
    fn shown(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<(HeaderName, impl Future<Output = Result<Arc<User>, Fault>> + use<'_>)>, Fault> {
        let Some(authenticator) = &self.authenticator else { return Ok(None) };
        let token = one(headers, &AUTHORIZATION)?.and_then(bearer);
        let key = one(headers, &self.api_key_header)?;
        let (header, is_token, text) = match (token, key) {
            (None, None) => return Ok(None),
            (Some(token), None) => (AUTHORIZATION, true, token.to_owned()),
            (None, Some(key)) => (self.api_key_header.clone(), false, text_of(key)?.to_owned()),
            // One who could choose which of them counts could say different things to different readers (RFC 6750, 2).
            (Some(_), Some(_)) => {
                let details = format!("a token and `{}` were shown together", self.api_key_header);
                return Err(Fault::new(FaultKind::Invalid, "show one credential, not several").with_details(details));
            }
        };
        let verify = async move {
            let credential = if is_token { Credential::Token(&text) } else { Credential::ApiKey(&text) };
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
        };
        Ok(Some((header, verify)))
    }

    /// Adds to the reply of a request that was refused how it could be let in (RFC 9110, 11.6.1, RFC 6750, 3).
    pub(super) fn challenge(&self, reply: &mut Reply, fault: &Fault, caller: Option<&Principal>) {
        let has_tokens = self.authenticator.is_some();
        let with_token = caller.and_then(Principal::user).is_some_and(|user| user.proof == Proof::Token);
        let challenge = match fault.kind() {
            // One who showed nothing is told nothing about what was wrong with it.
            FaultKind::Unauthenticated if caller.is_some() => r#"Bearer realm="patchbay""#,
            FaultKind::Unauthenticated => r#"Bearer realm="patchbay", error="invalid_token""#,
            FaultKind::Denied if with_token => r#"Bearer realm="patchbay", error="insufficient_scope""#,
            _ => return,
        };
        if has_tokens || fault.kind() == FaultKind::Unauthenticated {
            reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
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
