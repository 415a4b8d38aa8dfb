//! A host in this process, as the binary composes it, without its listeners.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use patchbay_backends::bus::{EmbeddedBus, EmbeddedOptions, NatsBus, NatsSettings};
use patchbay_backends::{StateDir, SystemClock};
use patchbay_control::{
    Control, ControlConfig, DeployRequest, Journal, LinksAttached, Ports, ServiceLinks, ServiceMessaging, ServiceTokens,
};
use patchbay_engine::{Engine, EngineConfig, Premises};
use patchbay_model::bus::{SubscriptionSettings, Topic, TopicSettings, Topics};
use patchbay_model::ports::{BoxFuture, Bus, ComponentStore, Outbound, Outlet};
use patchbay_model::{InstancePolicy, Origin, OutboundError, OutboundRequest, Reply, RevisionId, Settings};
use tempfile::TempDir;

use crate::counted::{Count, Counted};
use crate::{Arguments, Failure, Way, Work};

/// A running host.
pub(crate) struct Host {
    pub(crate) control: Arc<Control>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) count: Arc<Count>,
    _attached: LinksAttached,
    _state: TempDir,
}

/// Where messages are published. Each kind of work has topics of its own, so that none finds what another one left.
pub(crate) fn topic(arguments: &Arguments) -> Result<Topic, Failure> {
    let work = if arguments.work == Work::Deliver { "deliver" } else { "publish" };
    let level = if arguments.durable { "durable" } else { "volatile" };
    Ok(format!("bench.{work}.{level}").parse()?)
}

/// Nobody is reached.
struct Nobody;

impl Outbound for Nobody {
    fn open(&self, _: &RevisionId, _: &Settings) -> Arc<dyn Outlet> {
        Arc::new(Self)
    }
}

impl Outlet for Nobody {
    fn send(&self, _: OutboundRequest) -> BoxFuture<'static, Result<Reply, OutboundError>> {
        Box::pin(std::future::ready(Err(OutboundError::Denied)))
    }
}

impl Host {
    /// Starts a host, and in it the listener if there is one.
    pub(crate) async fn start(arguments: &Arguments) -> Result<Self, Failure> {
        let folder = tempfile::tempdir_in("target/tmp").or_else(|_| tempfile::tempdir())?;
        let state = StateDir::open(folder.path())?;
        let settings = TopicSettings { dedupe: std::time::Duration::from_secs(1), ..TopicSettings::default() };
        let topics = Topics::new(BTreeMap::from([("bench.*.durable".parse()?, settings)]))?;
        let bus = bus(arguments, folder.path(), &topics).await?;
        let (links, messaging) = (Arc::<ServiceLinks>::default(), Arc::<ServiceMessaging>::default());
        let logs = Arc::new(Journal::new(64));
        let engine = Engine::new(
            &EngineConfig::default(),
            Premises::default(),
            patchbay_engine::Ports {
                sink: Arc::clone(&logs) as _,
                outbound: Arc::new(Nobody),
                links: Arc::clone(&links) as _,
                messaging: Arc::clone(&messaging) as _,
                tokens: Arc::<ServiceTokens>::default(),
                spans: Arc::new(patchbay_model::ports::NoSpans),
                clock: Arc::new(SystemClock),
                components: None,
            },
        )?;
        let count = Arc::<Count>::default();
        let components: Arc<dyn ComponentStore> = Arc::new(state.components());
        let ports = Ports {
            executor: Arc::new(Counted { executor: Arc::new(engine), count: Arc::clone(&count) }),
            components: Arc::clone(&components),
            registry: Arc::new(state.registry()),
            clock: Arc::new(SystemClock),
            bus: Arc::clone(&bus),
            secrets: Arc::new(patchbay_model::ports::NoSecrets),
            spans: Arc::new(patchbay_model::ports::NoSpans),
            run: 1,
        };
        let control = Control::new(ControlConfig { topics, ..ControlConfig::default() }, ports, logs);
        let attached = links.attach(&control);
        messaging.attach(&control);
        control.start(Vec::new(), |_, _| {}).await?;
        if let Some(listener) = &arguments.listener {
            deploy(&control, &*components, listener, topic(arguments)?).await?;
        }
        Ok(Self { control, bus, count, _attached: attached, _state: folder })
    }

    /// Waits until the listener is subscribed.
    pub(crate) async fn subscribed(&self) -> Result<(), Failure> {
        loop {
            let views = self.control.subscriptions().await?;
            if views.iter().any(|view| view.state == patchbay_control::SubscriptionState::Active) {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn bus(arguments: &Arguments, folder: &Path, topics: &Topics) -> Result<Arc<dyn Bus>, Failure> {
    let clock = Arc::new(SystemClock);
    Ok(match arguments.way {
        Way::Nats => {
            let prefix = "bench".to_owned();
            let settings = NatsSettings { servers: vec![arguments.server.clone()], prefix, ..NatsSettings::default() };
            Arc::new(NatsBus::open(settings, topics.clone(), clock).await?)
        }
        Way::Embedded | Way::Raw | Way::RawEvents => {
            let options = EmbeddedOptions::default();
            Arc::new(EmbeddedBus::open(folder.join("bus"), topics.clone(), options, clock).await?)
        }
    })
}

async fn deploy(
    control: &Arc<Control>,
    components: &dyn ComponentStore,
    listener: &Path,
    topic: Topic,
) -> Result<(), Failure> {
    let mut writer = components.begin().await?;
    writer.write(std::fs::read(listener)?.into()).await?;
    let stored = control.store(writer).await?;
    let subscription = SubscriptionSettings { max_in_flight: 64, ..SubscriptionSettings::default() };
    let settings = Settings {
        instances: Some(InstancePolicy::Reuse),
        instance_uses: 1_000_000,
        subscriptions: BTreeMap::from([(topic.into(), subscription)]),
        ..Settings::default()
    };
    let request = DeployRequest {
        service: "listener".parse()?,
        component: stored.digest,
        settings,
        routes: None,
        anonymous: false,
        origin: Origin::Api,
        allow_breaking: false,
        replace: false,
    };
    control.deploy(request).finished().await?;
    Ok(())
}
