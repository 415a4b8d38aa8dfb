//! The clock that interrupts guests: one thread that advances the epoch of both wasmtime engines.
//!
//! It is a thread of its own, so that it ticks even while every thread that serves is held by a guest. While no guest
//! runs it sleeps for good: an idle host wakes nobody up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use wasmtime::EngineWeak;

/// Ticks without any guest running after which the thread goes to sleep.
const PATIENCE: u32 = 100;

/// Shared by the thread and by everything that runs guests.
#[derive(Debug, Default)]
struct Flags {
    /// A guest ran since the last tick.
    active: AtomicBool,
    /// The thread sleeps, or is about to.
    dormant: AtomicBool,
    stop: AtomicBool,
    /// Ticks there were.
    ticks: AtomicU64,
}

/// Keeps the ticking thread; dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Ticker {
    pulse: Pulse,
    thread: Option<JoinHandle<()>>,
}

/// Tells the ticker that a guest is about to run.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    flags: Arc<Flags>,
    thread: Thread,
}

impl Pulse {
    /// To be called whenever a guest gets a thread, and whenever it is found still running at a tick.
    ///
    /// The pair `active`, `dormant` is written and read in opposite orders by the two sides, both sequentially
    /// consistent, so at least one of them sees the other: either the thread stays awake or it is woken up. Where
    /// `active` is still set nothing needs to be done, because the thread has a tick to make before it can sleep.
    pub(crate) fn beat(&self) {
        if !self.flags.active.load(Ordering::Relaxed) {
            self.flags.active.store(true, Ordering::SeqCst);
            if self.flags.dormant.load(Ordering::SeqCst) {
                self.thread.unpark();
            }
        }
    }

    /// How many ticks there were. Each is counted just before the epoch moves on.
    pub(crate) fn ticks(&self) -> u64 {
        self.flags.ticks.load(Ordering::Relaxed)
    }

    /// Counts one.
    #[cfg(test)]
    pub(crate) fn count(&self) {
        self.flags.count();
    }
}

impl Flags {
    fn count(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }
}

impl Ticker {
    /// Starts the thread. It holds no engine alive.
    ///
    /// # Errors
    /// If the operating system has no thread left.
    pub(crate) fn start(engines: Vec<EngineWeak>, tick: Duration) -> std::io::Result<Self> {
        let flags = Arc::new(Flags::default());
        let shared = flags.clone();
        let handle =
            thread::Builder::new().name("patchbay-ticker".to_owned()).spawn(move || run(&engines, tick, &shared))?;
        Ok(Self { pulse: Pulse { flags, thread: handle.thread().clone() }, thread: Some(handle) })
    }

    /// A handle for those who run guests.
    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.pulse.flags.stop.store(true, Ordering::SeqCst);
        self.pulse.thread.unpark();
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic; there is nothing to learn from its end.
            let _ = thread.join();
        }
    }
}

fn run(engines: &[EngineWeak], tick: Duration, flags: &Flags) {
    let mut quiet = 0;
    while !flags.stop.load(Ordering::SeqCst) {
        if quiet < PATIENCE {
            thread::park_timeout(tick);
        } else {
            flags.dormant.store(true, Ordering::SeqCst);
            if !flags.active.load(Ordering::SeqCst) {
                thread::park();
            }
            flags.dormant.store(false, Ordering::SeqCst);
        }
        quiet = if flags.active.swap(false, Ordering::SeqCst) { 0 } else { quiet + 1 };
        flags.count();
        for engine in engines.iter().filter_map(EngineWeak::upgrade) {
            engine.increment_epoch();
        }
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{Config, Engine, Instance, Module, Store, Trap};

    use super::*;

    /// A function `f` that runs for ever.
    const ENDLESS: &[u8] =
        b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01f\0\0\x0a\x09\x01\x07\0\x03\x40\x0c\0\x0b\x0b";

    #[test]
    fn a_guest_is_interrupted_even_if_the_ticker_slept() {
        let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
        let ticker = Ticker::start(vec![engine.weak()], Duration::from_micros(100)).unwrap();
        while !ticker.pulse.flags.dormant.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let module = Module::from_binary(&engine, ENDLESS).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let endless = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
        ticker.pulse().beat();
        let error = endless.call(&mut store, ()).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
        // The thread ends here, or the test does not.
        drop(ticker);
    }
}
