//! What the policies allocate while all goes well: nothing. A call allocates what holds its place and its revision, and
//! what its dispatch needs, with every policy on as with none.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use patchbay_channel::{
    Arrival, Breaker, Lease, Level, LinkPolicy, LinkStanding, RoutePolicy, RouteStanding, Shedder, Sought, StandIn,
    Standing, Target, Tracer, TypedPayload, call,
};
use patchbay_model::policy::{
    BreakerSettings, LinkSettings, Priority, RateVerdicts, RetrySettings, RouteSettings, Share,
};
use patchbay_model::ports::{BoxFuture, Clock, InstanceCount, NoSpans, Prepared};
use patchbay_model::trace::TraceSettings;
use patchbay_model::traffic::TrafficShare;
use patchbay_model::{
    Call, CallId, Fault, FunctionName, Limits, Principal, Proof, Reply, RevisionNumber, ServiceName, Settings,
    TypedCall, User, full_body,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Counts.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Answers at once.
struct Instance;

impl Prepared for Instance {
    fn serve(&self, _: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(std::future::ready(Ok(Reply::new(full_body("done")))))
    }

    fn invoke<'a>(&'a self, _: TypedCall<'a>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        Box::pin(std::future::ready(Ok(Bytes::from_static(b"done"))))
    }

    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn cool(&self) {}

    fn instances(&self) -> InstanceCount {
        InstanceCount::default()
    }
}

/// A clock that stands still.
struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH
    }
}

/// Records what fails, and nothing else.
fn unsampled() -> Tracer {
    let settings = TraceSettings { sample: TrafficShare::NONE, at_least: None, ..TraceSettings::default() };
    Tracer::new(1, &settings, Arc::new(NoSpans), Arc::new(Epoch))
}

struct Service {
    name: ServiceName,
    settings: Settings,
    standing: Standing,
    shedder: Shedder,
    tracer: Tracer,
    revision: Arc<Revision>,
    link: Option<LinkPolicy>,
    route: Option<RoutePolicy>,
    stand_in: Option<StandIn>,
}

impl Service {
    fn new(settings: Settings) -> Self {
        Self {
            name: "inventory".parse().unwrap(),
            standing: Standing::new(&settings),
            shedder: Shedder::default(),
            tracer: unsampled(),
            revision: Arc::new(Revision {
                instance: Instance,
                breaker: Breaker::new(&settings.breaker, 0, |_| {}),
                cut: CancellationToken::new(),
            }),
            settings,
            link: None,
            route: None,
            stand_in: None,
        }
    }

    /// One on which every policy has something to decide.
    fn with_every_policy() -> Self {
        let settings = Settings {
            callers: Some(vec!["web".parse().unwrap(), "orders shop:inventory/stock.reserve".parse().unwrap()]),
            rate: Some("100000/s".parse().unwrap()),
            retry: RetrySettings {
                idempotent: vec!["shop:inventory/stock.reserve".parse().unwrap()],
                ..RetrySettings::default()
            },
            breaker: BreakerSettings { success_rate: Share::percent(80).unwrap(), ..BreakerSettings::default() },
            ..Settings::default()
        };
        let link = LinkSettings {
            concurrency: Some(8),
            rate: Some("100000/s".parse().unwrap()),
            timeout: Some(Duration::from_secs(1)),
            ..LinkSettings::default()
        };
        let results = vec![("shop:inventory/stock.reserve".parse().unwrap(), Bytes::from_static(b"spare"))];
        Self {
            link: Some(LinkPolicy {
                timeout: link.timeout,
                retry: settings.retry.clone(),
                stand_in: None,
                standing: LinkStanding::new(&link, &Limits::default()),
            }),
            stand_in: Some(StandIn { results, service: Some("spare".parse().unwrap()) }),
            ..Self::new(settings)
        }
    }
}

/// What a call keeps.
struct Revision {
    instance: Instance,
    breaker: Arc<Breaker>,
    cut: CancellationToken,
}

struct Kept(Arc<Revision>);

impl Lease for Kept {
    fn prepared(&self) -> &dyn Prepared {
        &self.0.instance
    }

    fn revision(&self) -> Option<RevisionNumber> {
        RevisionNumber::new(1)
    }

    fn breaker(&self) -> &Arc<Breaker> {
        &self.0.breaker
    }

    fn cut(&self) -> &CancellationToken {
        &self.0.cut
    }
}

impl Target for &Service {
    type Lease = Kept;

    fn name(&self) -> &ServiceName {
        &self.name
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn strict(&self) -> bool {
        true
    }

    fn shedder(&self) -> &Shedder {
        &self.shedder
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    fn standing(&self) -> &Standing {
        &self.standing
    }

    fn link(&self) -> Option<&LinkPolicy> {
        self.link.as_ref()
    }

    fn route(&self) -> Option<&RoutePolicy> {
        self.route.as_ref()
    }

    fn stand_in(&self) -> Option<&StandIn> {
        self.stand_in.as_ref()
    }

    fn instead(&self) -> Option<Self> {
        None
    }

    fn choose(&self, _: &Arrival, _: Sought<'_>) -> Result<Kept, Fault> {
        Ok(Kept(Arc::clone(&self.revision)))
    }
}

/// Allocations of each of a thousand calls, on average.
async fn per_call(service: &Service, caller: &Principal) -> f64 {
    const CALLS: u32 = 1000;
    let function: Arc<FunctionName> = Arc::new("shop:inventory/stock@0.1.0.reserve".parse().unwrap());
    let make = async || {
        let arrival = Arrival::from_outside(CallId::new(1), caller.clone(), service.tracer.arrive(None));
        let payload = TypedPayload::new(&function, Bytes::from_static(b"arguments"));
        assert_eq!(call(&service, &arrival, payload).await.unwrap(), "done");
    };
    make().await;
    let before = dhat::HeapStats::get().total_blocks;
    for _ in 0..CALLS {
        make().await;
    }
    (dhat::HeapStats::get().total_blocks - before) as f64 / f64::from(CALLS)
}

#[tokio::test(flavor = "current_thread")]
async fn policies_allocate_nothing_while_all_goes_well() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let orders = Principal::Service("orders".parse().unwrap());
    let (none, every) = (Service::new(Settings::default()), Service::with_every_policy());
    let (of_none, of_every) = (per_call(&none, &Principal::Operator).await, per_call(&every, &orders).await);
    for (service, caller) in [(&none, "operator"), (&every, "orders")] {
        let measured = service.standing.measured().callers().find(|(label, _)| label.as_str() == caller);
        assert_eq!(measured.unwrap().1.read().durations.count(), 1001, "every call is measured: {caller}");
    }
    let (none, every) = (of_none, of_every);
    // What holds the place and the revision, what an instance is told of the call, and the future that the fake instance boxes.
    assert!((none - 3.0).abs() < 0.01, "{none} allocations");
    assert!((every - none).abs() < 0.01, "{every} allocations with every policy, {none} with none");

    // What the gateway asks before a call: callers that are known, and a host that has room or none.
    let route = RouteSettings {
        rate: Some("100000/s".parse().unwrap()),
        rate_per_user: Some("100000/s".parse().unwrap()),
        rate_per_address: Some("100000/s".parse().unwrap()),
        ..RouteSettings::default()
    };
    let (route, shedder) = (RouteStanding::new(&route, &Limits::default()), Shedder::default());
    let user = User::new(Proof::Token, "corp", "ann");
    let ask = |user| {
        let mut verdicts = RateVerdicts::default();
        route.admit(Instant::now, user, Some("192.0.2.1".parse().unwrap()), &mut verdicts).unwrap();
        verdicts
    };
    let known = [ask(Some(&user)), ask(None)];
    assert_eq!(known.map(|verdicts| verdicts.iter().count()), [3, 3]);
    let before = dhat::HeapStats::get().total_blocks;
    for number in 0..1000 {
        ask(Some(&user));
        shedder.set(if number % 2 == 0 { Level::NONE } else { Level::MOST });
        let admitted = shedder.admit(Priority::Low, number);
        assert_eq!(admitted.is_ok(), number % 2 == 0);
    }
    assert_eq!(
        dhat::HeapStats::get().total_blocks - before,
        500,
        "a refusal is a fault, which has one piece of memory"
    );
}
