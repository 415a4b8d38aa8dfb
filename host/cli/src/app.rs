//! The composition root: the one file that names adapters and puts them behind the ports.

pub(crate) mod auth;
mod bus;
pub(crate) mod otlp;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use patchbay_backends::identity::Identity;
use patchbay_backends::otlp::Otlp;
use patchbay_backends::{AdminToken, MachineSecrets, ProcessMetrics, StateDir, SystemClock, SystemLoad, random};
use patchbay_control::{
    Control, Journal, LinksAttached, Ports, ServiceLinks, ServiceMessaging, ServiceSpans, ServiceTokens,
};
use patchbay_engine::{Allocation, CacheFolder, CacheReport, Engine, EngineConfig, EngineReport, Premises, Workshop};
use patchbay_gateway::{AdminApi, HostFacts, HttpGateway, HttpOutbound, Readiness};
use patchbay_model::metrics::Metrics;
use patchbay_model::policy::Rate;
use patchbay_model::ports::{Clock, ComponentStore, Executor, Links, LogSink, Messaging, Outbound, Spans, Tokens};
use patchbay_model::{NoHazard, units};

use crate::announcement::Announcement;
use crate::config::{Config, Document, directory_of};
use crate::failure::{Failure, FailureKind};
use crate::hazards;
use crate::reload::{ListenerLimits, Reloadable, Reloader, Source};
use crate::telemetry::Telemetry;

/// A host, put together and listening, in which nothing runs yet.
pub(crate) struct App {
    pub(crate) control: Arc<Control>,
    pub(crate) http: HttpGateway,
    pub(crate) admin: AdminApi,
    pub(crate) token: patchbay_gateway::AdminToken,
    pub(crate) readiness: Readiness,
    pub(crate) facts: HostFacts,
    pub(crate) reloader: Arc<Reloader>,
    pub(crate) secrets: Arc<MachineSecrets>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) otlp: Option<Otlp>,
    pub(crate) reporter: Option<Arc<otlp::MetricsReporter>>,
    pub(crate) tenancy: Tenancy,
}

/// What lasts as long as the host: services reach each other, nobody else may use the state directory, and operators find the host
/// through it.
pub(crate) struct Tenancy {
    _attached: LinksAttached,
    _announced: Announcement,
    _state: StateDir,
}

impl App {
    /// Takes the state directory, listens, and puts the host together. `config` comes from `source`, which says it as `document`
    /// has it.
    ///
    /// # Errors
    /// If another host has the directory or an address, or this machine cannot run WebAssembly.
    pub(crate) async fn assemble(
        config: &Config,
        source: Source,
        document: Document,
        telemetry: Telemetry,
    ) -> Result<Self, Failure> {
        let clock = Arc::new(SystemClock);
        let hazard = hazards::of_environment(&config.host.state);
        let state = StateDir::open_amid(&config.host.state, hazard.clone()).map_err(Failure::failed)?;
        let token = AdminToken::open(&state).map_err(Failure::failed)?;
        let token = patchbay_gateway::AdminToken::new(token.as_str())
            .ok_or_else(|| Failure::failed("the admin token in the state directory is too short; remove it"))?;
        let http = HttpGateway::bind(config.http.clone()).await.map_err(Failure::failed)?;
        let admin = AdminApi::bind(config.admin.clone()).await.map_err(Failure::failed)?;
        let outbound = Arc::<HttpOutbound>::default();
        let sink = Arc::clone(&telemetry.inlet) as Arc<dyn LogSink>;
        let cache = CacheFolder { path: state.cache(), hazard: hazard.clone() };
        let links = Arc::<ServiceLinks>::default();
        let messaging = Arc::<ServiceMessaging>::default();
        let tokens = Arc::<ServiceTokens>::default();
        let spans = Arc::<ServiceSpans>::default();
        let ways = Ways {
            outbound: Arc::clone(&outbound) as _,
            links: Arc::clone(&links) as _,
            messaging: Arc::clone(&messaging) as _,
            tokens: Arc::clone(&tokens) as _,
            spans: Arc::clone(&spans) as _,
        };
        let secrets = Arc::new(MachineSecrets::new(directory_of(&source.file).to_owned()));
        telemetry.inlet.keep_out(Arc::clone(&secrets));
        let run = random().map_err(|error| Failure::failed(format!("the system has no random numbers: {error}")))?;
        let otlp = otlp::open(&config.otlp, &*secrets, run).await?;
        if let Some(exporter) = otlp::logs(&config.otlp, otlp.as_ref()) {
            telemetry.inlet.export_to(exporter);
        }
        let components = Arc::new(state.components()) as Arc<dyn ComponentStore>;
        let engine = executor(&config.engine, Some(cache), sink, ways, Some(Arc::clone(&components)))?;
        let ports = Ports {
            executor: Arc::clone(&engine) as _,
            components,
            registry: Arc::new(state.registry()),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            bus: bus::open(config, &state.bus(), Arc::clone(&clock) as _, hazard.clone()).await?,
            secrets: Arc::clone(&secrets) as _,
            spans: otlp::spans(&config.otlp, otlp.as_ref()),
            run,
        };
        let facts = HostFacts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: clock.now(),
            http: http.address(),
            http_url: http.url(),
            admin: admin.address(),
            admin_url: admin.url(),
            state_dir: state.path().to_owned(),
        };
        let announced = Announcement::make(&state, &admin);
        let identity = auth::open(&config.auth, Arc::clone(&clock) as _, &Identity::default());
        let identity = identity.map_err(|wrong| Failure::new(FailureKind::Refused, format!("auth.{wrong}")))?;
        let control = Control::new(config.control.clone(), hazards::around(ports, &hazard), telemetry.logs());
        let known = auth::Known::attach(&control, Arc::clone(&clock) as _, config.auth.clone(), identity)?;
        outbound.attach(&control);
        let attached = links.attach(&control);
        messaging.attach(&control);
        tokens.attach(&control);
        spans.attach(&control);
        // Whatever counts stands here.
        let process = ProcessMetrics::new(facts.version.clone(), facts.started);
        let metrics = Arc::new(Metrics::new(vec![
            Arc::clone(&control) as _,
            engine,
            http.metrics(&control),
            admin.metrics(),
            known.metrics(),
            Arc::new(process),
            Otlp::metrics(otlp.as_ref()),
            Arc::new(telemetry.clone()),
        ]));
        let times = (clock as Arc<dyn Clock>, facts.started);
        let reporter = otlp::MetricsReporter::new(&config.otlp, otlp.as_ref(), Arc::clone(&metrics), times);
        let readiness = Readiness::default();
        // Whatever has a part of `runtime.toml` beside control, and can take another one while the host runs, stands here.
        let parts: Vec<Box<dyn Reloadable>> =
            vec![Box::new(ListenerLimits(http.tuner())), Box::new(known), Box::new(telemetry)];
        let reloader = Reloader::new(source, config.clone(), document, Arc::clone(&control), readiness.clone(), parts);
        watch_load(&control);
        Ok(Self {
            control,
            http,
            admin,
            token,
            readiness,
            facts,
            reloader: Arc::new(reloader),
            secrets,
            metrics,
            otlp,
            reporter,
            tenancy: Tenancy { _attached: attached, _announced: announced, _state: state },
        })
    }
}

/// Has calls refused while the host is saturated, for as long as the program runs.
fn watch_load(control: &Arc<Control>) {
    let control = Arc::clone(control);
    tokio::spawn(async move { control.watch_load(Arc::new(SystemLoad::default())).await });
}

/// Where instances can turn to.
pub(crate) struct Ways {
    outbound: Arc<dyn Outbound>,
    links: Arc<dyn Links>,
    messaging: Arc<dyn Messaging>,
    tokens: Arc<dyn Tokens>,
    spans: Arc<dyn Spans>,
}

/// An executor, with a cache of machine code if a folder for it is given.
///
/// # Errors
/// If this machine cannot run WebAssembly.
pub(crate) fn executor(
    config: &EngineConfig,
    cache: Option<CacheFolder>,
    sink: Arc<dyn LogSink>,
    ways: Ways,
    components: Option<Arc<dyn ComponentStore>>,
) -> Result<Arc<Engine>, Failure> {
    let premises = Premises { cache, workshop: Some(workshop()) };
    let Ways { outbound, links, messaging, tokens, spans } = ways;
    let ports = patchbay_engine::Ports {
        sink,
        outbound,
        links,
        messaging,
        tokens,
        spans,
        clock: Arc::new(SystemClock),
        components,
    };
    let engine = Engine::new(config, premises, ports).map_err(Failure::failed)?;
    tell(engine.report());
    Ok(Arc::new(engine))
}

/// This program, as one that compiles.
fn workshop() -> Workshop {
    // Under this name Linux finds the program that runs even after another one was put in its place.
    let this = Path::new("/proc/self/exe");
    let program =
        if this.exists() { this.to_owned() } else { std::env::current_exe().unwrap_or_else(|_| "patchbay".into()) };
    // What the allocator holds in reserve would count as memory that compiling takes.
    let environment = vec![("MIMALLOC_ARENA_EAGER_COMMIT".into(), "0".into())];
    Workshop { program, arguments: vec!["compile".into()], environment }
}

/// An executor to try components with: nothing of them is called or kept, except machine code if there is a state
/// directory with a place for it.
///
/// # Errors
/// If this machine cannot run WebAssembly.
pub(crate) fn trial_executor(config: &EngineConfig, state: &Path) -> Result<Arc<dyn Executor>, Failure> {
    let cache = state.is_dir().then(|| CacheFolder { path: state.join("cache"), hazard: Arc::new(NoHazard) });
    let ways = Ways {
        outbound: Arc::<HttpOutbound>::default(),
        links: Arc::<ServiceLinks>::default(),
        messaging: Arc::<ServiceMessaging>::default(),
        tokens: Arc::<ServiceTokens>::default(),
        spans: Arc::<ServiceSpans>::default(),
    };
    Ok(executor(config, cache, Arc::new(Journal::new(1)), ways, None)?)
}

/// Logs what the engine found on this machine.
fn tell(report: &EngineReport) {
    match &report.allocation {
        Allocation::Pooling { instances, pagemap_scan } => {
            tracing::debug!(instances, pagemap_scan, "instances get their memory from slots");
        }
        Allocation::OnDemand { reason } => {
            tracing::warn!("no slots can be reserved for instances, so making one is slower: {reason}");
        }
    }
    match &report.cache {
        CacheReport::Off => tracing::debug!("machine code is not kept"),
        CacheReport::Used(folder) => tracing::debug!(folder = %folder.display(), "machine code is kept"),
        CacheReport::Refused(problem) => tracing::warn!("machine code is not kept: {problem}"),
    }
    tracing::debug!(threads = report.compile_threads, "components are compiled at low priority");
}

/// The configuration as operators see it in the admin API.
pub(crate) fn facts(config: &Config) -> BTreeMap<String, String> {
    let (size, duration) = (units::format_size, units::format_duration);
    let rate = |rate: Option<Rate>| rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
    let pairs = [
        ("host.drain", duration(config.host.drain)),
        ("host.strict", config.host.strict.to_string()),
        ("host.watch", config.host.watch.to_string()),
        ("host.shed_delay", duration(config.host.shed.delay)),
        ("http.max_connections", config.http.max_connections.to_string()),
        ("http.max_connections_per_address", config.http.max_connections_per_address.to_string()),
        ("http.connection_rate_per_address", config.http.connection_rate_per_address.to_string()),
        ("http.header_timeout", duration(config.http.header_timeout)),
        ("http.idle_timeout", duration(config.http.idle_timeout)),
        ("http.body_timeout", duration(config.http.body_timeout)),
        ("http.stall_timeout", duration(config.http.stall_timeout)),
        ("http.max_headers", config.http.max_headers.to_string()),
        ("http.max_head", size(config.http.max_head)),
        ("http.max_streams", config.http.max_streams.to_string()),
        ("admin.max_connections", config.admin.max_connections.to_string()),
        ("admin.max_upload", size(config.admin.max_upload)),
        ("admin.upload_pause", duration(config.admin.upload_pause)),
        ("metrics.public", config.metrics.public.to_string()),
        ("engine.instances", config.engine.instances.to_string()),
        ("engine.compile_threads", config.engine.compile_threads.to_string()),
        ("engine.stack", size(config.engine.stack)),
        ("engine.epoch_tick", duration(config.engine.epoch_tick)),
        ("engine.cache_size", size(config.engine.cache_size)),
        ("engine.code_idle", duration(config.engine.code_idle)),
        ("engine.compile_time", duration(config.engine.compile_time)),
        ("engine.compile_memory", size(config.engine.compile_memory)),
        ("logs.format", config.logs.format.name().to_owned()),
        ("logs.keep", config.logs.keep.to_string()),
        ("logs.keep_size", size(config.logs.keep_size)),
        ("logs.keep_level", config.logs.keep_level.to_string()),
        ("logs.access", config.logs.access.to_string()),
        ("logs.access_query", config.logs.access_query.to_string()),
        ("deploy.retained", config.control.retained.to_string()),
        ("deploy.drain", duration(config.control.drain)),
        ("otlp.traces", config.otlp.traces.to_string()),
        ("otlp.metrics", config.otlp.metrics.to_string()),
        ("otlp.metrics_interval", duration(config.otlp.metrics_interval)),
        ("otlp.logs", config.otlp.logs.to_string()),
        ("otlp.queue", config.otlp.queue.to_string()),
        ("otlp.batch", config.otlp.batch.to_string()),
        ("otlp.interval", duration(config.otlp.interval)),
        ("traces.sample", config.control.traces.sample.to_string()),
        ("traces.at_least", rate(config.control.traces.at_least)),
        ("traces.parent", config.control.traces.parent.name().to_owned()),
        ("traces.faults", rate(config.control.traces.faults)),
        ("traces.keep", config.control.traces.keep.to_string()),
        ("traces.keep_size", size(config.control.traces.keep_size)),
    ];
    let mut facts = BTreeMap::from(pairs.map(|(key, value)| (key.to_owned(), value)));
    if let Some(endpoint) = &config.otlp.endpoint {
        facts.insert("otlp.endpoint".to_owned(), endpoint.clone());
    }
    if let Some(limit) = config.host.shed.memory {
        facts.insert("host.memory_limit".to_owned(), size(limit));
    }
    for (section, tls) in [("http.tls", &config.http.tls), ("admin.tls", &config.admin.tls)] {
        if let Some(tls) = tls {
            facts.insert(format!("{section}.certificate"), tls.certificate.display().to_string());
            facts.insert(format!("{section}.key"), tls.key.display().to_string());
            if let Some(clients) = &tls.clients {
                facts.insert(format!("{section}.client_ca"), clients.authorities.display().to_string());
                let needed = if clients.required { "required" } else { "optional" };
                facts.insert(format!("{section}.client_auth"), needed.to_owned());
            }
        }
    }
    facts
}

#[cfg(test)]
mod tests;
