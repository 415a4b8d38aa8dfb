//! Who a credential is of: tokens that issuers signed, API keys, and the tokens that the host signs itself.
//!
//! A token is taken apart without believing it (`token.rs`, `json.rs`), its issuer's keys are found (`source.rs`,
//! `key_set.rs`), its signature is verified (`key.rs`), and what it says is held against what the configuration asks
//! for (`claims.rs`). The cryptography is that of `jsonwebtoken`; the rules around it are here, because its own go by
//! the system's clock, accept what has no audience, and read a header before a key is chosen.

mod algorithm;
mod api_key;
mod authenticator;
mod claims;
mod fetch;
mod json;
mod key;
mod key_set;
mod metrics;
mod open;
mod refusal;
mod remembered;
mod settings;
mod signer;
mod source;
#[cfg(test)]
mod tests;
mod token;

pub use algorithm::{AlgorithmError, SignatureAlgorithm};
pub use api_key::{ApiKeyRecord, NewApiKey, new_api_key};
pub use authenticator::CredentialAuthenticator;
pub use fetch::{Fetch, Fetched, HttpFetch};
pub use metrics::collect;
pub use open::{Identity, IdentityProblem, Outside, ReadKeys, open};
pub use refusal::{AuthCounts, Reason};
pub use settings::{
    ApiKeySettings, AuthSettings, HOST_ISSUER, IssuerSettings, KeySource, RESERVED_NAMES, SigningSettings,
};
pub use signer::KeyFileSigner;
