//! The other side: the process that compiles.

use std::fs;
use std::io::{self, Read, Write};
use std::thread;

use patchbay_model::ports::PrepareError;
use rayon::ThreadPoolBuilder;
use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};

use super::Order;
use crate::EngineConfig;
use crate::compile::NICENESS;
use crate::engines;

/// What an answer begins with.
const CODE: u8 = 0;
const MALFORMED: u8 = 1;

/// Compiles one component: the order comes from the standard input, the answer goes to the standard output. To be
/// called by a program that does nothing else.
///
/// # Errors
/// If the order is not whole, or there are no threads to be had. What is wrong with the component is an answer.
pub fn work() -> io::Result<()> {
    let mut input = io::stdin();
    let (order, length) = Order::read(&mut input)?;
    limit(&order)?;
    let mut bytes = Vec::new();
    (&mut input).take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    thread::Builder::new().spawn(move || {
        // The host writes nothing more; this returns when it is gone.
        let _ = input.read(&mut [0]);
        std::process::exit(1);
    })?;
    let threads = ThreadPoolBuilder::new().num_threads(order.threads).build().map_err(io::Error::other)?;
    let config = EngineConfig { stack: order.stack, ..EngineConfig::default() };
    let compiled = engines::for_compiling(order.wasi, order.pooled, &config)
        .and_then(|engine| threads.install(|| engine.precompile_component(&bytes)));
    let mut output = io::stdout().lock();
    match compiled {
        Ok(code) => output.write_all(&[CODE]).and_then(|()| output.write_all(&code))?,
        Err(error) => write!(output, "{}{error:#}", char::from(MALFORMED))?,
    }
    output.flush()
}

/// What the process said, as the host understands it.
pub(super) fn read_answer(mut answer: Vec<u8>) -> Result<Vec<u8>, PrepareError> {
    match answer.first() {
        Some(&CODE) => Ok(answer.split_off(1)),
        Some(_) => Err(PrepareError::Malformed(String::from_utf8_lossy(&answer.split_off(1)).into_owned())),
        None => Err(PrepareError::Host("the compiler gave no answer".to_owned())),
    }
}

/// Gives up what the order does not allow, for good.
fn limit(order: &Order) -> io::Result<()> {
    let at_most = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::Core, at_most(0))?;
    // Not address space: the engine reserves far more of that than it uses.
    setrlimit(Resource::Data, at_most(order.memory))?;
    let seconds = order.cpu_time.as_secs().max(1);
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds + 5) })?;
    // Calls come first. Where this does not work compilation is only less polite.
    let _ = setpriority_process(None, NICENESS);
    // If the machine has not enough memory even for what is allowed, this process is the one to end.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        assert_eq!(read_answer(vec![CODE, 7, 8]).unwrap(), [7, 8]);
        let error = read_answer(b"\x01unknown type".to_vec()).unwrap_err();
        assert!(matches!(error, PrepareError::Malformed(text) if text == "unknown type"));
        assert!(matches!(read_answer(Vec::new()), Err(PrepareError::Host(_))));
    }
}
