//! What becomes of a record on its way.

use std::io::{self, Write};
use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};

use patchbay_model::LogStream;

use super::*;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Exported(Mutex<Vec<LogRecord>>);

impl LogSink for Exported {
    fn record(&self, record: LogRecord) {
        self.0.lock().unwrap().push(record);
    }
}

fn said(target: &str, line: &str) -> LogRecord {
    let record = LogRecord::new(UNIX_EPOCH, LogStream::Host, line.to_owned());
    LogRecord { target: Some(target.to_owned()), ..record }
}

#[test]
fn secrets_are_neither_kept_nor_written_nor_exported() {
    let (written, exported) = (Kept::default(), Arc::<Exported>::default());
    let writer = LineWriter::begin(written.clone(), |_| {}).unwrap();
    let inlet = Inlet::new(Arc::new(Journal::new(8)), writer, LineFormat::Json);
    inlet.redact(Redaction::new(["x-session".to_owned()]));
    inlet.export_to(Arc::clone(&exported) as _);
    for line in ["Authorization: Bearer hunter2", "x-session: hunter2", "password=hunter2"] {
        inlet.write(said("patchbay", line));
        inlet.keep(said("patchbay", line));
        inlet.record(LogRecord::new(UNIX_EPOCH, LogStream::Stdout, line.to_owned()));
    }
    inlet.keep(said(ACCESS, "GET /?token=hunter2 200"));
    // What is said of sending is not sent: that would be said, too.
    inlet.keep(said("h2::codec", "password=hunter2"));
    inlet.keep(said("patchbay_backends::otlp", "password=hunter2"));
    inlet.writer.flush(Duration::from_secs(60));
    let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let kept: Vec<_> = inlet.logs.read(0).kept.iter().map(|entry| entry.record.line.clone()).collect();
    let exported: Vec<_> = exported.0.lock().unwrap().iter().map(|record| record.line.clone()).collect();
    assert_eq!((written.lines().count(), kept.len(), exported.len()), (3, 8, 7), "{written}{kept:?}{exported:?}");
    for line in written.lines().map(str::to_owned).chain(kept).chain(exported) {
        assert!(!line.contains("hunter2") && line.contains("[redacted]"), "{line}");
    }
}
