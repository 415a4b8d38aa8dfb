//! Tells what channel and control have counted, as metrics.

mod activity;
mod changes;
mod links;
mod messages;
mod routes;
mod services;
mod traffic;

use std::time::Duration;

use patchbay_model::metrics::{Collected, MetricSource};
use patchbay_model::ports::BoxFuture;

use crate::control::Control;

pub use activity::{Activity, LinkActivity, ServiceActivity, TopicActivity};
pub use routes::MeasuredRoute;

/// How long the bus has to tell how topics stand. What it does not tell by then is left out.
const ASK: Duration = Duration::from_secs(2);

impl MetricSource for Control {
    fn collect<'a>(&'a self, into: &'a mut Collected) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let snapshot = self.snapshot.load_full();
            services::collect(&snapshot, into);
            links::collect(&snapshot, into);
            routes::collect(&snapshot, into);
            traffic::collect(&snapshot, into);
            changes::collect(self, &snapshot, into);
            messages::collect(self, &snapshot, into).await;
        })
    }
}
