//! What the probing guests can be asked to do.
//!
//! `probe` (WASI 0.2) and `probe3` (WASI 0.3) must misbehave in the same ways under the same paths, so that one test
//! can drive both. The paths are read here, once; the guests only act.

mod errand;
mod query;
mod report;
mod target;

#[cfg(test)]
mod tests;

pub use errand::Errand;
pub use report::{Report, to_json};
pub use target::Target;

use query::Query;

/// One thing that a probing guest does for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// `/version`: answers the `wasi:config` value of `version`, or `none`.
    Version,
    /// `/config/KEY`: answers the `wasi:config` value of `KEY`, or `none`.
    Config(String),
    /// `/count`: answers how many calls this instance has seen, from 1, so that reuse of instances shows.
    Count,
    /// `/echo`: streams the request body back as it arrives.
    Echo,
    /// `/drip?chunks=5&interval=100&size=16`: streams chunks of `size` bytes, `interval` milliseconds apart.
    Drip {
        /// Number of chunks.
        chunks: u64,
        /// Milliseconds before every chunk but the first.
        interval: u64,
        /// Bytes in a chunk.
        size: usize,
    },
    /// `/sleep?ms=1000`: waits without using CPU time, then answers.
    Sleep {
        /// Milliseconds.
        ms: u64,
    },
    /// `/spin`: uses CPU time for ever and never calls the host.
    Spin,
    /// `/recurse`: calls itself for ever.
    Recurse,
    /// `/alloc?mib=1`: takes that much memory, writes to every page of it, and answers.
    Alloc {
        /// Mebibytes.
        mib: usize,
    },
    /// `/trap`: executes `unreachable`.
    Trap,
    /// `/panic`: panics with a message, which ends in a trap.
    Panic,
    /// `/exit?code=0`: leaves through `wasi:cli/exit`.
    Exit {
        /// The status handed to the host.
        code: i32,
    },
    /// `/silent`: returns without an answer (0.2), or with an error code (0.3).
    Silent,
    /// `/half`: promises [`HALF_PROMISED`] bytes, sends [`HALF_SENT`], then traps.
    Half,
    /// `/lie?promised=10&sent=20`: promises some bytes and sends others.
    Lie {
        /// The `content-length`.
        promised: usize,
        /// Bytes in the body.
        sent: usize,
    },
    /// `/never`: waits for something that never comes, and never answers.
    Never,
    /// `/block?ms=1000`: waits in a call of the host that lets nothing else in the instance go on, then answers.
    Block {
        /// Milliseconds.
        ms: u64,
    },
    /// `/fill?mib=16&times=10`: writes over that much memory in one instruction, so many times, and answers.
    Fill {
        /// Mebibytes.
        mib: usize,
        /// How often.
        times: u32,
    },
    /// `/random?bytes=16`: asks for that many random bytes at once, and answers how many came.
    Random {
        /// Bytes.
        bytes: u64,
    },
    /// `/flood?mib=1`: prints that much, in lines of 100 bytes, and answers.
    Flood {
        /// Mebibytes.
        mib: usize,
    },
    /// `/log?out=TEXT&err=TEXT&part=TEXT&LEVEL=CONTEXT:TEXT`: prints and logs lines, in the order of the query; LEVEL is one of
    /// `wasi:logging`. Keys may be repeated.
    Log(Vec<Line>),
    /// `/headers`: answers what arrived, as JSON.
    Headers,
    /// `/outgoing?url=URL&connect=MS&first=MS&between=MS`: requests the address, reads the reply, and answers its status
    /// and body, or the error code's text.
    Outgoing(Option<Errand>),
    /// `/relay?url=URL`: passes its own request on with POST, and the reply back, both as they arrive.
    Relay(Option<Errand>),
    /// `/again?url=URL`: sends its own path to the host of the address, and answers as `/outgoing` does.
    Again(Option<Errand>),
    /// `/abandon?url=URL`: begins to send a body of which it promises nothing, then traps.
    Abandon(Option<Errand>),
    /// `/after?ms=1000`: answers at once, keeps running that long, then prints `after: done`.
    After {
        /// Milliseconds.
        ms: u64,
    },
    /// Any other path; answered with 404.
    Unknown,
}

/// A line to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// To standard output.
    Out(String),
    /// To standard error.
    Err(String),
    /// To standard error, without its end.
    Part(String),
    /// None, but a wait before the next one, in milliseconds, in which the instance does nothing else.
    Pause(u64),
    /// Through `wasi:logging`.
    Logged {
        /// The level.
        level: String,
        /// The context.
        context: String,
        /// The message.
        message: String,
    },
}

/// The `content-length` that `/half` promises, in bytes.
pub const HALF_PROMISED: usize = 2_000;

/// What `/half` sends before it traps, in bytes.
pub const HALF_SENT: usize = 1_000;

impl Behaviour {
    /// Reads a request's path and query. A number that is missing or unreadable takes its default.
    pub fn from_path(path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let query = Query::parse(query);
        match path {
            "/version" => Self::Version,
            "/count" => Self::Count,
            "/echo" => Self::Echo,
            "/drip" => Self::Drip {
                chunks: query.number("chunks", 5),
                interval: query.number("interval", 100),
                size: query.number("size", 16),
            },
            "/sleep" => Self::Sleep { ms: query.number("ms", 1_000) },
            "/spin" => Self::Spin,
            "/recurse" => Self::Recurse,
            "/lie" => Self::Lie { promised: query.number("promised", 10), sent: query.number("sent", 20) },
            "/never" => Self::Never,
            "/block" => Self::Block { ms: query.number("ms", 1_000) },
            "/fill" => Self::Fill { mib: query.number("mib", 16), times: query.number("times", 10) },
            "/random" => Self::Random { bytes: query.number("bytes", 16) },
            "/flood" => Self::Flood { mib: query.number("mib", 1) },
            "/alloc" => Self::Alloc { mib: query.number("mib", 1) },
            "/trap" => Self::Trap,
            "/panic" => Self::Panic,
            "/exit" => Self::Exit { code: query.number("code", 0) },
            "/silent" => Self::Silent,
            "/half" => Self::Half,
            "/log" => Self::Log(lines(&query)),
            "/headers" => Self::Headers,
            "/outgoing" => Self::Outgoing(Errand::parse(&query)),
            "/relay" => Self::Relay(Errand::parse(&query)),
            "/again" => Self::Again(Errand::parse(&query).map(|errand| errand.to_path(path_and_query))),
            "/abandon" => Self::Abandon(Errand::parse(&query)),
            "/after" => Self::After { ms: query.number("ms", 1_000) },
            _ => path.strip_prefix("/config/").map_or(Self::Unknown, |key| Self::Config(key.to_owned())),
        }
    }
}

fn lines(query: &Query) -> Vec<Line> {
    query
        .pairs()
        .filter_map(|(key, value)| match key {
            "out" => Some(Line::Out(value.to_owned())),
            "err" => Some(Line::Err(value.to_owned())),
            "part" => Some(Line::Part(value.to_owned())),
            "pause" => value.parse().ok().map(Line::Pause),
            "trace" | "debug" | "info" | "warn" | "error" | "critical" => {
                let (context, message) = value.split_once(':').unwrap_or(("", value));
                let (context, message) = (context.to_owned(), message.to_owned());
                Some(Line::Logged { level: key.to_owned(), context, message })
            }
            _ => None,
        })
        .collect()
}

/// The bytes of one chunk of `/drip`: a letter by the chunk's number, and a line feed at the end.
pub fn chunk(number: u64, size: usize) -> Vec<u8> {
    let letter = b'a' + (number % 26) as u8;
    let mut bytes = vec![letter; size];
    if let Some(last) = bytes.last_mut() {
        *last = b'\n';
    }
    bytes
}

/// Takes `mib` mebibytes and writes to each of their pages, so that they are really there. Ends in a trap when that
/// is more than the host gives, or than an address can name.
pub fn occupy(mib: usize) -> Vec<u8> {
    const PAGE: usize = 4_096;
    let mut memory = vec![0_u8; mib.saturating_mul(1 << 20)];
    memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = std::hint::black_box(1));
    memory
}

/// Calls itself for ever, with nothing that could be done in a loop instead.
#[inline(never)]
pub fn recurse(depth: u64) -> u64 {
    recurse(depth.wrapping_add(1)).rotate_left(3) ^ recurse(depth.wrapping_mul(5))
}

/// Writes over `mib` mebibytes, `times` times, each time in one instruction.
pub fn fill(mib: usize, times: u32) {
    let mut memory = vec![0_u8; mib.saturating_mul(1 << 20)];
    for turn in 0..times {
        memory.fill(std::hint::black_box(turn.to_le_bytes()[0]));
        std::hint::black_box(&mut memory);
    }
}

/// Prints `mib` mebibytes in lines of 100 bytes.
pub fn flood(mib: usize) {
    let line = "x".repeat(99);
    for _ in 0..mib.saturating_mul(1 << 20) / 100 {
        println!("{line}");
    }
}
