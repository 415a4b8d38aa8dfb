//! A WASI 0.2 HTTP service that does what its path says, good or bad: the host's end-to-end tests call it to see that
//! the host keeps its word when a guest does not. `behaviour` has the list of paths.

mod answer;
mod config;
mod outgoing;
mod request;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use answer::{Answer, Kind};
use behaviour::{Behaviour, HALF_PROMISED, HALF_SENT, Line};
use wasip2::clocks::monotonic_clock;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};
use wasip2::random::random;

wasip2::http::proxy::export!(Probe);

struct Probe;

/// Calls that this instance has seen.
static CALLS: AtomicU64 = AtomicU64::new(0);

impl wasip2::exports::http::incoming_handler::Guest for Probe {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        let path = request.path_with_query().unwrap_or_default();
        let answer = Answer(outparam);
        match Behaviour::from_path(&path) {
            Behaviour::Version => answer.text(200, &config::value("version")),
            Behaviour::Config(key) => answer.text(200, &config::value(&key)),
            Behaviour::Count => answer.text(200, &calls.to_string()),
            Behaviour::Echo => echo(&request, answer),
            Behaviour::Drip { chunks, interval, size } => drip(answer, chunks, interval, size),
            Behaviour::Sleep { ms } => {
                sleep(Duration::from_millis(ms));
                answer.text(200, &format!("slept {ms} ms"));
            }
            Behaviour::Spin => spin(),
            Behaviour::Recurse => answer.text(200, &behaviour::recurse(0).to_string()),
            Behaviour::Lie { promised, sent } => lie(answer, promised, sent),
            Behaviour::Never => monotonic_clock::subscribe_instant(u64::MAX).block(),
            Behaviour::Block { ms } => {
                sleep(Duration::from_millis(ms));
                answer.text(200, &format!("blocked for {ms} ms"));
            }
            Behaviour::Fill { mib, times } => {
                behaviour::fill(mib, times);
                answer.text(200, &format!("filled {mib} MiB"));
            }
            Behaviour::Random { bytes } => {
                answer.text(200, &format!("{} random bytes", random::get_random_bytes(bytes).len()));
            }
            Behaviour::Flood { mib } => {
                behaviour::flood(mib);
                answer.text(200, &format!("printed {mib} MiB"));
            }
            Behaviour::Alloc { mib } => {
                let memory = behaviour::occupy(mib);
                answer.text(200, &format!("allocated {} MiB", memory.len() >> 20));
            }
            Behaviour::Trap => trap(),
            Behaviour::Panic => panic!("the probe was asked to panic"),
            Behaviour::Exit { code } => std::process::exit(code),
            Behaviour::Silent => drop(answer),
            Behaviour::Half => half(answer),
            Behaviour::Log(lines) => {
                print(&lines);
                answer.text(200, &format!("printed {} lines", lines.len()));
            }
            Behaviour::Headers => answer.json(&behaviour::to_json(&request::report(&request))),
            Behaviour::Outgoing(None) | Behaviour::Again(None) | Behaviour::Relay(None) | Behaviour::Abandon(None) => {
                answer.text(400, "url: expected http://HOST[:PORT]/PATH")
            }
            Behaviour::Outgoing(Some(errand)) | Behaviour::Again(Some(errand)) => {
                answer.text(200, &outgoing::request(&errand))
            }
            Behaviour::Relay(Some(errand)) => outgoing::relay(&request, &errand, answer),
            Behaviour::Abandon(Some(errand)) => {
                outgoing::begin(&errand);
                trap();
            }
            Behaviour::After { ms } => {
                answer.text(200, "answered");
                sleep(Duration::from_millis(ms));
                println!("after: done");
            }
            Behaviour::Unknown => answer.text(404, "no such behaviour"),
        }
    }
}

fn echo(request: &IncomingRequest, answer: Answer) {
    let kind = request::content_type(request).map_or(Kind::Bytes, Kind::Other);
    let mut body = answer.start(200, kind, None);
    let incoming = request.consume().expect("the body is taken once");
    let stream = incoming.stream().expect("the stream is taken once");
    // Both sides may go away; what they still want then is nothing.
    if body.forward(&stream).is_ok() {
        body.finish();
    }
}

fn drip(answer: Answer, chunks: u64, interval: u64, size: usize) {
    let mut body = answer.start(200, Kind::Text, None);
    for number in 0..chunks {
        if number > 0 {
            sleep(Duration::from_millis(interval));
        }
        if body.write(&behaviour::chunk(number, size)).is_err() {
            return;
        }
    }
    body.finish();
}

fn half(answer: Answer) {
    let mut body = answer.start(200, Kind::Bytes, Some(HALF_PROMISED));
    let _ = body.write(&[b'x'; HALF_SENT]);
    trap();
}

fn lie(answer: Answer, promised: usize, sent: usize) {
    let mut body = answer.start(200, Kind::Bytes, Some(promised));
    // The host may take none of it.
    if body.write(&vec![b'x'; sent]).is_ok() {
        body.finish();
    }
}

fn print(lines: &[Line]) {
    for line in lines {
        match line {
            Line::Out(text) => println!("{text}"),
            Line::Err(text) => eprintln!("{text}"),
            Line::Part(text) => eprint!("{text}"),
            Line::Pause(ms) => std::thread::sleep(std::time::Duration::from_millis(*ms)),
            Line::Logged { level, context, message } => config::log(level, context, message),
        }
    }
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

#[cfg(target_arch = "wasm32")]
fn trap() {
    std::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn trap() {
    std::process::abort()
}
