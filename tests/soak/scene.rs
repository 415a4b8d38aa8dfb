//! What the actors share: the host, the addresses of its services, and the count of what went well and what did not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use reqwest::{Client, ClientBuilder};

use crate::host::{Host, PATIENCE, PATIENT, service};

/// The services, with what is done to each: `calm` ones are called only, `moving` ones replaced while they are called,
/// and `wild` ones misbehave. Those in C and Go are called.
const SERVICES: [(&str, &str, &str); 8] = [
    ("calm2", "probe", "instances = \"fresh\""),
    ("calm3", "probe3", "instances = \"concurrent\""),
    ("moving2", "probe", "instances = \"reuse\""),
    ("moving3", "probe3", "instances = \"concurrent\""),
    ("wild2", "probe", "instances = \"reuse\""),
    ("wild3", "probe3", "instances = \"concurrent\""),
    ("inventory", "inventory", "instances = \"reuse\""),
    ("pricing", "pricing", "instances = \"fresh\""),
];

/// Limits that no call of a calm service comes near, however busy the machine is.
const WIDE: &str = "timeout = \"60s\"\ncpu_time = \"30s\"\nqueue_wait = \"30s\"";

/// Limits that calls of wild services run into.
const NARROW: &str =
    "timeout = \"2s\"\ncpu_time = \"200ms\"\nqueue_wait = \"30s\"\nmemory = \"32MiB\"\nbreaker.failures = 0";

/// The services that come and go: they are not in the configuration.
pub(crate) const PASSING: [&str; 3] = ["passing0", "passing1", "passing2"];

/// Failures that are kept with their text; the others are counted.
const KEPT: usize = 20;

/// What is kept of records and spans: little, so that it is all there before the load begins, and what grows then grows.
const KEEP: &str = "[logs]\nkeep_size = \"1MiB\"\n[traces]\nkeep_size = \"1MiB\"\n";

/// The configuration: an idle instance goes soon, so that a host at rest has none.
pub(crate) fn configuration() -> String {
    let services = SERVICES.map(|(name, guest, rest)| {
        let limits = if name.starts_with("wild") { NARROW } else { WIDE };
        let rest = format!("routes = [\"{name}.example/*\"]\n{rest}\n{limits}\ninstance_idle = \"1s\"");
        service(name, guest, &rest)
    });
    // A look at the file every second would keep threads that nobody needs, and what they have taken of memory.
    format!("{PATIENT}watch = false\n{KEEP}{}", services.concat())
}

/// Acts of one kind.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Count {
    /// Those that ended as they should.
    pub(crate) done: u64,
    /// Those that did not.
    pub(crate) failed: u64,
}

/// What came of all acts so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// By the name of the actor.
    pub(crate) actors: BTreeMap<&'static str, Count>,
    /// The first failures.
    pub(crate) failures: Vec<String>,
}

impl Tally {
    /// All acts.
    pub(crate) fn total(&self) -> Count {
        self.actors.values().fold(Count::default(), |sum, count| Count {
            done: sum.done + count.done,
            failed: sum.failed + count.failed,
        })
    }
}

/// A running host and those who call it.
pub(crate) struct Scene {
    pub(crate) host: Host,
    over: AtomicBool,
    tally: Mutex<Tally>,
}

impl Scene {
    /// Starts the host.
    pub(crate) async fn begin() -> Self {
        Self { host: Host::start(&configuration()).await, over: AtomicBool::new(true), tally: Mutex::default() }
    }

    /// Opens the scene to actors, or ends it for them.
    pub(crate) fn play(&self, on: bool) {
        self.over.store(!on, Ordering::Relaxed);
    }

    /// Whether the actors are to leave.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Takes down what came of an act.
    pub(crate) fn note(&self, actor: &'static str, outcome: Result<(), String>) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let count = tally.actors.entry(actor).or_default();
        let Err(failure) = outcome else {
            count.done += 1;
            return;
        };
        count.failed += 1;
        if tally.failures.len() < KEPT {
            tally.failures.push(format!("{actor}: {}", failure.chars().take(500).collect::<String>()));
        }
    }

    /// What came of all acts so far.
    pub(crate) fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The address of a path of a service. Only clients of this scene find it.
    pub(crate) fn url(&self, service: &str, path: &str) -> String {
        format!("http://{service}.example:{}{path}", self.address().port())
    }

    /// Where callers find the host.
    pub(crate) fn address(&self) -> SocketAddr {
        self.host.address().parse().unwrap()
    }

    /// A client of its own, with connections of its own.
    pub(crate) fn client(&self, protocol: Protocol) -> Client {
        let names = SERVICES.iter().map(|(name, ..)| *name).chain(PASSING);
        let builder = names.fold(Client::builder().timeout(PATIENCE), |builder, name| {
            builder.resolve(&format!("{name}.example"), self.address())
        });
        protocol.choose(builder).build().unwrap()
    }
}

/// How a client speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Protocol {
    /// HTTP/1.1, with connections that are kept.
    One,
    /// HTTP/2 with prior knowledge.
    Two,
}

impl Protocol {
    fn choose(self, builder: ClientBuilder) -> ClientBuilder {
        match self {
            Self::One => builder.http1_only(),
            Self::Two => builder.http2_prior_knowledge(),
        }
    }
}
