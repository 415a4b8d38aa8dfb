//! The host itself: what it is, where it listens, what it holds in memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use patchbay_control::ShedStatus;
use patchbay_model::policy::Priority;
use patchbay_model::ports::BusHealth;
use patchbay_model::units;
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;

/// What only the composition root knows of the host, for [`AdminApi::serve`](super::AdminApi::serve).
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// The version of the program.
    pub version: String,
    /// When it started.
    pub started: SystemTime,
    /// Where it listens for callers.
    pub http: SocketAddr,
    /// The same as a URL.
    pub http_url: String,
    /// Where it listens for operators.
    pub admin: SocketAddr,
    /// The same as a URL.
    pub admin_url: String,
    /// Where it keeps its state.
    pub state_dir: PathBuf,
}

/// The host.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Host {
    /// The version of the program.
    #[schema(example = "0.1.0")]
    version: String,
    /// When it started.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    started: SystemTime,
    /// How long it has been up.
    #[schema(example = "2h 5m 3s")]
    uptime: String,
    /// Where it listens.
    listeners: Listeners,
    /// Where it keeps its state.
    state_dir: String,
    /// Services, those that cannot serve among them.
    services: u64,
    /// What is held in memory.
    usage: HostUsage,
    /// What is refused because the host is saturated.
    load: Load,
    /// Whether messages can go through.
    bus: Bus,
    /// The configuration that holds now: keys and values.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    config: BTreeMap<String, String>,
    /// The keys whose values in `runtime.toml` hold only after a restart.
    #[schema(example = json!(["http.listen"]))]
    needs_restart: Vec<String>,
}

/// Where the host listens.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listeners {
    /// For callers.
    #[schema(value_type = String, example = "127.0.0.1:8080")]
    http: SocketAddr,
    /// For callers, as a URL.
    #[schema(example = "https://127.0.0.1:8080")]
    http_url: String,
    /// For operators.
    #[schema(value_type = String, example = "127.0.0.1:9090")]
    admin: SocketAddr,
    /// For operators, as a URL.
    #[schema(example = "http://127.0.0.1:9090")]
    admin_url: String,
}

/// What the host holds in memory.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HostUsage {
    /// Instances of all revisions.
    instances: u64,
    /// Linear memory that they have, and what the host keeps for them, in bytes.
    memory_bytes: u64,
    /// Components whose machine code is loaded.
    components: u64,
    /// Size of that machine code, in bytes.
    code_bytes: u64,
    /// Threads that have worked for an instance for too long without a pause. Nothing can interrupt them; the log of the
    /// host says which revision it is.
    stuck_threads: u64,
}

/// What is refused because the host is saturated.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Load {
    /// Calls of low priority.
    low: Refused,
    /// Calls of normal priority.
    normal: Refused,
    /// Calls of high priority.
    high: Refused,
}

/// What is refused of the calls of one priority.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refused {
    /// The share that is refused now, in thousandths.
    #[schema(example = 0)]
    share: u32,
    /// Calls that were refused since the host runs.
    refused: u64,
}

impl From<ShedStatus> for Load {
    fn from(ShedStatus { level, refused: [low, normal, high] }: ShedStatus) -> Self {
        let refused = |priority, refused| Refused { share: level.share(priority), refused };
        Self {
            low: refused(Priority::Low, low),
            normal: refused(Priority::Normal, normal),
            high: refused(Priority::High, high),
        }
    }
}

/// What carries messages.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Bus {
    /// Whether messages can go through now.
    ready: bool,
    /// Why they cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<BusHealth> for Bus {
    fn from(health: BusHealth) -> Self {
        match health {
            BusHealth::Ready => Self { ready: true, reason: None },
            BusHealth::Impaired(reason) => Self { ready: false, reason: Some(reason) },
        }
    }
}

/// Tells about the host.
#[utoipa::path(
    get, operation_id = "showHost", path = "/v1/host", tag = "host",
    responses((status = 200, description = "The host", body = Host)),
)]
pub(super) async fn host(State(state): State<AdminState>) -> Json<Host> {
    let (facts, usage) = (&state.facts, state.control.usage());
    // Nobody asks for an uptime to the nanosecond.
    let uptime = std::time::Duration::from_secs(state.since.elapsed().as_secs());
    Json(Host {
        version: facts.version.clone(),
        started: facts.started,
        uptime: units::format_duration(uptime),
        listeners: Listeners {
            http: facts.http,
            http_url: facts.http_url.clone(),
            admin: facts.admin,
            admin_url: facts.admin_url.clone(),
        },
        state_dir: facts.state_dir.display().to_string(),
        services: state.control.services().len() as u64,
        usage: HostUsage {
            instances: usage.instances,
            memory_bytes: usage.memory_bytes,
            components: usage.components,
            code_bytes: usage.code_bytes,
            stuck_threads: usage.stuck_threads,
        },
        load: state.control.load().into(),
        bus: state.control.bus_health().into(),
        config: state.reload.config(),
        needs_restart: state.reload.needs_restart(),
    })
}
