//! Comes by machine code: from memory, from the cache, or by compiling.
//!
//! Compilation happens at low priority and one component at a time: a JavaScript component takes 16 seconds of CPU time
//! and 350 MiB, and the services that run must not notice. A host compiles in a process of its own (`workshop`); without
//! one, threads of this process do it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use patchbay_model::ports::{Clock, CodeSource, ComponentStore, PrepareError};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Result};

use crate::cache::{Cache, Entry, Found};
use crate::code::{Code, Key, Shelf};
use crate::engines::{Engines, Wasi};
use crate::offers;
use crate::state::State;
use crate::workshop::{Order, Workshop};

/// How far below the threads that serve those that compile stand, in steps of `nice`. On a machine that calls keep
/// fully busy this leaves a compiling thread about a quarter of what a serving one gets: calls come first, and a
/// deployment still comes to its end.
pub(crate) const NICENESS: i32 = 6;

/// Where machine code comes from.
pub(crate) struct Compiler {
    shop: Arc<Shop>,
    place: Place,
    /// The thread that loads code, one component after the other: so what stays of them lies close together, and not between what
    /// threads that come and go have left behind.
    loader: ThreadPool,
    /// Compiling takes hundreds of MiB, so one component at a time is compiled. Loading from the cache does not wait.
    turn: Arc<Semaphore>,
}

/// Where components are compiled.
pub(crate) enum Place {
    /// On these threads; what a component takes is not bounded.
    Here(ThreadPool),
    /// In another process, which gets orders like these.
    Apart {
        /// The program.
        workshop: Workshop,
        /// For the engine that it names; the other one gets the same.
        order: Order,
    },
}

impl Place {
    /// Threads of this process.
    ///
    /// # Errors
    /// If the operating system gives no threads.
    pub(crate) fn here(threads: usize) -> Result<Self> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("patchbay-compile-{number}"))
            .start_handler(|_| {
                // Linux counts niceness per thread. Where it does not work compilation is only less polite.
                let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
            })
            .build()?;
        Ok(Self::Here(threads))
    }
}

/// What machine code is made with.
struct Shop {
    engines: Arc<Engines>,
    linkers: [Linker<State>; 2],
    cache: Option<Cache>,
    shelf: Arc<Shelf>,
    clock: Arc<dyn Clock>,
}

impl Compiler {
    /// # Errors
    /// If wasmtime does not take what is offered to components, or the operating system gives no thread.
    pub(crate) fn new(
        engines: Arc<Engines>,
        place: Place,
        cache: Option<Cache>,
        shelf: Arc<Shelf>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let linkers =
            [offers::linker(engines.of(Wasi::P2), Wasi::P2)?, offers::linker(engines.of(Wasi::P3), Wasi::P3)?];
        let shop = Arc::new(Shop { engines, linkers, cache, shelf, clock });
        let loader = ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "patchbay-load".to_owned()).build()?;
        Ok(Self { shop, place, loader, turn: Arc::new(Semaphore::new(1)) })
    }

    /// The machine code of the component in `bytes`, and where it came from.
    ///
    /// # Errors
    /// Those of [`PrepareError`].
    pub(crate) async fn obtain(&self, key: Key, bytes: Bytes) -> Result<(Arc<Code>, CodeSource), PrepareError> {
        if let Some(code) = self.shop.shelf.find(&key) {
            return Ok((code, CodeSource::Shared));
        }
        let damaged = match self.load(key).await? {
            Loaded::Code(code) => return Ok((code, CodeSource::Cache)),
            Loaded::Nothing => false,
            Loaded::Damaged => true,
        };
        self.make(key, bytes, damaged).await
    }

    /// Compiles what the cache does not have, or not whole: then it is `damaged`.
    async fn make(&self, key: Key, bytes: Bytes, damaged: bool) -> Result<(Arc<Code>, CodeSource), PrepareError> {
        let turn = self.turn.clone().acquire_owned().await.map_err(|_| stopped())?;
        // Whoever had the turn before may have compiled the same component.
        if let Some(code) = self.shop.shelf.find(&key) {
            return Ok((code, CodeSource::Shared));
        }
        let code = self.compile(key, bytes, turn).await?;
        Ok((code, if damaged { CodeSource::CacheDamaged } else { CodeSource::Compiled }))
    }

    /// The machine code of a component that was compiled here before.
    ///
    /// # Errors
    /// Those of [`PrepareError`], if it is not in the cache any more, and cannot be compiled again.
    pub(crate) async fn bring_back(
        &self,
        key: Key,
        components: &dyn ComponentStore,
    ) -> Result<Arc<Code>, PrepareError> {
        if let Some(code) = self.shop.shelf.find(&key) {
            return Ok(code);
        }
        let damaged = match self.load(key).await? {
            Loaded::Code(code) => return Ok(code),
            Loaded::Nothing => false,
            Loaded::Damaged => true,
        };
        let bytes = components.read(&key.0).await;
        let bytes = bytes.map_err(|error| PrepareError::Host(format!("its component cannot be read: {error}")))?;
        Ok(self.make(key, bytes, damaged).await?.0)
    }

    /// Lets go of code on the thread that loaded it: its memory is that thread's, and what others give back of it stays with the
    /// process until that thread is at work again.
    pub(crate) fn discard(&self, code: Arc<Code>) {
        self.loader.spawn(move || drop(code));
    }

    /// Whether the cache has the code of a component.
    pub(crate) fn keeps(&self, key: Key) -> bool {
        let cache = self.shop.cache.as_ref();
        cache.is_some_and(|cache| cache.entry(&key.0, self.shop.engines.of(key.1)).code().exists())
    }

    /// Compiles a component and links it.
    async fn compile(&self, key: Key, bytes: Bytes, turn: OwnedSemaphorePermit) -> Result<Arc<Code>, PrepareError> {
        let shop = self.shop.clone();
        match &self.place {
            Place::Here(threads) => {
                let work = move || {
                    // Held here, not by the future: what is being compiled goes on when nobody waits for it any more.
                    let _turn = turn;
                    let code = shop.engines.of(key.1).precompile_component(&bytes);
                    shop.take(key, &code.map_err(|error| PrepareError::Malformed(format!("{error:#}")))?)
                };
                on(threads, work).await?
            }
            Place::Apart { workshop, order } => {
                let _turn = turn;
                let code = workshop.compile(&Order { wasi: key.1, ..order.clone() }, bytes).await?;
                on(&self.loader, move || shop.take(key, &code)).await?
            }
        }
    }

    /// Looks into the cache. Not on a compiling thread: what is there must not wait for what is being compiled.
    async fn load(&self, key: Key) -> Result<Loaded, PrepareError> {
        let shop = self.shop.clone();
        on(&self.loader, move || shop.load(key)).await?
    }
}

/// Does `work` on one of these threads.
async fn on<T: Send + 'static>(
    threads: &ThreadPool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PrepareError> {
    let (done, result) = oneshot::channel();
    threads.spawn(move || {
        // Nobody may wait for it any more.
        let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
    });
    let result = result.await.map_err(|_| stopped())?;
    result.map_err(|_| PrepareError::Host("the host panicked on this component".to_owned()))
}

fn stopped() -> PrepareError {
    PrepareError::Host("the compiler was stopped".to_owned())
}

/// What the cache had.
enum Loaded {
    Code(Arc<Code>),
    Nothing,
    Damaged,
}

impl Shop {
    const fn linker(&self, wasi: Wasi) -> &Linker<State> {
        let [p2, p3] = &self.linkers;
        match wasi {
            Wasi::P2 => p2,
            Wasi::P3 => p3,
        }
    }

    fn load(&self, key: Key) -> Result<Loaded, PrepareError> {
        let Some(cache) = &self.cache else { return Ok(Loaded::Nothing) };
        let engine = self.engines.of(key.1);
        let entry = cache.entry(&key.0, engine);
        let problem = match entry.check() {
            Found::Nothing => return Ok(Loaded::Nothing),
            Found::Damaged(problem) => problem,
            Found::Whole => match open(engine, &entry) {
                Ok(component) => {
                    if let Err(error) = entry.touch(self.clock.now()) {
                        tracing::warn!(%error, file = %entry.code().display(), "the use of a cache entry was not noted");
                    }
                    return self.finish(&component, key).map(Loaded::Code);
                }
                Err(error) => format!("{error:#}"),
            },
        };
        tracing::warn!(problem, file = %entry.code().display(), "a cache entry is damaged; it is compiled again");
        Ok(Loaded::Damaged)
    }

    /// Takes code that was compiled just now.
    fn take(&self, key: Key, code: &[u8]) -> Result<Arc<Code>, PrepareError> {
        let component = match self.cache.as_ref().and_then(|cache| self.keep(cache, key, code)) {
            Some(component) => component,
            // It was made for this engine a moment ago, so what keeps it out is what it asks for.
            None => load(self.engines.of(key.1), code).map_err(|error| {
                PrepareError::Incompatible(format!(
                    "the component asks for more than an instance can have here: {error:#}"
                ))
            })?,
        };
        self.finish(&component, key)
    }

    /// Writes the code to the cache, and takes it from there: mapped from a file, it needs memory only where it is
    /// used, and new instances get their memory from the file too. `None` if that failed; the code is good anyway.
    fn keep(&self, cache: &Cache, key: Key, code: &[u8]) -> Option<Component> {
        let engine = self.engines.of(key.1);
        let entry = cache.entry(&key.0, engine);
        let kept = || {
            entry.write(code)?;
            cache.shrink(&entry)?;
            open(engine, &entry).inspect_err(|_| {
                // It will not load the next time either; what cannot be removed now is found damaged then.
                let _ = entry.remove();
            })
        };
        kept().inspect_err(|error| {
            tracing::warn!(error = format!("{error:#}"), file = %entry.code().display(), "compiled code was not cached");
        })
        .ok()
    }

    fn finish(&self, component: &Component, key: Key) -> Result<Arc<Code>, PrepareError> {
        component.initialize_copy_on_write_image().map_err(|error| PrepareError::Host(format!("{error:#}")))?;
        Ok(self.shelf.put(Code::new(component, self.linker(key.1), key, &self.shelf)?))
    }
}

/// Loads code that this host has just had compiled.
#[allow(unsafe_code, reason = "machine code cannot be loaded in a safe way")]
fn load(engine: &Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: the bytes must be what `Engine::precompile_component` made. They are: it made them on a thread of this
    // process, or in a process that this one started, from the same program, and whose output nobody else can write to.
    unsafe { Component::deserialize(engine, code) }
}

/// Maps the code of an entry that was checked.
#[allow(unsafe_code, reason = "machine code cannot be loaded in a safe way")]
fn open(engine: &Engine, entry: &Entry) -> Result<Component> {
    // SAFETY: the file must be what `Engine::precompile_component` made, and must not change while it is mapped. It is in a
    // folder that only the user of this host can write to (`Cache::open` sees to it), it was written there by this
    // host, and its digest was just found to be the one that was written with it (`Entry::check`). Entries are
    // replaced by renaming, never written in place, so the mapped file stays as it is even if its entry goes.
    unsafe { Component::deserialize_file(engine, entry.code()) }
}
