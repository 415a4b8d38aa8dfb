//! The work of the host: publishing, deliveries to a guest, and requests that a plain client answers.

use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use patchbay_model::bus::{Message, Topic};
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::host::{Host, topic};
use crate::raw;
use crate::{Arguments, Failure, Timing, Work};

/// Volatile messages that may be on their way.
const AHEAD: u64 = 4096;

/// A volatile message that takes longer than this is lost.
const LOST: Duration = Duration::from_millis(500);

/// Messages that are delivered before anything is timed.
const WARM_UP: u64 = 2048;

pub(crate) async fn time(arguments: &Arguments) -> Result<Timing, Failure> {
    let host = Host::start(arguments).await?;
    match arguments.work {
        Work::Publish => publish(&host, arguments).await,
        Work::Deliver => deliver(&host, arguments).await,
        Work::Request => request(&host, arguments).await,
    }
}

/// Makes messages that differ in their ids, as those of a service do.
struct Source {
    topic: Topic,
    data: Bytes,
    next: u64,
}

impl Source {
    fn new(arguments: &Arguments, topic: Topic) -> Self {
        Self { topic, data: vec![b'x'; arguments.size].into(), next: 0 }
    }

    fn message(&mut self) -> Message {
        self.next += 1;
        Message {
            topic: self.topic.clone(),
            id: format!("{:016x}-{:x}", 7, self.next),
            source: "/services/bench".to_owned(),
            kind: "Benched".to_owned(),
            time: SystemTime::UNIX_EPOCH,
            subject: None,
            content_type: Some("application/octet-stream".to_owned()),
            data_schema: None,
            extensions: Vec::new(),
            headers: Vec::new(),
            reply_to: None,
            data: self.data.clone(),
        }
    }
}

async fn publish(host: &Host, arguments: &Arguments) -> Result<Timing, Failure> {
    let until = Instant::now() + Duration::from_millis(arguments.millis);
    let source = std::cell::RefCell::new(Source::new(arguments, topic(arguments)?));
    let publishers = (0..arguments.publishers).map(|_| async {
        let mut done = 0_u64;
        while Instant::now() < until {
            let message = source.borrow_mut().message();
            host.bus.publish(message).await?;
            done += 1;
        }
        Ok::<_, Failure>(done)
    });
    Timing::of(async { Ok(futures_util::future::try_join_all(publishers).await?.into_iter().sum()) }).await
}

async fn deliver(host: &Host, arguments: &Arguments) -> Result<Timing, Failure> {
    host.subscribed().await?;
    let mut source = Source::new(arguments, topic(arguments)?);
    flow(host, arguments, &mut source, WARM_UP, None).await?;
    let until = Instant::now() + Duration::from_millis(arguments.millis);
    Timing::of(flow(host, arguments, &mut source, u64::MAX, Some(until))).await
}

/// Publishes until so many or so late, and waits until all of them were delivered. A durable topic has several publishers
/// at a time.
async fn flow(
    host: &Host,
    arguments: &Arguments,
    source: &mut Source,
    most: u64,
    until: Option<Instant>,
) -> Result<u64, Failure> {
    let before = host.count.read();
    let mut published = 0;
    let width = if arguments.durable { arguments.publishers } else { 1 };
    while published < most && until.is_none_or(|until| Instant::now() < until) {
        if !arguments.durable && published.saturating_sub(host.count.read() - before) >= AHEAD {
            yield_now().await;
            continue;
        }
        if width == 1 {
            host.bus.publish(source.message()).await?;
        } else {
            let publishing: Vec<_> = (0..width).map(|_| host.bus.publish(source.message())).collect();
            futures_util::future::try_join_all(publishing).await?;
        }
        published += width as u64;
    }
    // Volatile messages may be lost; what does not come any more is not waited for.
    let mut seen = (host.count.read() - before, Instant::now());
    while seen.0 < published && (arguments.durable || seen.1.elapsed() < LOST) {
        yield_now().await;
        if host.count.read() - before != seen.0 {
            seen = (host.count.read() - before, Instant::now());
        }
    }
    Ok(seen.0)
}

async fn request(host: &Host, arguments: &Arguments) -> Result<Timing, Failure> {
    let asked: Topic = "bench.asked".parse()?;
    raw::answer(&arguments.server, asked.as_str()).await?;
    let mut source = Source::new(arguments, asked);
    let until = Instant::now() + Duration::from_millis(arguments.millis);
    Timing::of(async {
        let mut done = 0;
        while Instant::now() < until {
            host.bus.request(source.message(), NonZeroUsize::MIN, Duration::from_secs(5)).await?;
            done += 1;
        }
        Ok(done)
    })
    .await
}
