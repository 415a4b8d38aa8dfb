//! The embedded bus does what every bus has to do, and more.

mod damage;
mod killed;
mod medium;

pub(in crate::bus::embedded) use medium::message;

use medium::{Directory, Flaky};

crate::bus_conformance!(Directory::new());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_hold_on_a_disk_that_fails() {
    crate::bus::conformance::histories_hold(&Flaky::new()).await;
}
