//! What the tests stand on: a running host, and waiting for something to become true.

mod hazards;
mod host;
mod load;
mod server;
pub(crate) mod wasm;

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

pub(crate) use hazards::Hazards;
pub(crate) use host::{Host, PATIENCE, PATIENT, guest, marked, patchbay, root, service, shop};
pub(crate) use load::{Load, Outcome};
pub(crate) use server::Server;

/// Waits until `probe` answers something; fails the test if it never does. For what the host gives no event for.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until no instance of the service is at work: a reply may be read before its instance has come to rest, and
/// until then the next call would get another one.
pub(crate) async fn at_rest(host: &Host, name: &str) {
    eventually("the instances are at rest", async || {
        let service = host.admin_get(&format!("/v1/services/{name}")).await;
        let instances = &service["revisions"][0]["instances"];
        (instances["live"].is_u64() && instances["live"] == instances["idle"]).then_some(())
    })
    .await;
}
