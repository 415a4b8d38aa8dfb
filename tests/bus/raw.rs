//! The same work with a raw NATS client, in native code.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, consumer::pull, stream};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::{Arguments, Failure, Timing, Way, Work};

/// Where volatile messages are published, and where durable ones are.
const SUBJECT: &str = "bench.raw.volatile";
const STORED: &str = "bench.raw.durable";
const STREAM: &str = "bench-raw";

/// Volatile messages that may be on their way.
const AHEAD: u64 = 4096;

/// The pause before something is tried again that the server may not be ready for.
const SETTLE: Duration = Duration::from_millis(5);

/// A volatile message that takes longer than this is lost.
const LOST: Duration = Duration::from_millis(500);

pub(crate) async fn time(arguments: &Arguments) -> Result<Timing, Failure> {
    let client = async_nats::connect(&arguments.server).await?;
    let until = Instant::now() + Duration::from_millis(arguments.millis);
    match (arguments.work, arguments.durable) {
        (Work::Publish, true) => publish_durable(client, arguments, until).await,
        (Work::Publish, false) => publish(client, arguments, until).await,
        (Work::Deliver, true) => deliver_durable(client, arguments, until).await,
        (Work::Deliver, false) => deliver(client, arguments).await,
        (Work::Request, _) => request(client, arguments).await,
    }
}

/// Makes what is sent.
#[derive(Clone)]
struct Source {
    data: Bytes,
    /// Whether each message is a CloudEvent in the binary mode, like those of the host.
    events: bool,
    next: Arc<AtomicU64>,
}

impl Source {
    fn new(arguments: &Arguments) -> Self {
        let events = arguments.way == Way::RawEvents;
        Self { data: vec![b'x'; arguments.size].into(), events, next: Arc::default() }
    }

    /// The headers of the next message, if it has some. Ids differ, as those of the host do.
    fn headers(&self) -> Option<HeaderMap> {
        if !self.events {
            return None;
        }
        let id = format!("{:016x}-{:x}", 7, self.next.fetch_add(1, Ordering::Relaxed));
        let mut headers = HeaderMap::new();
        headers.append("ce-specversion", "1.0");
        headers.append("ce-id", id.as_str());
        headers.append("ce-source", "/services/bench");
        headers.append("ce-type", "Benched");
        headers.append("ce-time", "1970-01-01T00:00:00Z");
        headers.append("content-type", "application/octet-stream");
        Some(headers)
    }

    /// The same for a message that is stored, and recognised by its id.
    fn stored_headers(&self) -> HeaderMap {
        let mut headers = self.headers().unwrap_or_default();
        let id = headers.get("ce-id").map(|id| format!("/services/bench {id}"));
        if let Some(id) = id {
            headers.insert("Nats-Msg-Id", id.as_str());
        }
        headers
    }

    async fn publish(&self, client: &async_nats::Client) -> Result<(), Failure> {
        match self.headers() {
            None => client.publish(SUBJECT, self.data.clone()).await?,
            Some(headers) => client.publish_with_headers(SUBJECT, headers, self.data.clone()).await?,
        }
        Ok(())
    }

    async fn store(&self, context: &jetstream::Context) -> Result<(), Failure> {
        let data = self.data.clone();
        let stored = if self.events {
            context.publish_with_headers(STORED, self.stored_headers(), data).await?
        } else {
            context.publish(STORED, data).await?
        };
        stored.await?;
        Ok(())
    }
}

/// Reads a message as whoever handles it would: an event with its attributes.
fn read(message: &async_nats::Message) {
    std::hint::black_box(message.payload.first());
    let Some(headers) = &message.headers else { return };
    for name in ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "content-type"] {
        std::hint::black_box(headers.get(name).map(|value| value.as_str().to_owned()));
    }
}

/// A client hands messages to its connection; the last flush says that the server has them all.
async fn publish(client: async_nats::Client, arguments: &Arguments, until: Instant) -> Result<Timing, Failure> {
    let source = Source::new(arguments);
    Timing::of(async {
        let mut done = 0;
        while Instant::now() < until {
            for _ in 0..256 {
                source.publish(&client).await?;
            }
            done += 256;
        }
        client.flush().await?;
        Ok(done)
    })
    .await
}

async fn stream(client: &async_nats::Client) -> Result<(jetstream::Context, stream::Stream), Failure> {
    let context = jetstream::new(client.clone());
    let _ = context.delete_stream(STREAM).await;
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec![STORED.to_owned()],
        storage: stream::StorageType::File,
        ..stream::Config::default()
    };
    let stream = context.create_stream(config).await?;
    Ok((context, stream))
}

async fn publish_durable(client: async_nats::Client, arguments: &Arguments, until: Instant) -> Result<Timing, Failure> {
    let (context, _) = stream(&client).await?;
    let source = Source::new(arguments);
    let publishers = (0..arguments.publishers).map(|_| async {
        let mut done = 0;
        while Instant::now() < until {
            source.store(&context).await?;
            done += 1;
        }
        Ok::<_, Failure>(done)
    });
    Timing::of(async { Ok(futures_util::future::try_join_all(publishers).await?.into_iter().sum()) }).await
}

async fn deliver(client: async_nats::Client, arguments: &Arguments) -> Result<Timing, Failure> {
    let consumer = async_nats::connect(&arguments.server).await?;
    let mut messages = consumer.queue_subscribe(SUBJECT, "group".to_owned()).await?;
    consumer.flush().await?;
    let taken = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&taken);
    let consuming = tokio::spawn(async move {
        while let Some(message) = messages.next().await {
            read(&message);
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let source = Source::new(arguments);
    // A flush says that the server was told of the subscription, and not that it knows: so that none is lost, the first one
    // is published until it comes.
    while taken.load(Ordering::Relaxed) == 0 {
        source.publish(&client).await?;
        tokio::time::sleep(SETTLE).await;
    }
    taken.store(0, Ordering::Relaxed);
    let until = Instant::now() + Duration::from_millis(arguments.millis);
    let timing = Timing::of(async {
        let mut published = 0_u64;
        while Instant::now() < until {
            if published.saturating_sub(taken.load(Ordering::Relaxed)) >= AHEAD {
                tokio::task::yield_now().await;
                continue;
            }
            source.publish(&client).await?;
            published += 1;
        }
        client.flush().await?;
        // Volatile messages may be lost; what does not come any more is not waited for.
        let mut seen = (taken.load(Ordering::Relaxed), Instant::now());
        while seen.0 < published && seen.1.elapsed() < LOST {
            tokio::task::yield_now().await;
            if taken.load(Ordering::Relaxed) != seen.0 {
                seen = (taken.load(Ordering::Relaxed), Instant::now());
            }
        }
        Ok(seen.0)
    })
    .await;
    consuming.abort();
    timing
}

async fn deliver_durable(client: async_nats::Client, arguments: &Arguments, until: Instant) -> Result<Timing, Failure> {
    let (context, stream) = stream(&client).await?;
    let config =
        pull::Config { durable_name: Some("group".to_owned()), max_ack_pending: 1024, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await?;
    let mut messages = consumer.stream().max_messages_per_batch(256).messages().await?;
    let taken = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&taken);
    let consuming = tokio::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            read(&message);
            if message.ack().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let source = Source::new(arguments);
    let publishers = (0..arguments.publishers).map(|_| async {
        let mut done = 0;
        while Instant::now() < until {
            source.store(&context).await?;
            done += 1;
        }
        Ok::<_, Failure>(done)
    });
    let timing = Timing::of(async {
        let published: u64 = futures_util::future::try_join_all(publishers).await?.into_iter().sum();
        while taken.load(Ordering::Relaxed) < published {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(published)
    })
    .await;
    consuming.abort();
    timing
}

/// Has a plain client answer requests to a subject.
pub(crate) async fn answer(server: &str, subject: &str) -> Result<(), Failure> {
    let client = async_nats::connect(server).await?;
    let mut requests = client.subscribe(subject.to_owned()).await?;
    client.flush().await?;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(reply) = request.reply {
                let _ = client.publish(reply, request.payload).await;
            }
        }
    });
    // Until the server knows of the subscription, nobody answers.
    let asking = async_nats::connect(server).await?;
    while asking.request(subject.to_owned(), Bytes::new()).await.is_err() {
        tokio::time::sleep(SETTLE).await;
    }
    Ok(())
}

async fn request(client: async_nats::Client, arguments: &Arguments) -> Result<Timing, Failure> {
    answer(&arguments.server, SUBJECT).await?;
    let source = Source::new(arguments);
    let until = Instant::now() + Duration::from_millis(arguments.millis);
    Timing::of(async {
        let mut done = 0;
        while Instant::now() < until {
            let answer = match source.headers() {
                None => client.request(SUBJECT, source.data.clone()).await?,
                Some(headers) => client.request_with_headers(SUBJECT, headers, source.data.clone()).await?,
            };
            read(&answer);
            done += 1;
        }
        Ok(done)
    })
    .await
}
