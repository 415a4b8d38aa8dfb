//! Times messages: through the whole host to a guest, and with a raw NATS client doing the same work in native code. Everything
//! runs on one thread, so that what is measured is what one core does. Prints one JSON object.
#![allow(clippy::print_stdout, reason = "it prints its result")]

#[path = "../../host/cli/src/allocator.rs"]
mod allocator;
mod counted;
mod host;
mod ours;
mod raw;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use tokio::time::Instant;

/// Times messages.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// What is timed
    work: Work,
    /// Who does it
    #[arg(long)]
    way: Way,
    /// Whether messages are kept
    #[arg(long)]
    durable: bool,
    /// The guest that messages are delivered to
    #[arg(long)]
    listener: Option<PathBuf>,
    /// The NATS server
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    server: String,
    /// Publishers at a time
    #[arg(long, default_value_t = 64)]
    publishers: usize,
    /// Bytes of each message
    #[arg(long, default_value_t = 128)]
    size: usize,
    /// How long it may take, about
    #[arg(long, default_value_t = 1000)]
    millis: u64,
}

/// What is timed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// Messages that are published and acknowledged to their publishers
    Publish,
    /// Messages that are published, delivered and acknowledged
    Deliver,
    /// Requests, one after the other, that a plain client answers
    Request,
}

/// Who does it.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// The host, with the embedded bus
    Embedded,
    /// The host, over NATS
    Nats,
    /// A raw NATS client, which sends nothing but the data
    Raw,
    /// A raw NATS client that sends and reads the same CloudEvents as the host
    RawEvents,
}

/// Whatever goes wrong.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// That of the host.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let timing = match arguments.way {
        Way::Raw | Way::RawEvents => raw::time(&arguments).await?,
        Way::Embedded | Way::Nats => ours::time(&arguments).await?,
    };
    println!("{}", json!({ "per_second": timing.per_second(), "us": timing.us(), "cpu_us": timing.cpu_us() }));
    // What is left in the background ends with the process.
    std::process::exit(0);
}

/// How much was done, and how long it took.
pub(crate) struct Timing {
    done: u64,
    wall: Duration,
    cpu: Duration,
}

impl Timing {
    /// Has `work` done for so long. It says how much it did.
    pub(crate) async fn of(work: impl Future<Output = Result<u64, Failure>>) -> Result<Self, Failure> {
        let (begun, cpu) = (Instant::now(), cpu_time());
        let done = work.await?;
        Ok(Self { done, wall: begun.elapsed(), cpu: cpu_time() - cpu })
    }

    fn per_second(&self) -> f64 {
        self.done as f64 / self.wall.as_secs_f64()
    }

    fn us(&self) -> f64 {
        self.wall.as_secs_f64() * 1e6 / self.done as f64
    }

    /// Microseconds of this process for each, on all of its threads.
    fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.done as f64
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
