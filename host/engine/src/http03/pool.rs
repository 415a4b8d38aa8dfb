//! The workers of one revision, and which of them gets the next call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::desk::Started;
use super::serving::Job;
use super::worker::Worker;
use crate::code::Code;
use crate::revision::Revision;

/// All workers of one revision.
pub(super) struct Pool {
    pub(super) revision: Arc<Revision>,
    pub(super) code: Arc<Code>,
    workers: Mutex<Workers>,
}

#[derive(Default)]
struct Workers {
    all: Vec<Arc<Worker>>,
    /// Those that can take a call now. The one that came last is taken first, so that those in excess grow old.
    ready: Vec<Arc<Worker>>,
    /// Set while no instance is kept.
    cold: bool,
}

impl Pool {
    pub(super) fn new(revision: Arc<Revision>, code: Arc<Code>) -> Self {
        Self { revision, code, workers: Mutex::default() }
    }

    /// Hands a call to an instance, making one if none is ready.
    pub(super) fn dispatch(self: &Arc<Self>, job: Job) {
        let mut workers = self.lock();
        let (worker, new) = match workers.ready.pop() {
            Some(worker) => {
                worker.set_advertised(false);
                (worker, false)
            }
            None => {
                let worker = Arc::new(Worker::default());
                workers.all.push(worker.clone());
                (worker, true)
            }
        };
        let deadline = job.serving.deadline;
        job.serving.assign(worker.clone());
        worker.push(job);
        drop(workers);
        if new {
            worker.begin(self, None, deadline);
        } else {
            worker.attend();
        }
    }

    /// Makes an instance that waits for a call.
    pub(super) fn hire(self: &Arc<Self>, started: Started) {
        let worker = Arc::new(Worker::default());
        self.lock().all.push(worker.clone());
        worker.begin(self, Some(started), self.revision.start_deadline());
    }

    /// A worker can take a call. Nothing happens if that is known already.
    pub(super) fn advertise(&self, worker: &Arc<Worker>) {
        let mut workers = self.lock();
        if !workers.cold && !worker.is_advertised() && !worker.has_jobs() {
            worker.set_advertised(true);
            workers.ready.push(worker.clone());
        }
    }

    /// A worker can take no call for now.
    pub(super) fn withdraw(&self, worker: &Arc<Worker>) {
        let mut workers = self.lock();
        worker.set_advertised(false);
        workers.ready.retain(|other| !Arc::ptr_eq(other, worker));
    }

    /// A worker wants to end. `false` if it was given a call meanwhile.
    pub(super) fn retire(&self, worker: &Arc<Worker>) -> bool {
        let mut workers = self.lock();
        if worker.has_jobs() {
            return false;
        }
        workers.forget(worker);
        true
    }

    /// A worker has come to its end, with these calls not begun.
    pub(super) fn lose(&self, worker: &Arc<Worker>) -> Vec<Job> {
        let mut workers = self.lock();
        workers.forget(worker);
        worker.take_jobs()
    }

    pub(super) fn is_cold(&self) -> bool {
        self.lock().cold
    }

    pub(super) fn warm(&self) {
        self.lock().cold = false;
    }

    pub(super) fn cool(&self) {
        let all = {
            let mut workers = self.lock();
            workers.cold = true;
            workers.ready.drain(..).for_each(|worker| worker.set_advertised(false));
            workers.all.clone()
        };
        all.iter().for_each(|worker| worker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, Workers> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Workers {
    fn forget(&mut self, worker: &Arc<Worker>) {
        for list in [&mut self.all, &mut self.ready] {
            list.retain(|other| !Arc::ptr_eq(other, worker));
        }
    }
}
