//! What is configured of OTLP.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use patchbay_model::Secret;
use patchbay_model::ports::OpenSecret;

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// gRPC.
    #[default]
    Grpc,
    /// HTTP with protobuf.
    Http,
}

impl OtlpProtocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Grpc, Self::Http];

    /// Its name in the configuration and in the environment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http/protobuf",
        }
    }

    /// Where a collector listens on this machine.
    pub const fn endpoint(self) -> &'static str {
        match self {
            Self::Grpc => "http://127.0.0.1:4317",
            Self::Http => "http://127.0.0.1:4318",
        }
    }
}

/// A header that everything that is sent carries.
#[derive(Debug, Clone)]
pub struct OtlpHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: HeaderText,
}

/// The value of a header.
#[derive(Clone)]
pub enum HeaderText {
    /// It never changes.
    Fixed(Arc<Secret>),
    /// It is what a place holds that it is kept up with.
    Kept(Arc<dyn OpenSecret>),
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

impl HeaderText {
    /// The value now.
    pub(super) fn now(&self) -> String {
        match self {
            Self::Fixed(secret) => secret.expose().to_owned(),
            Self::Kept(secret) => secret.value().expose().to_owned(),
        }
    }
}

/// How what the host observes is sent.
#[derive(Debug, Clone)]
pub struct OtlpSettings {
    /// The address of the collector.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: OtlpProtocol,
    /// The authority that its certificate is signed with, as PEM; `None`: those that this machine trusts.
    pub ca: Option<PathBuf>,
    /// What everything that is sent carries.
    pub headers: Vec<OtlpHeader>,
    /// How long one answer may take.
    pub timeout: Duration,
    /// What may wait to be sent, of each signal.
    pub queue: usize,
    /// What is sent at once, at most.
    pub batch: usize,
    /// How long something may wait for others to be sent with it.
    pub interval: Duration,
}

impl Default for OtlpSettings {
    fn default() -> Self {
        Self {
            endpoint: OtlpProtocol::Grpc.endpoint().to_owned(),
            protocol: OtlpProtocol::Grpc,
            ca: None,
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
            queue: 4096,
            batch: 512,
            interval: Duration::from_secs(1),
        }
    }
}
