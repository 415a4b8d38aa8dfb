//! Writes lines without holding up whoever has something to say: they are collected in a buffer of fixed size, and a thread of
//! its own writes them. What finds no room is lost, counted, and told as soon as something can be written again.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that may wait.
const ROOM: usize = 1 << 20;
/// How many of them are left for what matters more: warnings, and worse.
const RESERVED: usize = ROOM / 4;

/// Where lines are handed in.
#[derive(Debug, Clone)]
pub(crate) struct LineWriter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write.
    more: Condvar,
    /// All is written.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    writing: bool,
    /// Lines that were lost and not told yet.
    lost: u64,
    /// Lines that were lost since the start.
    lost_in_all: u64,
}

impl LineWriter {
    /// Begins to write to `to`; `tell` is called with the number of lines that were lost, once others can be written again.
    ///
    /// # Errors
    /// If no thread can be had.
    pub(crate) fn begin(mut to: impl Write + Send + 'static, tell: impl Fn(u64) + Send + 'static) -> io::Result<Self> {
        let writer = Self(Arc::default());
        let shared = Arc::clone(&writer.0);
        let work = move || {
            loop {
                let batch = shared.next();
                let written = to.write_all(&batch).and_then(|()| to.flush());
                let lost = shared.written(&batch, written.is_ok());
                if lost > 0 {
                    tell(lost);
                }
                shared.finished();
            }
        };
        thread::Builder::new().name("log".to_owned()).spawn(work)?;
        Ok(writer)
    }

    /// Hands in a line with its end. What `matters` has room left where other lines are lost already.
    pub(crate) fn write(&self, line: &[u8], matters: bool) {
        let mut state = self.0.lock();
        let room = if matters { ROOM } else { ROOM - RESERVED };
        if state.waiting.len() + line.len() > room {
            state.lose(1);
            return;
        }
        state.waiting.extend_from_slice(line);
        drop(state);
        self.0.more.notify_one();
    }

    /// Waits until all is written that was handed in, but not longer than this.
    pub(crate) fn flush(&self, patience: Duration) {
        let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        // Whether it was written in time or not, nothing more can be done.
        let _ = self.0.done.wait_timeout_while(self.0.lock(), patience, busy);
    }

    /// Lines that were lost since the start.
    pub(crate) fn lost_in_all(&self) -> u64 {
        self.0.lock().lost_in_all
    }
}

impl State {
    const fn lose(&mut self, lines: u64) {
        self.lost = self.lost.saturating_add(lines);
        self.lost_in_all = self.lost_in_all.saturating_add(lines);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for lines, and takes all there are.
    fn next(&self) -> Vec<u8> {
        let idle = |state: &mut State| state.waiting.is_empty();
        let mut state = self.more.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        state.writing = true;
        std::mem::take(&mut state.waiting)
    }

    /// Notes what became of a batch; the lines that are to be told as lost.
    fn written(&self, batch: &[u8], well: bool) -> u64 {
        let mut state = self.lock();
        if well {
            return std::mem::take(&mut state.lost);
        }
        // Some of it may have been written, but nobody can say which.
        state.lose(batch.iter().filter(|byte| **byte == b'\n').count() as u64);
        0
    }

    fn finished(&self) {
        self.lock().writing = false;
        self.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Something that writes only when it is let to, and says what it wrote.
    struct Gate {
        open: mpsc::Receiver<io::Result<()>>,
        wrote: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.wrote.send(bytes.to_vec()).unwrap();
            self.open.recv().unwrap_or(Ok(())).map(|()| bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Bench {
        writer: LineWriter,
        open: mpsc::Sender<io::Result<()>>,
        wrote: mpsc::Receiver<Vec<u8>>,
        told: mpsc::Receiver<u64>,
    }

    fn bench() -> Bench {
        let (open, opened) = mpsc::channel();
        let (wrote, written) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let writer = LineWriter::begin(Gate { open: opened, wrote }, move |lost| tell.send(lost).unwrap()).unwrap();
        Bench { writer, open, wrote: written, told }
    }

    #[test]
    fn a_reader_who_stands_still_holds_up_nobody_and_what_is_lost_is_told() {
        let Bench { writer, open, wrote, told } = bench();
        writer.write(b"first\n", false);
        assert_eq!(wrote.recv_timeout(PATIENCE).unwrap(), b"first\n");
        // Nothing is read any more. Writing returns all the same, and memory stays within its bound.
        let line = vec![b'x'; 1024];
        (0..2048).for_each(|_| writer.write(&line, false));
        let ordinary = writer.lost_in_all();
        assert_eq!(ordinary, 2048 - ((ROOM - RESERVED) / 1024) as u64);
        (0..2048).for_each(|_| writer.write(&line, true));
        assert_eq!(writer.lost_in_all() - ordinary, 2048 - (RESERVED / 1024) as u64);
        assert!(told.try_recv().is_err());
        open.send(Ok(())).unwrap();
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), writer.lost_in_all());
        assert_eq!(wrote.recv_timeout(PATIENCE).unwrap().len(), ROOM);
        open.send(Ok(())).unwrap();
        writer.flush(PATIENCE);
        writer.write(b"last\n", false);
        assert_eq!(wrote.recv_timeout(PATIENCE).unwrap(), b"last\n");
        assert!(told.try_recv().is_err(), "it is told once");
    }

    #[test]
    fn what_cannot_be_written_is_told_when_something_can() {
        let Bench { writer, open, wrote, told } = bench();
        writer.write(b"one\ntwo\n", false);
        wrote.recv_timeout(PATIENCE).unwrap();
        open.send(Err(io::Error::other("full"))).unwrap();
        writer.flush(PATIENCE);
        assert_eq!(writer.lost_in_all(), 2);
        writer.write(b"three\n", false);
        wrote.recv_timeout(PATIENCE).unwrap();
        open.send(Ok(())).unwrap();
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), 2);
    }

    #[test]
    fn a_flush_does_not_wait_for_ever() {
        let Bench { writer, open, wrote, .. } = bench();
        writer.write(b"x\n", false);
        writer.flush(Duration::from_millis(1));
        wrote.recv_timeout(PATIENCE).unwrap();
        open.send(Ok(())).unwrap();
        writer.flush(PATIENCE);
        let state = writer.0.lock();
        assert!(state.waiting.is_empty() && !state.writing);
    }
}
