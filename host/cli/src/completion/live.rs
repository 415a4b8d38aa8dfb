//! What the running host has, in the time that someone at a keyboard waits for it.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use patchbay_model::ServiceName;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::args::HostArgs;
use crate::client::view::{Contract, ContractItem, DeadLetter, Service, Subscription, Topic};
use crate::client::{Client, service_path};
use crate::failure::Failure;

/// How long all of it may take: to find the host, to reach it, and to be answered.
const BUDGET: Duration = Duration::from_millis(500);

/// The services; none if no host answers in time.
pub(crate) fn services(host: &HostArgs) -> Vec<Service> {
    within_budget(host, async |client| read(client.get("/v1/services").await?)).unwrap_or_default()
}

/// What the revision exports that serves; nothing if no host answers in time, or none serves.
pub(crate) fn exports(host: &HostArgs, service: &ServiceName) -> Vec<ContractItem> {
    let path = service_path(service);
    let exports = within_budget(host, async move |client| {
        let Some(active) = client.get(&path).await?.get("active").and_then(Value::as_u64) else {
            return Ok(Vec::new());
        };
        let revision = client.get(&format!("{path}/revisions/{active}")).await?;
        let contract: Option<Contract> = read(revision.get("contract").cloned().unwrap_or_default())?;
        Ok(contract.map(|contract| contract.exports).unwrap_or_default())
    });
    exports.unwrap_or_default()
}

/// The topics that are declared or subscribed to, as they are written; none if no host answers in time.
pub(crate) fn topics(host: &HostArgs) -> Vec<String> {
    let topics = within_budget(host, async |client| {
        let declared = read::<Vec<Topic>>(client.get("/v1/topics").await?)?.into_iter().map(|topic| topic.topic);
        let subscribed: Vec<Subscription> = read(client.get("/v1/subscriptions").await?)?;
        let subscribed = subscribed.into_iter().map(|subscription| subscription.topic);
        Ok(declared.chain(subscribed).collect::<BTreeSet<_>>().into_iter().collect())
    });
    topics.unwrap_or_default()
}

/// The first dead letters; none if no host answers in time.
pub(crate) fn dead_letters(host: &HostArgs) -> Vec<DeadLetter> {
    within_budget(host, async |client| read(client.get("/v1/dead-letters").await?)).unwrap_or_default()
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    Ok(serde_json::from_value(value)?)
}

/// Asks the host on a thread of its own, which is left behind when the time is over: to read a file or to look up a name
/// can take long, too, and cannot be broken off.
fn within_budget<T, F>(host: &HostArgs, ask: F) -> Option<T>
where
    T: Send + 'static,
    F: AsyncFnOnce(Client) -> Result<T, Failure> + Send + 'static,
{
    let (host, (tell, told)) = (host.clone(), mpsc::sync_channel(1));
    thread::spawn(move || {
        let answer = || -> Result<T, Failure> {
            let client = Client::find(&host)?;
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(ask(client))
        };
        // Nobody listens when the time is over.
        let _ = tell.send(answer().ok());
    });
    told.recv_timeout(BUDGET).ok().flatten()
}
