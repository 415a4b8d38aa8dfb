//! What is configured of a NATS that hosts share.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::author_key::AuthorKey;

/// How a host reaches NATS, and what it asks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsSettings {
    /// The servers, such as `nats://127.0.0.1:4222` or `tls://nats.example.com`. One that answers is enough: it tells of the
    /// others of its cluster.
    pub servers: Vec<String>,
    /// What the connection is called at the server.
    pub name: String,
    /// Who the host is towards the server.
    pub login: NatsLogin,
    /// How the connection is protected.
    pub tls: NatsTls,
    /// How long one attempt to connect may take, and for how long the start of the host waits for the first one.
    pub connect_timeout: Duration,
    /// How long anything that is asked of the server may take. A message that is published while there is no connection
    /// waits no longer than this.
    pub request_timeout: Duration,
    /// How often the server is asked whether it is there. One that misses two answers is gone.
    pub ping_interval: Duration,
    /// Messages that may wait for a connection to come back.
    pub waiting_messages: usize,
    /// Bytes that may wait for a connection to come back.
    pub waiting_bytes: usize,
    /// The largest message, in bytes with its attributes. The server has a limit of its own; the lower one counts.
    pub max_message: usize,
    /// How long the server leaves a message with a host that gives no sign of life. A living host extends it.
    pub ack_wait: Duration,
    /// Names this host among those that share the NATS, and has to stay the same over its restarts. Groups that each host
    /// has for itself go by it.
    pub host: String,
    /// What the names of streams and buckets begin with. Hosts that share topics have the same.
    pub prefix: String,
    /// On how many servers of a cluster a durable message is stored.
    pub replicas: usize,
    /// What hosts sign with for whom a message was published; `None`: their messages come without.
    pub author_key: Option<AuthorKey>,
    /// Volatile messages that may wait in one subscription until they are taken.
    pub subscription_messages: usize,
    /// Bytes of volatile messages that may wait in one subscription.
    pub subscription_bytes: usize,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            servers: vec!["nats://127.0.0.1:4222".to_owned()],
            name: "patchbay".to_owned(),
            login: NatsLogin::default(),
            tls: NatsTls::default(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(5),
            waiting_messages: 1024,
            waiting_bytes: 8 << 20,
            max_message: 1 << 20,
            ack_wait: Duration::from_secs(30),
            host: "patchbay".to_owned(),
            prefix: "patchbay".to_owned(),
            replicas: 1,
            author_key: None,
            subscription_messages: 8192,
            subscription_bytes: 64 << 20,
        }
    }
}

/// Who a host is towards the server. It does not show its secrets when printed for debugging.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum NatsLogin {
    /// Nobody in particular.
    #[default]
    None,
    /// Whoever a credentials file says, with its token and key (decentralised authentication).
    Credentials(PathBuf),
    /// Whoever has the key that is made from the seed in this file.
    NkeySeed(PathBuf),
    /// A user with a password.
    User {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// Whoever knows this token.
    Token(String),
}

impl fmt::Debug for NatsLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Credentials(path) => f.debug_tuple("Credentials").field(path).finish(),
            Self::NkeySeed(path) => f.debug_tuple("NkeySeed").field(path).finish(),
            Self::User { user, .. } => f.debug_struct("User").field("user", user).finish_non_exhaustive(),
            Self::Token(_) => f.write_str("Token"),
        }
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NatsTls {
    /// Whether a server without TLS is refused.
    pub required: bool,
    /// The certificates that the server's must be signed with, in PEM; `None`: those of the system.
    pub authorities: Option<PathBuf>,
    /// The host's own certificate and its key, both in PEM, for servers that ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let logins = [
            NatsLogin::Token("s3cret".to_owned()),
            NatsLogin::User { user: "me".to_owned(), password: "s3cret".to_owned() },
        ];
        for login in logins {
            let settings = NatsSettings { login, ..NatsSettings::default() };
            assert!(!format!("{settings:?}").contains("s3cret"));
        }
    }
}
