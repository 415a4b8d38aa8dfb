//! Keys that are fetched: in the background before the last ones end, and when a token names one that is not there.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::schedule::Schedule;
use super::{Held, version};
use crate::identity::fetch::{Fetch, Fetched};
use crate::identity::json;
use crate::identity::key_set::KeySet;
use crate::identity::refusal::Counters;
use crate::identity::settings::check_url;

/// How long fetching keys may take in all.
const LONGEST: Duration = Duration::from_secs(10);

/// How long the place of keys that an issuer told is believed.
const PLACE: Duration = Duration::from_secs(3600);

/// Where the keys of an issuer are.
pub(in crate::identity) struct Origin {
    /// The name of the issuer, for the log.
    pub(in crate::identity) name: String,
    /// What its tokens have in `iss`.
    pub(in crate::identity) issuer: String,
    /// The URL of the keys, if it is not the issuer who tells it.
    pub(in crate::identity) url: Option<String>,
    pub(in crate::identity) allow_http: bool,
    pub(in crate::identity) fetch: Arc<dyn Fetch>,
}

/// What calls and the keeper of the keys know of each other.
pub(in crate::identity) struct Remote {
    schedule: Mutex<Schedule>,
    wanted: Notify,
}

impl Remote {
    pub(super) fn new() -> Self {
        Self { schedule: Mutex::new(Schedule::new(Instant::now())), wanted: Notify::new() }
    }

    /// Asks for keys, because one is missing. Whether some are on their way.
    pub(super) fn ask(&self) -> bool {
        let comes = self.schedule().ask(Instant::now());
        if comes {
            self.wanted.notify_one();
        }
        comes
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the keys in `held` up to date, for as long as it is polled.
pub(super) async fn keep(remote: Arc<Remote>, origin: Origin, held: watch::Sender<Held>, counters: Arc<Counters>) {
    let mut place = None;
    loop {
        // Read anew after every call that asks.
        loop {
            let due = remote.schedule().due;
            tokio::select! {
                () = sleep_until(due) => break,
                () = remote.wanted.notified() => {}
            }
        }
        remote.schedule().begin();
        counters.fetches.fetch_add(1, Relaxed);
        let fetched = timeout(LONGEST, keys(&origin, &mut place)).await;
        let now = Instant::now();
        match fetched.unwrap_or_else(|_| Err(format!("it took longer than {LONGEST:?}"))) {
            Ok((keys, max_age)) => {
                let changed = version(&held.borrow()) != Some(keys.version);
                let failures = remote.schedule().failures();
                tell_of_success(&origin, changed, failures);
                remote.schedule().succeeded(now, changed, max_age);
                held.send_modify(|held| {
                    held.tries += 1;
                    held.problem = None;
                    if changed {
                        held.keys = Some(Arc::new(keys));
                    }
                });
            }
            Err(problem) => {
                counters.fetch_failures.fetch_add(1, Relaxed);
                tell_of_failure(&origin, &problem, remote.schedule().failures(), held.borrow().keys.is_some());
                remote.schedule().failed(now);
                held.send_modify(|held| {
                    held.tries += 1;
                    held.problem = Some(problem);
                });
            }
        }
    }
}

fn tell_of_success(origin: &Origin, changed: bool, failures: u32) {
    let name = &origin.name;
    if failures > 0 {
        tracing::info!("the keys of the issuer `{name}` can be fetched again, after {failures} failures");
    } else if changed {
        tracing::info!("the issuer `{name}` has new keys");
    } else {
        tracing::debug!("the issuer `{name}` has the same keys as before");
    }
}

/// Every doubling of the number of failures is told, not each of them.
fn tell_of_failure(origin: &Origin, problem: &str, failures: u32, has_keys: bool) {
    let (name, failures) = (&origin.name, failures.saturating_add(1));
    let then = if has_keys { "those that were fetched last stay in use" } else { "its tokens are refused until then" };
    if failures.is_power_of_two() {
        tracing::warn!("the keys of the issuer `{name}` cannot be fetched ({failures} times now): {problem}; {then}");
    }
}

/// Where an issuer has its keys, as it told.
struct Place {
    url: String,
    since: Instant,
}

/// Fetches the keys.
async fn keys(origin: &Origin, place: &mut Option<Place>) -> Result<(KeySet, Option<Duration>), String> {
    let url = match &origin.url {
        Some(url) => url.clone(),
        None => match place.take().filter(|place| place.since.elapsed() < PLACE) {
            Some(known) => place.insert(known).url.clone(),
            None => place.insert(Place { url: discover(origin).await?, since: Instant::now() }).url.clone(),
        },
    };
    let keys = async {
        let Fetched { body, max_age } = origin.fetch.get(&url).await?;
        let what = format!("the issuer `{}`", origin.name);
        let keys = KeySet::jwks(&body, &what).map_err(|problem| format!("what is at {url} {problem}"))?;
        Ok((keys, max_age))
    };
    let keys = keys.await;
    if keys.is_err() {
        // They may have moved.
        *place = None;
    }
    keys
}

/// Asks the issuer where its keys are (OpenID Connect Discovery 1.0, 4).
async fn discover(origin: &Origin) -> Result<String, String> {
    let url = format!("{}/.well-known/openid-configuration", origin.issuer.trim_end_matches('/'));
    let Fetched { body, .. } = origin.fetch.get(&url).await?;
    let wrong = |problem: &str| format!("what is at {url} {problem}");
    let document = json::object(&body).map_err(|problem| wrong(&format!("is no configuration: {problem}")))?;
    // 4.3: to the letter, so that nobody can pass for another issuer.
    if document.get("issuer").and_then(Value::as_str) != Some(origin.issuer.as_str()) {
        return Err(wrong("is of another `issuer`"));
    }
    let keys = document.get("jwks_uri").and_then(Value::as_str).ok_or_else(|| wrong("names no `jwks_uri`"))?;
    check_url(keys, origin.allow_http)
        .map_err(|problem| wrong(&format!("has a `jwks_uri` that is not used: {problem}")))?;
    if origin.issuer.starts_with("https:") && !keys.starts_with("https:") {
        return Err(wrong("has a `jwks_uri` without TLS"));
    }
    Ok(keys.to_owned())
}
