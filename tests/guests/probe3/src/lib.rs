//! A WASI 0.3 HTTP service that does what its path says, good or bad: the host's end-to-end tests call it to see that
//! the host keeps its word when a guest does not. `behaviour` has the list of paths.

mod answer;
mod config;
mod outgoing;
mod request;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use answer::Kind;
use behaviour::{Behaviour, HALF_PROMISED, HALF_SENT, Line};
use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::random::random;
use wasip3::{spawn_local, wit_future};

wasip3::http::service::export!(Probe);

struct Probe;

/// Calls that this instance has seen.
static CALLS: AtomicU64 = AtomicU64::new(0);

impl wasip3::exports::http::handler::Guest for Probe {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        let path = request.get_path_with_query().unwrap_or_default();
        Ok(match Behaviour::from_path(&path) {
            Behaviour::Version => answer::text(200, &config::value("version")),
            Behaviour::Config(key) => answer::text(200, &config::value(&key)),
            Behaviour::Count => answer::text(200, &calls.to_string()),
            Behaviour::Echo => echo(request),
            Behaviour::Drip { chunks, interval, size } => drip(chunks, interval, size),
            Behaviour::Sleep { ms } => {
                sleep(ms).await;
                answer::text(200, &format!("slept {ms} ms"))
            }
            Behaviour::Spin => spin(),
            Behaviour::Recurse => answer::text(200, &behaviour::recurse(0).to_string()),
            Behaviour::Lie { promised, sent } => lie(promised, sent),
            Behaviour::Never => {
                monotonic_clock::wait_for(u64::MAX).await;
                answer::text(200, "waited for centuries")
            }
            Behaviour::Block { ms } => {
                std::thread::sleep(Duration::from_millis(ms));
                answer::text(200, &format!("blocked for {ms} ms"))
            }
            Behaviour::Fill { mib, times } => {
                behaviour::fill(mib, times);
                answer::text(200, &format!("filled {mib} MiB"))
            }
            Behaviour::Random { bytes } => {
                answer::text(200, &format!("{} random bytes", random::get_random_bytes(bytes).len()))
            }
            Behaviour::Flood { mib } => {
                behaviour::flood(mib);
                answer::text(200, &format!("printed {mib} MiB"))
            }
            Behaviour::Alloc { mib } => {
                let memory = behaviour::occupy(mib);
                answer::text(200, &format!("allocated {} MiB", memory.len() >> 20))
            }
            Behaviour::Trap => trap(),
            Behaviour::Panic => panic!("the probe was asked to panic"),
            Behaviour::Exit { code } => std::process::exit(code),
            Behaviour::Silent => {
                return Err(ErrorCode::InternalError(Some("the probe was asked to be silent".into())));
            }
            Behaviour::Half => half(),
            Behaviour::Log(lines) => {
                print(&lines);
                answer::text(200, &format!("printed {} lines", lines.len()))
            }
            Behaviour::Headers => answer::json(&behaviour::to_json(&request::report(&request))),
            Behaviour::Outgoing(None) | Behaviour::Again(None) | Behaviour::Relay(None) | Behaviour::Abandon(None) => {
                answer::text(400, "url: expected http://HOST[:PORT]/PATH")
            }
            Behaviour::Outgoing(Some(errand)) | Behaviour::Again(Some(errand)) => {
                answer::text(200, &outgoing::request(&errand).await)
            }
            Behaviour::Relay(Some(errand)) => outgoing::relay(request, &errand).await,
            Behaviour::Abandon(Some(errand)) => {
                outgoing::begin(&errand).await;
                trap()
            }
            Behaviour::After { ms } => {
                spawn_local(async move {
                    sleep(ms).await;
                    println!("after: done");
                });
                answer::text(200, "answered")
            }
            Behaviour::Unknown => answer::text(404, "no such behaviour"),
        })
    }
}

/// The request's body becomes the response's: the bytes never enter this instance.
fn echo(request: Request) -> Response {
    let kind = request::content_type(&request).map_or(Kind::Bytes, Kind::Other);
    let (_, received) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, received);
    answer::stream(200, kind, None, body, trailers)
}

fn drip(chunks: u64, interval: u64, size: usize) -> Response {
    let (response, mut body) = answer::start(200, Kind::Text, None);
    spawn_local(async move {
        for number in 0..chunks {
            if number > 0 {
                sleep(interval).await;
            }
            if !body.write_all(behaviour::chunk(number, size)).await.is_empty() {
                return;
            }
        }
    });
    response
}

fn half() -> Response {
    let (response, mut body) = answer::start(200, Kind::Bytes, Some(HALF_PROMISED));
    spawn_local(async move {
        body.write_all(vec![b'x'; HALF_SENT]).await;
        // Taken by the host is not yet sent: give it the time, so that the caller sees a body break off.
        sleep(100).await;
        trap();
    });
    response
}

fn lie(promised: usize, sent: usize) -> Response {
    let (response, mut body) = answer::start(200, Kind::Bytes, Some(promised));
    spawn_local(async move {
        // The host may take none of it.
        let _ = body.write_all(vec![b'x'; sent]).await;
    });
    response
}

fn print(lines: &[Line]) {
    for line in lines {
        match line {
            Line::Out(text) => println!("{text}"),
            Line::Err(text) => eprintln!("{text}"),
            Line::Part(text) => eprint!("{text}"),
            Line::Pause(ms) => std::thread::sleep(Duration::from_millis(*ms)),
            Line::Logged { level, context, message } => config::log(level, context, message),
        }
    }
}

async fn sleep(ms: u64) {
    monotonic_clock::wait_for(ms.saturating_mul(1_000_000)).await;
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

#[cfg(target_arch = "wasm32")]
fn trap() -> ! {
    std::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn trap() -> ! {
    std::process::abort()
}
