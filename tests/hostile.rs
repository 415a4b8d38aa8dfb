//! Components that were broken or made to do harm are refused in bounded time and memory, and nothing else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::support::wasm::{component, component_of, functions, index, list, module, nested, number, section, text};
use crate::support::{Host, guest, service};

/// Memory that refusing a component may add to the host, in KiB: what is read from it, of which a million types are
/// the most, and the slack of an allocator. Compiling happens elsewhere.
const SLACK: u64 = 320 << 10;

/// A host with a small budget for compiling, and one service that others must not disturb.
async fn host() -> Host {
    let mut host = Host::stopped("");
    let limits = "[engine]\ncompile_time = \"4s\"\ncompile_memory = \"384MiB\"\n";
    host.configure(&format!("{limits}{}", service("bystander", "probe", "routes = [\"/*\"]")));
    host.run().await;
    host
}

/// A value of `/proc/PID/status`, in KiB.
fn memory(host: &Host, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}

/// Calls the bystander until it is told to stop; how many calls were answered, and how long the slowest took.
struct Bystander(Arc<AtomicBool>, tokio::task::JoinHandle<(u32, Duration)>);

impl Bystander {
    fn start(host: &Host) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (client, url, stopped) = (host.client().clone(), host.url("/version"), Arc::clone(&stop));
        let calls = tokio::spawn(async move {
            let (mut n_calls, mut slowest) = (0, Duration::ZERO);
            while !stopped.load(Ordering::Relaxed) {
                let begun = Instant::now();
                assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
                slowest = slowest.max(begun.elapsed());
                n_calls += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            (n_calls, slowest)
        });
        Self(stop, calls)
    }

    async fn stop(self) -> (u32, Duration) {
        self.0.store(true, Ordering::Relaxed);
        self.1.await.unwrap()
    }
}

/// Everything that a component can have too much of.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let empty = (0, Vec::new());
    let repeat = |code: &[u8], times: usize| code.repeat(times);
    let locals = |from: u8, n: usize| -> Vec<u8> {
        (0..n)
            .flat_map(|local| [&[from][..], &number(local), &[0x1a][..if from == 0x20 { 1 } else { 0 }]].concat())
            .collect()
    };
    // A loop whose condition is local 0; what is set before and read behind passes through all of them.
    let loops = |n| repeat(b"\x03\x40\x20\x00\x0d\x00\x0b", n);
    let through = [loops(30_000), locals(0x20, 3_000)].concat();
    let doubled: Vec<_> = (0..60_u8).map(|level| [&b"\x6f\x02"[..], &[level, level]].concat()).collect();
    let doubled = [vec![b"\x6f\x02\x7d\x7d".to_vec()], doubled].concat();
    let deep = [vec![b"\x70\x7d".to_vec()], (0..5_000).map(|n| [&b"\x70"[..], &index(n)].concat()).collect()].concat();
    let memory = |pages| module(&[section(5, &list(&[[&b"\0"[..], &number(pages)].concat()]))]);
    let table = module(&[section(4, &list(&[[&b"\x70\0"[..], &number(10_000_000)].concat()]))]);
    let data = [&b"\0\x41\0\x0b"[..], &number(8 << 20), &vec![7; 8 << 20]].concat();
    let data = module(&[section(5, &list(&[b"\0\x81\x01"])), section(11, &list(&[data]))]);
    let custom = |name: &str| section(0, &text(name));
    vec![
        ("locals through loops", component_of(&functions(&[(3_000, through)]))),
        ("functions", component_of(&functions(&vec![empty.clone(); 200_000]))),
        ("too many functions", component_of(&functions(&vec![empty.clone(); 1_000_001]))),
        (
            "a huge function",
            component_of(&functions(&[(0, [vec![0x41, 0], repeat(b"\x41\x01\x6a", 2_500_000), vec![0x1a]].concat())])),
        ),
        ("too huge a function", component_of(&functions(&[(0, repeat(b"\x01", 8 << 20))]))),
        ("locals", component_of(&functions(&[(50_000, Vec::new())]))),
        ("too many locals", component_of(&functions(&[(50_001, Vec::new())]))),
        (
            "nested blocks",
            component_of(&functions(&[(0, [repeat(b"\x02\x40", 1 << 20), repeat(b"\x0b", 1 << 20)].concat())])),
        ),
        (
            "doubled instances",
            nested(40, &[section(1, &functions(std::slice::from_ref(&empty))), section(2, &list(&[b"\0\0\0"]))], true),
        ),
        ("nested components", nested(1_000, &[], false)),
        ("doubled types", component(&[section(7, &list(&doubled))])),
        ("deep types", component(&[section(7, &list(&deep))])),
        ("many types", component(&[section(7, &list(&vec![b"\x70\x7d"; 900_000]))])),
        ("too many types", component(&[section(7, &list(&vec![b"\x70\x7d"; 1_100_000]))])),
        ("modules", component(&vec![section(1, &functions(std::slice::from_ref(&empty))); 2_000])),
        ("a memory", component_of(&memory(65_536))),
        ("too large a memory", component_of(&memory(65_537))),
        ("a table", component_of(&table)),
        ("data", component_of(&data)),
        ("a flood of custom sections", component(&vec![custom("x"); 2_000_000])),
        (
            "a flood of producers",
            component(&vec![
                section(
                    0,
                    &[text("producers"), list(&[[text("sdk"), list(&[[text("a"), text("b")].concat()])].concat()])]
                        .concat()
                );
                200_000
            ]),
        ),
        (
            "a long name",
            component(&[section(11, &list(&[[&b"\0"[..], &text(&"a".repeat(4 << 20)), b"\x05\0\0"].concat()]))]),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_are_refused_in_bounded_time_and_memory() {
    let host = host().await;
    let base = memory(&host, "VmHWM");
    let mut told = String::new();
    for (name, bomb) in bombs() {
        let (size, begun) = (bomb.len() as u64, Instant::now());
        let bystander = Bystander::start(&host);
        let (status, problem) = host.deploy("bomb", bomb, json!({})).await;
        let took = begun.elapsed();
        let (n_calls, slowest) = bystander.stop().await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        let line = format!("{name}: {took:?}, {n_calls} calls, the slowest {slowest:?}, {status}: {detail:.150}");
        told.push_str(&line);
        told.push('\n');
        assert_eq!(status, 422, "{line}");
        assert!(took < Duration::from_secs(45), "{line}");
        assert!(slowest < Duration::from_secs(2), "{line}");
        // The kernel sums up what its cores count, and not all at once: the peak can seem to fall by a little.
        let grown = memory(&host, "VmHWM").saturating_sub(base);
        assert!(grown < SLACK + 4 * size / 1024, "{line}: the host grew by {grown} KiB");
    }
    println!("{told}");
    for says in ["engine.compile_time", "engine.compile_memory"] {
        assert!(told.contains(says), "nothing met `{says}`:\n{told}");
    }
    assert_eq!(host.ask("/version").await.0, 200);
    // The bombs left nothing that holds memory, and the compiler is free again.
    let settings = json!({ "config": { "version": "2" } });
    assert_eq!(host.deploy("bystander", std::fs::read(guest("hello")).unwrap(), settings).await.0, 200);
    let left = memory(&host, "VmRSS");
    assert!(left < base + SLACK, "{left} KiB are held, {base} before");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_beyond_the_limit_takes_no_memory() {
    const PIECE: usize = 1 << 20;
    let host = host().await;
    let base = memory(&host, "VmHWM");
    let piece = bytes::Bytes::from(vec![7; PIECE]);
    let pieces = futures_util::stream::iter((0..1024).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let sent = host.admin(Method::POST, "/v1/components").body(reqwest::Body::wrap_stream(pieces)).send().await;
    // The answer may be lost with the connection, which the host closes while more is on its way.
    if let Ok(reply) = sent {
        assert_eq!(reply.status(), 413);
    }
    // The kernel sums up what its cores count, and not all at once: the peak can seem to fall by a little.
    let grown = memory(&host, "VmHWM").saturating_sub(base);
    assert!(grown < 48 << 10, "the host grew by {grown} KiB");
    assert_eq!(host.ask("/version").await.0, 200);
}

/// Numbers that look random and are the same in every run (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    /// Flips one to four bits.
    fn damage(&mut self, bytes: &mut [u8]) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            bytes[at] ^= 1 << self.below(8);
        }
    }
}

#[test]
fn thousands_of_damaged_guests_are_read_to_an_end() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut n_refused = 0;
    for name in ["hello", "probe", "probe3"] {
        let whole = std::fs::read(guest(name)).unwrap();
        for _ in 0..1_000 {
            let mut bytes = whole.clone();
            chance.damage(&mut bytes);
            n_refused += u32::from(patchbay_contract::decode(&bytes).is_err());
        }
        for length in (0..whole.len()).step_by(whole.len() / 300) {
            // What ends where a section ends is whole by itself; one byte less is not.
            let is_refused = |length: usize| patchbay_contract::decode(&whole[..length]).is_err();
            assert!(is_refused(length) || is_refused(length - 1), "{name}, {length} bytes");
        }
    }
    assert!((20..3_000).contains(&n_refused), "{n_refused} of 3000 were refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_guest_is_refused_or_runs_and_the_host_stays() {
    let host = host().await;
    let whole = std::fs::read(guest("bench2")).unwrap();
    let mut chance = Chance(42);
    let bystander = Bystander::start(&host);
    let mut statuses = std::collections::BTreeMap::<u16, u32>::new();
    for number in 0..60 {
        let mut bytes = whole.clone();
        match number % 3 {
            0 => bytes.truncate(chance.below(whole.len())),
            1 => bytes = (0..chance.below(4096)).map(|_| u8::try_from(chance.below(256)).unwrap()).collect(),
            _ => chance.damage(&mut bytes),
        }
        if number % 6 == 1 {
            bytes.splice(..0, *b"\0asm\x0d\0\x01\0");
        }
        let (status, answer): (u16, Value) = host.deploy("damaged", bytes, json!({})).await;
        assert!([200, 422].contains(&status), "{status}: {answer}");
        assert!(status == 200 || answer["step"].is_string(), "{answer}");
        *statuses.entry(status).or_default() += 1;
    }
    let (n_calls, slowest) = bystander.stop().await;
    assert!(n_calls > 50 && slowest < Duration::from_secs(2), "{n_calls} calls, the slowest took {slowest:?}");
    assert!(statuses[&422] >= 40, "{statuses:?}");
}
