//! The thread that writes: it takes all that waits at a time, so that many publishers share one synchronisation.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use patchbay_model::bus::BusError;
use patchbay_model::ports::Clock;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::durable::{DurableTopic, Wanted};

/// How many errands may wait.
const QUEUE: usize = 1024;

/// The most that is written at a time, in bytes.
const BATCH: usize = 4 << 20;

/// The longest that more errands are waited for.
const PATIENCE: Duration = Duration::from_millis(1);

/// How often it is looked whether there are more.
const MOMENT: Duration = Duration::from_micros(20);

/// What the thread has to do.
#[derive(Debug)]
pub(super) enum Errand {
    /// Store a message.
    Store(Arc<DurableTopic>, Wanted),
    /// Remove a message.
    Remove(Arc<DurableTopic>, u64, oneshot::Sender<Result<(), BusError>>),
    /// Let go what is too old.
    Sweep(Arc<DurableTopic>),
    /// Say when everything before is done.
    Flush(oneshot::Sender<()>),
}

/// Where errands are left.
#[derive(Debug, Clone)]
pub(super) struct Writer(mpsc::Sender<Errand>);

impl Writer {
    /// Starts the thread. It ends when nobody can leave errands any more.
    pub(super) fn start(clock: Arc<dyn Clock>) -> Result<Self, BusError> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("bus-writer".to_owned())
            .spawn(move || run(receiver, &*clock))
            .map_err(|error| BusError::Storage(format!("cannot start the thread that writes: {error}")))?;
        Ok(Self(sender))
    }

    /// Leaves an errand, and waits for a place in the queue if it is full.
    pub(super) async fn leave(&self, errand: Errand) -> Result<(), BusError> {
        self.0.send(errand).await.map_err(|_| gone())
    }

    /// Leaves an errand, unless the queue is full.
    pub(super) fn try_leave(&self, errand: Errand) {
        // It is only a sweep, and the next one comes soon.
        let _ = self.0.try_send(errand);
    }
}

/// The error for an answer that never came.
pub(super) fn gone() -> BusError {
    BusError::Unavailable("it is closed".to_owned())
}

/// How long the last round took, and how much it did.
#[derive(Debug, Default)]
struct Round {
    errands: usize,
    took: Duration,
}

impl Round {
    /// How long more errands are waited for, if there are fewer than last time: those whose publishers were answered a
    /// moment ago are on their way, and a synchronisation for some of them makes the others wait for another one.
    fn patience(&self) -> Duration {
        (self.took / 8).min(PATIENCE)
    }
}

fn run(mut errands: mpsc::Receiver<Errand>, clock: &dyn Clock) {
    let (mut waiting, mut last) = (Vec::new(), Round::default());
    while let Some(first) = errands.blocking_recv() {
        gather(&mut errands, first, &mut waiting, &last);
        let begin = Instant::now();
        let n_errands = waiting.len();
        work(&mut waiting, clock);
        last = Round { errands: n_errands, took: begin.elapsed() };
    }
}

/// Takes what waits, and what comes within a moment.
fn gather(errands: &mut mpsc::Receiver<Errand>, first: Errand, waiting: &mut Vec<Errand>, last: &Round) {
    let until = Instant::now() + last.patience();
    let mut bytes = size_of(&first);
    waiting.push(first);
    loop {
        while bytes < BATCH
            && waiting.len() < QUEUE
            && let Ok(errand) = errands.try_recv()
        {
            bytes += size_of(&errand);
            waiting.push(errand);
        }
        if waiting.len() >= last.errands || Instant::now() >= until {
            return;
        }
        thread::sleep(MOMENT);
    }
}

fn size_of(errand: &Errand) -> usize {
    match errand {
        Errand::Store(_, wanted) => wanted.content.len(),
        Errand::Remove(..) | Errand::Sweep(_) | Errand::Flush(_) => 0,
    }
}

/// Does what waits, in its order. Messages of one topic that follow each other are stored together.
fn work(waiting: &mut Vec<Errand>, clock: &dyn Clock) {
    let mut stores: Vec<(Arc<DurableTopic>, Vec<Wanted>)> = Vec::new();
    for errand in waiting.drain(..) {
        match errand {
            Errand::Store(topic, wanted) => {
                match stores.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &topic)) {
                    Some((_, same)) => same.push(wanted),
                    None => stores.push((topic, vec![wanted])),
                }
                continue;
            }
            Errand::Remove(topic, sequence, answer) => {
                store(&mut stores, clock);
                let _ = answer.send(topic.remove(sequence, clock.now()));
            }
            Errand::Sweep(topic) => topic.sweep(clock.now()),
            Errand::Flush(answer) => {
                store(&mut stores, clock);
                let _ = answer.send(());
            }
        }
    }
    store(&mut stores, clock);
}

fn store(stores: &mut Vec<(Arc<DurableTopic>, Vec<Wanted>)>, clock: &dyn Clock) {
    for (topic, wanted) in stores.drain(..) {
        topic.store(wanted, clock.now());
    }
}
