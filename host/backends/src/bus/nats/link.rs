//! The connection to NATS: how it is made, and what is known of how it is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event};
use futures_util::StreamExt as _;
use patchbay_model::bus::BusError;
use patchbay_model::ports::Clock;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::denials::Denials;
use super::settings::{NatsLogin, NatsSettings};

/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Commands that the client holds on their way to the connection.
const COMMANDS: usize = 2048;

/// For how long a failure counts as how the connection is now, unless something succeeds.
const REMEMBERED: Duration = Duration::from_secs(60);

/// A connection that is made anew whenever it is lost, and what is known of it.
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) jetstream: Context,
    pub(super) settings: NatsSettings,
    pub(super) condition: Arc<Condition>,
    pub(super) clock: Arc<dyn Clock>,
    waiting: Waiting,
}

/// How the connection is.
pub(super) struct Condition {
    /// Counts connections, from one; even while there is none, the last one's number is kept.
    connection: watch::Sender<Connection>,
    last_error: Mutex<Option<(Instant, String)>>,
    pub(super) denials: Denials,
}

/// Whether there is a connection, and which one it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) up: bool,
    pub(super) number: u64,
}

impl Condition {
    fn new() -> Self {
        Self {
            connection: watch::Sender::new(Connection::default()),
            last_error: Mutex::default(),
            denials: Denials::default(),
        }
    }

    /// Watches connections come and go.
    pub(super) fn watch(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    /// Whether there is a connection now.
    pub(super) fn is_up(&self) -> bool {
        self.connection.borrow().up
    }

    /// Notes that something failed which the connection or the server is to blame for.
    pub(super) fn failed(&self, what: impl Into<String>) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), what.into()));
    }

    /// Notes that the server did what was asked.
    pub(super) fn succeeded(&self) {
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some() {
            *last = None;
        }
    }

    /// What failed last, if it was a short while ago and nothing succeeded since.
    pub(super) fn last_error(&self) -> Option<String> {
        let last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| at.elapsed() < REMEMBERED).map(|(_, what)| what.clone())
    }

    fn happened(&self, event: &Event) {
        match event {
            Event::Connected => {
                tracing::info!("connected to NATS");
                self.denials.clear();
                self.succeeded();
                self.connection.send_modify(|state| *state = Connection { up: true, number: state.number + 1 });
            }
            Event::Disconnected | Event::Closed => {
                tracing::warn!("the connection to NATS is lost");
                self.connection.send_modify(|state| state.up = false);
            }
            Event::ServerError(error) => {
                let text = error.to_string();
                tracing::warn!(error = %text, "NATS reports an error");
                self.denials.note(&text);
                self.failed(text);
            }
            Event::ClientError(error) => {
                tracing::debug!(%error, "the NATS client reports an error");
                self.failed(error.to_string());
            }
            Event::SlowConsumer(_) => {
                tracing::warn!("messages of NATS were dropped: they came faster than they were read");
            }
            Event::LameDuckMode | Event::Draining => tracing::info!(%event, "NATS is about to stop"),
        }
    }
}

impl Link {
    /// Begins to connect, for as long as it takes. Returns at once, unless a file that it needs cannot be read.
    pub(super) async fn open(settings: NatsSettings, clock: Arc<dyn Clock>) -> Result<Self, BusError> {
        let condition = Arc::new(Condition::new());
        let options = options(&settings, &condition).await?;
        let client = options.connect(settings.servers.clone()).await.map_err(|error| {
            BusError::Invalid(format!("NATS at {} cannot be used: {error}", settings.servers.join(", ")))
        })?;
        let jetstream = jetstream::ContextBuilder::new().timeout(settings.request_timeout).build(client.clone());
        let waiting = Waiting::new(settings.waiting_messages, settings.waiting_bytes);
        Ok(Self { client, jetstream, settings, condition, clock, waiting })
    }

    /// Waits until there is a connection, no longer than anything may take. `size` are the bytes that wait.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] if none comes in time, or too much is waiting already.
    pub(super) async fn connected(&self, size: usize) -> Result<(), BusError> {
        if self.condition.is_up() {
            return Ok(());
        }
        let _waits = self.waiting.enter(size)?;
        self.within(self.settings.request_timeout).await
    }

    /// Waits for a connection for `limit` at most.
    pub(super) async fn within(&self, limit: Duration) -> Result<(), BusError> {
        let mut watch = self.condition.watch();
        let up = async { watch.wait_for(|state| state.up).await.is_ok() };
        match timeout(limit, up).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(BusError::Unavailable(self.no_connection())),
        }
    }

    /// Waits until the server has done everything that was sent to it before, over this connection.
    ///
    /// # Errors
    /// [`BusError::Timeout`] if it does not in the time that anything may take.
    pub(super) async fn caught_up(&self) -> Result<(), BusError> {
        let returned = async {
            // What the connection carries keeps its order, and so does what the server does with it.
            let inbox = self.client.new_inbox();
            let mut subscriber = self.client.subscribe(inbox.clone()).await.ok()?;
            self.client.publish(inbox, bytes::Bytes::new()).await.ok()?;
            subscriber.next().await
        };
        match timeout(self.settings.request_timeout, returned).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) | Err(_) => Err(BusError::Timeout(self.settings.request_timeout)),
        }
    }

    /// Why nothing goes through, for people; `None` if there is a connection and nothing failed lately.
    pub(super) fn problem(&self) -> Option<String> {
        if !self.condition.is_up() {
            return Some(self.no_connection());
        }
        self.condition.denials.recent().or_else(|| self.condition.last_error())
    }

    fn no_connection(&self) -> String {
        let servers = self.settings.servers.join(", ");
        let reason = self.condition.last_error().map_or(String::new(), |error| format!(" ({error})"));
        format!("there is no connection to NATS at {servers}{reason}; the host keeps trying")
    }

    /// The largest message that goes through, in bytes.
    pub(super) fn max_message(&self) -> usize {
        self.settings.max_message.min(self.client.max_payload())
    }
}

async fn options(settings: &NatsSettings, condition: &Arc<Condition>) -> Result<ConnectOptions, BusError> {
    let unreadable = |path: &std::path::Path, error: std::io::Error| {
        BusError::Invalid(format!("the file {} for NATS cannot be used: {error}", path.display()))
    };
    let told = Arc::clone(condition);
    let mut options = ConnectOptions::new()
        .name(&settings.name)
        .connection_timeout(settings.connect_timeout)
        .request_timeout(Some(settings.request_timeout))
        .ping_interval(settings.ping_interval)
        .client_capacity(COMMANDS)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(pause)
        .event_callback(move |event| {
            told.happened(&event);
            std::future::ready(())
        });
    options = match &settings.login {
        NatsLogin::None => options,
        NatsLogin::Credentials(path) => {
            options.credentials_file(path).await.map_err(|error| unreadable(path, error))?
        }
        NatsLogin::NkeySeed(path) => {
            let seed = tokio::fs::read_to_string(path).await.map_err(|error| unreadable(path, error))?;
            options.nkey(seed.trim().to_owned())
        }
        NatsLogin::User { user, password } => options.user_and_password(user.clone(), password.clone()),
        NatsLogin::Token(token) => options.token(token.clone()),
    };
    if let Some(path) = &settings.tls.authorities {
        readable(path).await.map_err(|error| unreadable(path, error))?;
        options = options.add_root_certificates(path.clone());
    }
    if let Some((certificate, key)) = &settings.tls.identity {
        for path in [certificate, key] {
            readable(path).await.map_err(|error| unreadable(path, error))?;
        }
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(options.require_tls(settings.tls.required))
}

/// Whether a file can be read: the client would only say so when it connects, over and over.
async fn readable(path: &std::path::Path) -> std::io::Result<()> {
    tokio::fs::read(path).await.map(drop)
}

/// The pause before the next attempt to connect: the first comes at once, then they double.
fn pause(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(10);
    let pause = Duration::from_millis(if attempts == 0 { 0 } else { 20 });
    (pause * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
}

/// What waits for a connection, with its bounds.
struct Waiting {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    most_messages: usize,
    most_bytes: usize,
}

/// One message that waits.
struct Waits<'w> {
    waiting: &'w Waiting,
    size: usize,
}

impl Waiting {
    const fn new(most_messages: usize, most_bytes: usize) -> Self {
        Self { messages: AtomicUsize::new(0), bytes: AtomicUsize::new(0), most_messages, most_bytes }
    }

    fn enter(&self, size: usize) -> Result<Waits<'_>, BusError> {
        // Counted first and given back after: two that come at once never both take the last place.
        let messages = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.bytes.fetch_add(size, Ordering::Relaxed) + size;
        let waits = Waits { waiting: self, size };
        if messages > self.most_messages || bytes > self.most_bytes {
            return Err(BusError::Unavailable(format!(
                "there is no connection to NATS, and {} messages wait for one already",
                messages - 1
            )));
        }
        Ok(waits)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.waiting.messages.fetch_sub(1, Ordering::Relaxed);
        self.waiting.bytes.fetch_sub(self.size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_to_connect_become_rare() {
        let pauses: Vec<_> = [0, 1, 2, 3, 9, 10, 1000, usize::MAX].map(|attempt| pause(attempt).as_millis()).into();
        assert_eq!(pauses, [0, 20, 40, 80, 5120, 8000, 8000, 8000]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let waiting = Waiting::new(2, 100);
        let first = waiting.enter(60).unwrap();
        assert!(waiting.enter(41).is_err());
        let second = waiting.enter(40).unwrap();
        assert!(waiting.enter(0).is_err());
        drop(first);
        let third = waiting.enter(60).unwrap();
        drop((second, third));
        assert_eq!((waiting.messages.into_inner(), waiting.bytes.into_inner()), (0, 0));
    }
}
