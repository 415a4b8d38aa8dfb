//! The workers of one revision, and which of them gets the next call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patchbay_striped::Spread;

use super::desk::Started;
use super::serving::Job;
use super::worker::Worker;
use crate::on_demand::OnDemand;
use crate::revision::Revision;
use crate::shards::Shards;

/// All workers of one revision.
pub(super) struct Pool {
    pub(super) revision: Spread<Revision>,
    pub(super) code: Arc<OnDemand>,
    all: Mutex<Vec<Arc<Worker>>>,
    /// Those that can take a call now, each in the shard of the thread that found it so: its memory is warm there. The
    /// one that came last is taken first, so that those in excess grow old.
    ready: Shards<Vec<Arc<Worker>>>,
    /// Set while no instance is kept.
    cold: AtomicBool,
}

impl Pool {
    pub(super) fn new(revision: Arc<Revision>, code: Arc<OnDemand>) -> Self {
        let revision = Spread::new(revision);
        Self { revision, code, all: Mutex::default(), ready: Shards::default(), cold: AtomicBool::new(false) }
    }

    /// Hands a call to an instance, making one if none is ready.
    pub(super) fn dispatch(self: &Arc<Self>, job: Job) {
        for mut ready in self.ready.nearest_first() {
            if let Some(worker) = ready.pop() {
                job.serving.assign(worker.clone());
                // In this order, so that the worker is never seen without the call and free for another.
                worker.push(job);
                worker.withdrawn();
                drop(ready);
                self.revision.tally.reused();
                return worker.attend();
            }
        }
        let deadline = job.serving.deadline();
        let worker = self.employ();
        job.serving.assign(worker.clone());
        worker.push(job);
        worker.begin(self, None, deadline);
    }

    fn employ(&self) -> Arc<Worker> {
        let worker = Arc::new(Worker::default());
        self.lock().push(worker.clone());
        worker
    }

    /// Makes an instance that waits for a call.
    pub(super) fn hire(self: &Arc<Self>, started: Started) {
        self.employ().begin(self, Some(started), self.revision.start_deadline());
    }

    /// A worker can take a call. Nothing happens if that is known already. Only the worker itself says so, as with
    /// [`Pool::withdraw`] and [`Pool::retire`].
    pub(super) fn advertise(&self, worker: &Arc<Worker>) {
        let own = self.ready.own();
        let mut ready = self.ready.lock(own);
        if !self.is_cold() && !worker.is_advertised() && !worker.has_jobs() {
            worker.advertised(own);
            ready.push(worker.clone());
        }
    }

    /// A worker can take no call for now.
    pub(super) fn withdraw(&self, worker: &Arc<Worker>) {
        let mut ready = self.ready.lock(worker.shard());
        forget(&mut ready, worker);
        worker.withdrawn();
    }

    /// A worker wants to end. `false` if it was given a call meanwhile.
    pub(super) fn retire(&self, worker: &Arc<Worker>) -> bool {
        let mut ready = self.ready.lock(worker.shard());
        if worker.has_jobs() {
            return false;
        }
        forget(&mut ready, worker);
        worker.withdrawn();
        drop(ready);
        forget(&mut self.lock(), worker);
        true
    }

    /// A worker has come to its end, with these calls not begun.
    pub(super) fn lose(&self, worker: &Arc<Worker>) -> Vec<Job> {
        self.withdraw(worker);
        forget(&mut self.lock(), worker);
        // Nobody gives it calls any more.
        worker.take_jobs()
    }

    pub(super) fn is_cold(&self) -> bool {
        self.cold.load(Ordering::SeqCst)
    }

    pub(super) fn warm(&self) {
        self.cold.store(false, Ordering::SeqCst);
    }

    pub(super) fn cool(&self) {
        self.cold.store(true, Ordering::SeqCst);
        for mut ready in self.ready.nearest_first() {
            ready.drain(..).for_each(|worker| worker.withdrawn());
        }
        let all = self.lock().clone();
        all.iter().for_each(|worker| worker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Worker>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget(workers: &mut Vec<Arc<Worker>>, worker: &Arc<Worker>) {
    workers.retain(|other| !Arc::ptr_eq(other, worker));
}
