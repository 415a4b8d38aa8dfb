//! What goes on, in the form that people look at: services, the links between them, and topics. All counts only grow, from the
//! start of the host on.

use std::collections::BTreeMap;
use std::time::SystemTime;

use patchbay_channel::LinkReading;
use patchbay_model::ports::InstanceCount;
use patchbay_model::{RevisionNumber, ServiceName};
use tokio::time::timeout;

use super::ASK;
use crate::control::Control;
use crate::snapshot::{ServiceEntry, Snapshot};

/// What goes on.
#[derive(Debug, Clone)]
pub struct Activity {
    /// The time of day.
    pub time: SystemTime,
    /// All services by name.
    pub services: Vec<ServiceActivity>,
    /// Who calls whom: links that were used, and those that follow from contracts.
    pub links: Vec<LinkActivity>,
    /// The declared topics by name, and then all that is not declared.
    pub topics: Vec<TopicActivity>,
}

/// A service.
#[derive(Debug, Clone)]
pub struct ServiceActivity {
    /// Its name.
    pub name: ServiceName,
    /// The revision that serves.
    pub active: Option<RevisionNumber>,
    /// The revision that is tried beside it, and the share of calls that it gets.
    pub candidate: Option<(RevisionNumber, f64)>,
    /// Instances of all its revisions that are at work.
    pub busy: u64,
    /// Instances of all its revisions that wait for a call.
    pub idle: u64,
    /// Linear memory of all these instances, and what the host keeps for them, in bytes.
    pub memory_bytes: u64,
    /// Calls that have a place.
    pub calls: u32,
    /// Calls that wait for one.
    pub waiting: u32,
    /// Whether the breaker of the revision that serves lets no call through.
    pub broken: bool,
}

/// The calls of one caller of one service.
#[derive(Debug, Clone)]
pub struct LinkActivity {
    /// The caller: a service, `outside`, `operator` or `host`.
    pub caller: String,
    /// The service.
    pub service: ServiceName,
    /// What was measured; none if there was no call yet.
    pub reading: Option<LinkReading>,
}

/// A topic.
#[derive(Debug, Clone)]
pub struct TopicActivity {
    /// As it is declared.
    pub name: String,
    /// Messages that were published here.
    pub published: u64,
    /// Messages that were handed to services, each attempt once.
    pub delivered: u64,
    /// Those among them that had been handed over before.
    pub redelivered: u64,
    /// Messages that became dead letters.
    pub dead: u64,
    /// Messages that consumer groups have not got yet; none if it is not durable, or the bus does not tell.
    pub pending: Option<u64>,
}

impl Control {
    /// What goes on now.
    pub async fn activity(&self) -> Activity {
        let snapshot = self.snapshot.load_full();
        let pending = self.pending().await;
        let topics = self.measured.topics.read(&snapshot.config().topics).into_iter().map(|(name, counts)| {
            let pending = pending.get(&name).copied();
            let (published, delivered) = (counts.published, counts.delivered);
            TopicActivity { name, published, delivered, redelivered: counts.redelivered, dead: counts.dead, pending }
        });
        Activity {
            time: self.now(),
            services: snapshot.services().map(|entry| service(entry)).collect(),
            links: links(&snapshot),
            topics: topics.collect(),
        }
    }

    /// Messages that consumer groups have not got yet, by topic.
    async fn pending(&self) -> BTreeMap<String, u64> {
        let groups = timeout(ASK, self.ports.bus.groups()).await;
        let mut pending = BTreeMap::new();
        for group in groups.into_iter().flatten().flatten() {
            *pending.entry(group.topic.to_string()).or_default() += group.lag;
        }
        pending
    }
}

fn service(entry: &ServiceEntry) -> ServiceActivity {
    let occupancy = entry.standing.bulkhead().occupancy();
    let InstanceCount { live, idle, memory_bytes } =
        entry.ready.values().map(|ready| ready.prepared.instances()).sum::<InstanceCount>();
    let broken = entry.active.as_ref().and_then(|active| active.breaker.status());
    let candidate = crate::canary::view(entry).map(|canary| (canary.revision.number, canary.share.fraction()));
    ServiceActivity {
        name: entry.name.clone(),
        active: entry.active.as_ref().map(|active| active.id.number),
        candidate,
        busy: live.saturating_sub(idle),
        idle,
        memory_bytes,
        calls: occupancy.calls,
        waiting: occupancy.waiting,
        broken: broken.is_some_and(|status| !status.remaining.is_zero()),
    }
}

fn links(snapshot: &Snapshot) -> Vec<LinkActivity> {
    let mut links = BTreeMap::new();
    for (caller, _, callee) in snapshot.links().served() {
        links.insert((caller.to_string(), callee.clone()), None);
    }
    for entry in snapshot.services() {
        for (caller, measures) in entry.standing.measured().callers() {
            let reading = measures.read();
            if reading.durations.count() > 0 {
                links.insert((caller.as_str().to_owned(), entry.name.clone()), Some(reading));
            }
        }
    }
    links.into_iter().map(|((caller, service), reading)| LinkActivity { caller, service, reading }).collect()
}
