//! From a stored component to a revision that is ready to serve: inspect, compile, warm, health.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header};
use patchbay_contract::{Contract, DecodeError, Interner};
use patchbay_model::ports::{CodeSource, OpenSecret, PrepareError, PrepareRequest};
use patchbay_model::{
    Call, CallContext, CallId, Digest, Fault, HealthCheck, Hold, InstancePolicy, Origin, Principal, RevisionId,
    RevisionNumber, RevisionRecord, ServiceName, empty_body, units,
};
use tokio::time::{Instant, timeout_at};

use super::contracts::check_exports;
use super::subscriptions::check_subscriptions;
use crate::change::{ChangeError, ChangeErrorKind, DeployRequest, Step};
use crate::control::{Control, ControlConfig};
use crate::event::EventKind;
use crate::links::exported;
use crate::revision::ReadyRevision;
use crate::stand_in::StandIns;
use crate::steps::{Steps, Teller};

/// A component that was read and found to fit.
pub(crate) struct Inspected {
    record: RevisionRecord,
    contract: Contract,
    policy: InstancePolicy,
    stand_ins: StandIns,
    bytes: Bytes,
    secrets: BTreeMap<String, Arc<dyn OpenSecret>>,
    /// What is worth telling of it.
    note: String,
}

impl Inspected {
    /// What is worth telling of it.
    pub(crate) fn note(&self) -> &str {
        &self.note
    }
}

pub(crate) fn refused(message: impl Into<String>) -> ChangeError {
    ChangeError::new(ChangeErrorKind::Refused, message)
}

impl Control {
    /// Reads the component, and holds its contract against the settings.
    pub(crate) async fn inspect(
        &self,
        request: &DeployRequest,
    ) -> Result<((Inspected, RevisionId), String), ChangeError> {
        if request.origin == Origin::Api {
            self.check_grants(&request.service, &request.settings)?;
        }
        let snapshot = self.snapshot.load_full();
        let has_routes = self.will_have_routes(request);
        let (inspected, id) = self.examine(request, has_routes, snapshot.config()).await?;
        let contract = &inspected.contract;
        let links = self.check_imports(&request.service, contract, &request.settings)?;
        let breaks = self.check_callers(&request.service, contract, request.allow_breaking)?;
        let note = format!("{}{links}{breaks}", inspected.note);
        Ok(((inspected, id), note))
    }

    /// Reads the component, and holds it against its own settings and against the topics; other services are left out.
    pub(crate) async fn examine(
        &self,
        request: &DeployRequest,
        has_routes: bool,
        config: &ControlConfig,
    ) -> Result<(Inspected, RevisionId), ChangeError> {
        let problems: Vec<_> = request.settings.problems().iter().map(ToString::to_string).collect();
        if !problems.is_empty() {
            return Err(refused(format!("the settings of `{}` cannot be: {}", request.service, problems.join("; "))));
        }
        let number = self.next_number(&request.service);
        let bytes = self.ports.components.read(&request.component).await?;
        let record = RevisionRecord {
            number,
            component: request.component,
            size: bytes.len() as u64,
            settings: request.settings.clone(),
            origin: request.origin,
            created: self.ports.clock.now(),
        };
        let id = RevisionId { service: request.service.clone(), number };
        let mut inspected = look_into(&self.interner, record, bytes).await?;
        inspected.secrets = self.open_secrets(&request.settings).await?;
        let contract = &inspected.contract;
        // What exports nothing that can be called the engine refuses, with better advice.
        let only_functions = contract.http_handler().is_none()
            && (exported(contract).next().is_some() || contract.message_handler().is_some());
        if only_functions && has_routes {
            return Err(refused(
                "it handles no HTTP requests (`wasi:http/incoming-handler` or `wasi:http/handler`), and so it can have no \
                 routes; other services can call its functions, and so can you with `patchbay call`, and messages reach \
                 it through its `subscriptions`",
            ));
        }
        check_exports(contract)?;
        let subscribed =
            check_subscriptions((&request.service, contract), &request.settings, &config.topics, config.strict)?;
        inspected.note = format!(
            "{}{}, {} imports, instances = {}{subscribed}",
            units::round_size(inspected.record.size),
            contract.language.as_ref().map(|language| format!(" of {language}")).unwrap_or_default(),
            contract.imports.len(),
            inspected.policy.name(),
        );
        Ok((inspected, id))
    }

    /// Whether routes lead to the service once the request is carried out.
    fn will_have_routes(&self, request: &DeployRequest) -> bool {
        let snapshot = self.snapshot.load();
        let entry = snapshot.service(&request.service);
        let declared =
            entry.and_then(|entry| entry.declared.as_ref()).is_some_and(|declared| !declared.routes.is_empty());
        let deployed = match &request.routes {
            Some(routes) => !routes.is_empty(),
            None => entry.is_some_and(|entry| !entry.record.routes.is_empty()),
        };
        declared || deployed
    }

    /// Comes by machine code for the component.
    pub(crate) async fn compile(
        &self,
        inspected: Inspected,
        id: &RevisionId,
        teller: &Teller,
    ) -> Result<(Arc<ReadyRevision>, String), ChangeError> {
        let Inspected { record, contract, policy, stand_ins, bytes, secrets, note: _ } = inspected;
        let request = PrepareRequest {
            revision: id.clone(),
            component: record.component,
            bytes,
            instances: policy,
            settings: record.settings.clone(),
            secrets,
        };
        let preparation = self.ports.executor.prepare(request).await.map_err(|error| match error {
            PrepareError::Malformed(_) | PrepareError::Incompatible(_) => refused(error.to_string()),
            PrepareError::Host(_) => ChangeError::new(ChangeErrorKind::Host, error.to_string()),
        })?;
        let source = match preparation.source {
            CodeSource::Shared => "shared with another revision",
            CodeSource::Cache => "read from the cache",
            CodeSource::Compiled => "compiled",
            CodeSource::CacheDamaged => {
                let message = format!("the cached code of {} was damaged; it was compiled again", record.component);
                teller.tell(EventKind::CacheDamaged, Some(id.number), message);
                "compiled again, because the cached code was damaged"
            }
        };
        let prepared = preparation.prepared;
        Ok((Arc::new(ReadyRevision { record, contract, policy, stand_ins, prepared }), source.to_owned()))
    }

    /// The steps between compiled and published.
    pub(crate) async fn warm_up(&self, ready: &ReadyRevision, steps: &Steps) -> Result<(), ChangeError> {
        steps
            .step(Step::Warm, async {
                ready
                    .prepared
                    .warm()
                    .await
                    .map_err(|fault| refused(format!("no instance of the component can be made: {fault}")))?;
                Ok(((), String::new()))
            })
            .await?;
        match &ready.record.settings.health {
            Some(health) => {
                let checked = steps.step(Step::Health, check_health(&steps.teller.service, ready, health)).await;
                if checked.is_err() {
                    ready.prepared.cool();
                }
                checked
            }
            None => {
                steps.skip(Step::Health, "no health path is configured");
                Ok(())
            }
        }
    }

    /// Makes a retained revision ready again, from what is stored.
    pub(crate) async fn prepare_retained(
        &self,
        id: &RevisionId,
        teller: &Teller,
    ) -> Result<(Arc<ReadyRevision>, String), ChangeError> {
        let record = self.record_of(id).ok_or_else(|| unknown(id))?;
        let bytes = self.ports.components.read(&record.component).await?;
        let secrets = self.open_secrets(&record.settings).await?;
        let inspected = Inspected { secrets, ..look_into(&self.interner, record, bytes).await? };
        self.compile(inspected, id, teller).await
    }

    /// The component of a retained revision.
    pub(crate) fn component_of(&self, id: &RevisionId) -> Result<Digest, ChangeError> {
        self.record_of(id).map(|record| record.component).ok_or_else(|| unknown(id))
    }

    /// What is remembered of a retained revision.
    pub(crate) fn record_of(&self, id: &RevisionId) -> Option<RevisionRecord> {
        let snapshot = self.snapshot.load();
        let entry = snapshot.service(&id.service)?;
        entry.record.revisions.iter().find(|record| record.number == id.number).cloned()
    }

    /// A retained revision that is still compiled.
    pub(crate) fn ready(&self, id: &RevisionId) -> Option<Arc<ReadyRevision>> {
        self.snapshot.load().service(&id.service)?.ready.get(&id.number).cloned()
    }

    fn next_number(&self, service: &ServiceName) -> RevisionNumber {
        self.snapshot.load().service(service).map_or(RevisionNumber::FIRST, |entry| entry.record.next)
    }
}

fn unknown(id: &RevisionId) -> ChangeError {
    ChangeError::new(ChangeErrorKind::NotFound, format!("`{id}` is not retained"))
}

/// Decodes the contract of a component and decides on its instance policy.
async fn look_into(interner: &Arc<Interner>, record: RevisionRecord, bytes: Bytes) -> Result<Inspected, ChangeError> {
    let (interner, component) = (Arc::clone(interner), bytes.clone());
    // A large component takes tens of milliseconds to decode; that is too long for a thread that serves.
    let decode = move || {
        let mut contract = patchbay_contract::decode(&component)?;
        interner.intern(&mut contract);
        Ok(contract)
    };
    let contract = tokio::task::spawn_blocking(decode)
        .await
        .map_err(|error| ChangeError::new(ChangeErrorKind::Host, format!("the component could not be read: {error}")))?
        .map_err(|error: DecodeError| refused(error.to_string()))?;
    let policy = record.settings.instances.unwrap_or_else(|| contract.default_policy());
    let stand_ins = StandIns::of(&contract, &record.settings).map_err(refused)?;
    Ok(Inspected { record, contract, policy, stand_ins, bytes, secrets: BTreeMap::new(), note: String::new() })
}

/// Asks the health path of a revision that is not published yet.
async fn check_health(
    service: &ServiceName,
    ready: &ReadyRevision,
    health: &HealthCheck,
) -> Result<((), String), ChangeError> {
    let request = Request::get(&health.path)
        .header(header::HOST, format!("{service}.internal"))
        .body(empty_body())
        .map_err(|error| refused(format!("the health path `{}` cannot be asked for: {error}", health.path)))?;
    let deadline = Instant::now() + health.timeout;
    let context =
        Box::new(CallContext { caller: Principal::Host, ..CallContext::new(CallId::new(0), deadline.into_std()) });
    let call = Call { context, request: Box::new(request), hold: Hold::default() };
    let failed = |what: String| refused(format!("the health request to `{}` failed: {what}", health.path));
    match timeout_at(deadline, ready.prepared.serve(call)).await {
        Err(_) => Err(failed(format!("no answer within {}", units::format_duration(health.timeout)))),
        Ok(Err(fault)) => Err(failed(Fault::to_string(&fault))),
        Ok(Ok(reply)) if reply.status().is_success() => {
            Ok(((), format!("{} answered {}", health.path, reply.status())))
        }
        Ok(Ok(reply)) => Err(failed(format!("it answered {}", reply.status()))),
    }
}
