//! What guests write to stdout, stderr and `wasi:logging`, cut into log records.
//!
//! WASI 0.2 and 0.3 see the same two streams. Nothing is allocated for a guest that writes nothing.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use patchbay_model::trace::{SpanId, TraceId};
use patchbay_model::{CallId, LogLevel, LogRecord, LogStream};
use patchbay_striped::Lent;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::at_work::Assignment;
use crate::revision::Revision;

/// The longest line, in bytes. What is beyond is dropped.
const LINE: usize = 8 << 10;
/// What follows a line that was cut.
const CUT: &str = " [cut: the line is longer than 8 KiB]";
/// The longest context of `wasi:logging`, in bytes. What is beyond is dropped.
const CONTEXT: usize = 256;
/// What a guest may write at once, in bytes.
const PERMIT: usize = 64 << 10;

/// The two streams of one instance.
pub(crate) struct Output {
    revision: Lent<Revision>,
    /// The call that the instance works on, if it is only one.
    call: Attributed,
    lines: Mutex<Lines>,
    /// Whether one of the lines has a beginning. Most calls print nothing, and need not lock anything to find that out.
    begun: AtomicBool,
}

#[derive(Default)]
struct Lines {
    out: Line,
    err: Line,
}

impl Lines {
    fn have_begun(&self) -> bool {
        !self.out.bytes.is_empty() || !self.err.bytes.is_empty()
    }
}

/// What an [`Attribution`] is kept in. Its parts are atomic only because the streams are shared with WASI; they are written and
/// read by whoever has the instance, which is one thread at a time.
#[derive(Default)]
struct Attributed {
    /// Whether there is one, and the number of the call.
    is_known: AtomicBool,
    call: AtomicU64,
    /// The two halves of the trace, and the span; nothing but zeros if there is none.
    trace: [AtomicU64; 2],
    span: AtomicU64,
}

impl Attributed {
    fn set(&self, attribution: Option<Attribution>) {
        self.is_known.store(attribution.is_some(), Ordering::Relaxed);
        let Some(Attribution { call, span }) = attribution else { return };
        self.call.store(call.number(), Ordering::Relaxed);
        let (trace, span) = span.map_or((0, 0), |(trace, span)| (trace.number(), span.number()));
        let [high, low] = &self.trace;
        high.store((trace >> 64) as u64, Ordering::Relaxed);
        low.store(trace as u64, Ordering::Relaxed);
        self.span.store(span, Ordering::Relaxed);
    }

    fn get(&self) -> Option<Attribution> {
        if !self.is_known.load(Ordering::Relaxed) {
            return None;
        }
        let [high, low] = self.trace.each_ref().map(|half| u128::from(half.load(Ordering::Relaxed)));
        let span = TraceId::new(high << 64 | low).zip(SpanId::new(self.span.load(Ordering::Relaxed)));
        Some(Attribution { call: CallId::new(self.call.load(Ordering::Relaxed)), span })
    }
}

/// Which call a line belongs to, and which span of which trace.
#[derive(Debug, Clone, Copy)]
struct Attribution {
    call: CallId,
    span: Option<(TraceId, SpanId)>,
}

/// The beginning of a line whose end has not been written yet.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    cut: bool,
}

impl Output {
    pub(crate) fn new(revision: Lent<Revision>) -> Arc<Self> {
        Arc::new(Self { revision, call: Attributed::default(), lines: Mutex::default(), begun: AtomicBool::new(false) })
    }

    /// Says which call the instance works on from now on: `None` if on no single one.
    pub(crate) fn attribute(&self, call: Option<&Assignment>) {
        self.call.set(call.map(|call| Attribution {
            call: call.begun().id,
            span: call.begun().trace.as_ref().map(|context| context.trace).zip(call.span()),
        }));
    }

    /// Says in which span of that call the instance is from now on.
    pub(crate) fn within(&self, span: Option<SpanId>) {
        if let (Some(span), Some(Attribution { call, span: Some((trace, _)) })) = (span, self.call.get()) {
            self.call.set(Some(Attribution { call, span: Some((trace, span)) }));
        }
    }

    /// The work on a call is over: records lines that have no end yet.
    pub(crate) fn end(&self) {
        self.flush();
        self.call.set(None);
    }

    /// Records lines that have no end yet.
    pub(crate) fn flush(&self) {
        if !self.begun.load(Ordering::Relaxed) {
            return;
        }
        let (mut lines, call) = (self.lock(), self.call.get());
        self.begun.store(false, Ordering::Relaxed);
        let lines = &mut *lines;
        for (stream, line) in [(LogStream::Stdout, &mut lines.out), (LogStream::Stderr, &mut lines.err)] {
            if !line.bytes.is_empty() {
                self.record(call, stream, line);
            }
        }
    }

    fn write(&self, stream: LogStream, bytes: &[u8]) {
        let (mut lines, call) = (self.lock(), self.call.get());
        let line = match stream {
            LogStream::Stdout => &mut lines.out,
            // What is logged comes whole, by a way of its own.
            LogStream::Stderr | LogStream::Logging | LogStream::Host => &mut lines.err,
        };
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(end);
            line.push(head);
            self.record(call, stream, line);
            rest = tail.get(1..).unwrap_or_default();
        }
        line.push(rest);
        self.begun.store(lines.have_begun(), Ordering::Relaxed);
    }

    /// Records a message of `wasi:logging`: each of its lines, cut like those that are printed.
    pub(crate) fn log(&self, level: LogLevel, context: &str, message: &str) {
        let call = self.call.get();
        let context = (!context.is_empty()).then(|| context.get(..floor(context, CONTEXT)).unwrap_or_default());
        let mut rest = Some(message);
        while let Some(text) = rest {
            let (text, tail) = text.split_once('\n').map_or((text, None), |(head, tail)| (head, Some(tail)));
            // The end of the last line begins no further one.
            rest = tail.filter(|tail| !tail.is_empty());
            let mut line = Line::default();
            line.push(text.as_bytes());
            if Revision::may_print(&self.revision, line.bytes.len() + context.map_or(0, str::len) + 1) {
                let record = self.entry(call, LogStream::Logging, line.finish());
                self.revision.log(LogRecord { level: Some(level), context: context.map(str::to_owned), ..record });
            }
        }
    }

    /// Records a line that is complete, or drops it if the revision prints too much.
    fn record(&self, call: Option<Attribution>, stream: LogStream, line: &mut Line) {
        if !Revision::may_print(&self.revision, line.bytes.len() + 1) {
            line.clear();
            return;
        }
        self.revision.log(self.entry(call, stream, line.finish()));
    }

    fn entry(&self, call: Option<Attribution>, stream: LogStream, line: String) -> LogRecord {
        let mut record = LogRecord::new(self.revision.now(), stream, line).of(&self.revision.id);
        if let Some(Attribution { call, span }) = call {
            record.call = Some(call.to_string());
            (record.trace, record.span) = span.map(|(trace, span)| (trace.to_string(), span.to_string())).unzip();
        }
        record
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance that goes in the middle of its work, because its caller has gone, has said what it has said.
impl Drop for Output {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The last boundary between characters of `text` that is not beyond `most` bytes.
fn floor(text: &str, most: usize) -> usize {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

impl Line {
    fn push(&mut self, bytes: &[u8]) {
        let room = LINE.saturating_sub(self.bytes.len());
        self.cut |= bytes.len() > room;
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.cut = false;
    }

    /// The line. The next one begins.
    fn finish(&mut self) -> String {
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let mut text =
            String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        if std::mem::take(&mut self.cut) {
            text.push_str(CUT);
        }
        text
    }
}

/// One of the two streams, as WASI wants it.
#[derive(Clone)]
pub(crate) struct Stream {
    output: Arc<Output>,
    stream: LogStream,
}

impl Stream {
    pub(crate) const fn new(output: Arc<Output>, stream: LogStream) -> Self {
        Self { output, stream }
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.output.write(self.stream, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.write(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_people_can_read() {
        let long = [b'x'; LINE + 1];
        for (pieces, expected) in [
            (&[&b"plain"[..]][..], "plain".to_owned()),
            (&[b"two ", b"pieces\r"], "two pieces".to_owned()),
            (&[b"n\xff", b"t text"], "n\u{fffd}t text".to_owned()),
            (&[&long[..LINE]], "x".repeat(LINE)),
            (&[&long], "x".repeat(LINE) + CUT),
            (&[&long[..LINE], b"", b"y", b"z"], "x".repeat(LINE) + CUT),
        ] {
            let mut line = Line::default();
            pieces.iter().for_each(|piece| line.push(piece));
            assert_eq!(line.finish(), expected);
            assert!(line.bytes.is_empty() && !line.cut);
        }
    }
}
