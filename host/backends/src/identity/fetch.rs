//! Fetching keys over HTTP.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CACHE_CONTROL};
use patchbay_model::ports::BoxFuture;
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// The longest answer that is read, in bytes. Key sets have some kilobytes.
const LONGEST: usize = 256 << 10;

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The body of the answer.
    pub body: Vec<u8>,
    /// How long the answer says it can be used (RFC 9111, 5.2.2.1).
    pub max_age: Option<Duration>,
}

/// Gets what is at a URL. A trait, so that tests need no network.
pub trait Fetch: Send + Sync {
    /// What is there.
    ///
    /// # Errors
    /// Why nothing is, for people.
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Fetched, String>>;
}

/// Fetches over HTTP, trusting the certificates that this machine trusts.
#[derive(Default)]
pub struct HttpFetch(OnceCell<reqwest::Client>);

impl Fetch for HttpFetch {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Fetched, String>> {
        Box::pin(async move {
            let client = self.0.get_or_try_init(client).await?;
            get(client, url).await.map_err(|problem| format!("{url} cannot be fetched: {problem}"))
        })
    }
}

async fn get(client: &reqwest::Client, url: &str) -> Result<Fetched, String> {
    let mut answer =
        client.get(url).header(ACCEPT, "application/json").send().await.map_err(|error| root_cause(&error))?;
    if answer.status() != http::StatusCode::OK {
        return Err(format!("the answer is {}", answer.status()));
    }
    let max_age = answer.headers().get(CACHE_CONTROL).and_then(|value| max_age(value.to_str().ok()?));
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| root_cause(&error))? {
        if body.len() + piece.len() > LONGEST {
            return Err(format!("the answer is longer than {LONGEST} bytes"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Fetched { body, max_age })
}

/// How long an answer can be used. One that should not be kept at all is used for as short a time as any.
fn max_age(directives: &str) -> Option<Duration> {
    let directives = || directives.split(',').map(str::trim);
    if directives().any(|directive| ["no-store", "no-cache"].iter().any(|no| directive.eq_ignore_ascii_case(no))) {
        return Some(Duration::ZERO);
    }
    directives().find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let seconds = value.trim_matches('"').parse().ok()?;
        name.eq_ignore_ascii_case("max-age").then(|| Duration::from_secs(seconds))
    })
}

/// A client that goes where it is told to and nowhere else: keys that are elsewhere are not those that were asked for.
async fn client() -> Result<reqwest::Client, String> {
    // Hundreds of files, on some systems.
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
    let found = found.map_err(|error| format!("the certificates of this machine cannot be read: {error}"))?;
    let mut roots = RootCertStore::empty();
    // Without any, every certificate is refused, which says enough.
    roots.add_parsable_certificates(found.certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(ANSWER);
    client.build().map_err(|error| error.to_string())
}

/// What lies at the bottom of an error: the client says first that a request failed, and last why.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_how_long_they_can_be_used() {
        for (directives, seconds) in [
            ("max-age=300", Some(300)),
            ("public, max-age=\"60\", must-revalidate", Some(60)),
            ("Max-Age=5", Some(5)),
            ("no-cache", Some(0)),
            ("max-age=300, no-store", Some(0)),
            ("s-maxage=9", None),
            ("max-age=-1", None),
            ("max-age=99999999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(max_age(directives).map(|age| age.as_secs()), seconds, "{directives}");
        }
    }
}
