//! The task of a feed: moves messages from the server into the hands of the feed, and what they are settled with back.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Subject, jetstream};
use futures_util::StreamExt as _;
use futures_util::stream::{self, FuturesUnordered};
use patchbay_model::bus::BusError;
use patchbay_model::ports::BoxFuture;
use tokio::time::{Instant, sleep_until, timeout};

use super::super::consumer::{self, Wanted};
use super::super::deliveries::{Deliveries, Owner};
use super::super::link::Link;
use super::super::wire;
use super::Shared;
use super::hands::{Came, Held, Todo};
use super::pull::{Pull, Pulled};

/// The shortest and the longest pause after something went wrong.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Messages that are taken in before anything else is looked at.
const AT_ONCE: usize = 256;

/// Notes that are written at a time when a feed ends.
const NOTES: usize = 64;

pub(super) struct Pump {
    link: Arc<Link>,
    deliveries: Arc<Deliveries>,
    wanted: Wanted,
    shared: Arc<Shared>,
    pull: Pull,
    /// Before then nothing is asked for.
    not_before: Instant,
    pause: Duration,
    /// When messages in the hands have to be extended.
    extend_at: Instant,
    /// The newest place that ever came.
    newest: Option<u64>,
    /// Notes that are being written, each with what follows. There are no more than the window allows.
    works: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Pump {
    pub(super) async fn new(
        link: Arc<Link>,
        deliveries: Arc<Deliveries>,
        wanted: Wanted,
        shared: Arc<Shared>,
        pause: Duration,
    ) -> Result<Self, BusError> {
        let pull = Pull::open(&link).await?;
        let now = Instant::now();
        let extend_at = now + link.settings.ack_wait / 3;
        Ok(Self {
            link,
            deliveries,
            wanted,
            shared,
            pull,
            not_before: now + pause,
            pause: PAUSE,
            extend_at,
            newest: None,
            works: FuturesUnordered::new(),
        })
    }

    /// Runs until the feed ends, or the connection is closed for good.
    pub(super) async fn run(mut self) {
        let mut connections = self.link.condition.watch();
        let mut connection = connections.borrow_and_update().number;
        loop {
            self.settle().await;
            if self.shared.is_closing() {
                break;
            }
            self.ask().await;
            let wakes_at = self.wakes_at();
            tokio::select! {
                pulled = self.pull.next() => {
                    if !self.pulled(pulled).await {
                        break;
                    }
                }
                () = self.shared.changed.notified() => {}
                changed = connections.changed() => {
                    let now = *connections.borrow_and_update();
                    if changed.is_ok() && now.up && now.number != connection {
                        connection = now.number;
                        self.renew();
                    }
                }
                Some(()) = self.works.next(), if !self.works.is_empty() => {}
                () = sleep_until(wakes_at) => self.tick().await,
            }
        }
        self.end().await;
    }

    /// Carries out what was settled.
    async fn settle(&mut self) {
        let now = Instant::now();
        let (todo, woken) = {
            let mut hands = self.shared.hands();
            (hands.todo(now), hands.wake(now))
        };
        if woken {
            self.shared.arrived.notify_waiters();
        }
        for one in todo {
            match one {
                Todo::Acknowledge(held) => self.acknowledge(held).await,
                Todo::GiveBack { held, note: None, after } if self.works.is_empty() => {
                    tell(&self.link, held.reply, nak(after)).await;
                }
                Todo::GiveBack { held, note, after } => {
                    let (link, deliveries, shared) = self.parts();
                    self.works.push(Box::pin(async move {
                        match note {
                            None => deliveries.written(held.place).await,
                            Some(uncounted) => deliveries.note(&link, &shared.owner, held.place, uncounted).await,
                        }
                        tell(&link, held.reply, nak(after)).await;
                    }));
                }
                Todo::Note { place, uncounted } => self.note(place, uncounted),
            }
        }
    }

    async fn acknowledge(&mut self, held: Held) {
        let noted = held.noted != 0;
        tell(&self.link, held.reply, "+ACK".to_owned()).await;
        if noted {
            let (link, deliveries, shared) = self.parts();
            self.works.push(Box::pin(async move { deliveries.forget(&link, &shared.owner, held.place).await }));
        }
    }

    fn note(&mut self, place: u64, uncounted: i64) {
        let (link, deliveries, shared) = self.parts();
        self.works.push(Box::pin(async move { deliveries.note(&link, &shared.owner, place, uncounted).await }));
    }

    fn parts(&self) -> (Arc<Link>, Arc<Deliveries>, Arc<Shared>) {
        (Arc::clone(&self.link), Arc::clone(&self.deliveries), Arc::clone(&self.shared))
    }

    /// Asks for as many messages as there is room for.
    async fn ask(&mut self) {
        // What is asked without a connection would only pile up on its way.
        if self.pull.is_asking() || Instant::now() < self.not_before || !self.link.condition.is_up() {
            return;
        }
        let room = self.shared.hands().room();
        if room > 0 {
            self.pull.ask(&self.link, &self.shared.owner, room).await;
        }
    }

    fn wakes_at(&self) -> Instant {
        let now = Instant::now();
        let pause = (!self.pull.is_asking() && self.not_before > now).then_some(self.not_before);
        let times = [self.shared.hands().wakes_at(), self.pull.lost_at(), pause];
        times.into_iter().flatten().fold(self.extend_at, Instant::min)
    }

    async fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.extend_at {
            self.extend_at = now + self.link.settings.ack_wait / 3;
            let is_up = self.link.condition.is_up();
            let replies = if is_up { self.shared.hands().replies() } else { Vec::new() };
            for reply in replies {
                tell(&self.link, reply, "+WPI".to_owned()).await;
            }
        }
        if self.pull.lost_at().is_some_and(|lost| now >= lost) {
            tracing::debug!(consumer = self.shared.owner.consumer, "NATS gives no sign of a request for messages");
            if self.link.condition.is_up() {
                self.link.condition.failed("JetStream gives no sign of life");
            }
            self.renew();
        }
    }

    /// Asks anew. What the earlier request still brings is taken in, too: it may be more than there is room for, and is not
    /// handed out before there is.
    fn renew(&mut self) {
        self.pull.forget();
        // What is in the hands was not extended while there was no connection.
        self.extend_at = Instant::now();
    }

    /// Lets some time pass before anything is asked for again, more each time.
    fn wait(&mut self) {
        self.not_before = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Takes in what arrived, and what arrived with it. Returns whether there can be more.
    async fn pulled(&mut self, first: Pulled) -> bool {
        let mut next = Some(first);
        for _ in 0..AT_ONCE {
            match next {
                None => break,
                Some(Pulled::Message(message)) => self.take_in(message).await,
                Some(Pulled::Nothing | Pulled::Over) => self.link.condition.succeeded(),
                Some(Pulled::Wrong(text)) => {
                    tracing::debug!(consumer = self.shared.owner.consumer, text, "a request for messages ended");
                    self.wait();
                }
                Some(Pulled::Gone) => self.restore().await,
                Some(Pulled::Closed) => return false,
            }
            next = self.pull.next_now();
        }
        if let Some(Pulled::Message(message)) = next {
            self.take_in(message).await;
        }
        self.shared.arrived.notify_waiters();
        true
    }

    /// Makes the consumer again, if it is gone and not just on its way back.
    async fn restore(&mut self) {
        self.wait();
        let mut closing = self.shared.closing.subscribe();
        let made = tokio::select! {
            made = consumer::ensure(&self.link, &self.wanted, self.newest) => made,
            _ = closing.wait_for(|closing| *closing) => return,
        };
        if let Err(error) = made {
            let what = format!("the group {} gets no messages: {error}", self.shared.owner.consumer);
            self.link.condition.failed(what);
        }
    }

    async fn take_in(&mut self, message: async_nats::Message) {
        self.pause = PAUSE;
        let message = jetstream::Message { message, context: self.link.jetstream.clone() };
        let Ok(info) = message.info() else { return };
        let (place, delivered, stored) = (info.stream_sequence, info.delivered, info.published.into());
        self.newest = self.newest.max(Some(place));
        let Some(reply) = message.message.reply.clone() else { return };
        let Ok(topic) = message.subject.parse() else {
            tracing::warn!(subject = %message.subject, "a message of a stream is of no topic, and is passed over");
            return tell(&self.link, reply, "+TERM".to_owned()).await;
        };
        let read = wire::message(
            wire::Arrived {
                topic,
                reply: None,
                headers: message.headers.as_ref(),
                data: message.payload.clone(),
                time: stored,
            },
            self.link.settings.author_key.as_ref(),
            || format!("{}-{place}", self.shared.owner.stream),
        );
        // Only what was delivered before can have a note.
        let is_noted = delivered > 1 && self.shared.hands().is_new(place);
        let noted = if is_noted { self.deliveries.uncounted(&self.link, &self.shared.owner, place).await } else { 0 };
        let attempt = u32::try_from(delivered - noted).unwrap_or(1).max(1);
        let held = Held { place, reply: reply.clone(), delivered, attempt, noted, stored, message: Arc::new(read) };
        let came = self.shared.hands().came(held);
        match came {
            Came::New | Came::Again { note: None } => {}
            Came::Again { note: Some(uncounted) } => self.note(place, uncounted),
            Came::Done => tell(&self.link, reply, "+ACK".to_owned()).await,
        }
    }

    /// Gives everything back. Takes no longer than a feed may take to end.
    async fn end(self) {
        let shared = Arc::clone(&self.shared);
        // Nobody has to wait for what is given back after the connection was closed for good.
        let _ = timeout(super::ENDING, self.give_back()).await;
        shared.closing.send_replace(true);
        shared.done.send_replace(true);
        shared.arrived.notify_waiters();
    }

    /// Gives everything back, in its order and so that it is no attempt.
    async fn give_back(mut self) {
        if let Ok(empty) = Pull::open(&self.link).await {
            for message in std::mem::replace(&mut self.pull, empty).end(&self.link).await {
                self.take_in(message).await;
            }
        }
        self.settle().await;
        while self.works.next().await.is_some() {}
        let (link, deliveries, shared) = self.parts();
        let (mut left, tracked, ordered) = {
            let mut hands = shared.hands();
            (hands.empty(), hands.is_tracked(), hands.is_ordered())
        };
        if !tracked {
            let _ = consumer::delete(&link, &self.wanted.topic, &shared.owner.stream, &shared.owner.consumer).await;
            return;
        }
        let notes = left.iter().filter_map(|held| held.note_for(held.attempt).map(|note| (held.place, note)));
        stream::iter(notes)
            .for_each_concurrent(NOTES, |(place, note)| deliveries.note(&link, &shared.owner, place, note))
            .await;
        let last = left.pop();
        for held in left {
            tell(&link, held.reply, nak(Duration::ZERO)).await;
        }
        if let Some(last) = last {
            give_back_last(&link, last.reply).await;
        }
        // What was told is on its way before anybody takes over.
        if let Err(error) = link.caught_up().await {
            tracing::debug!(%error, "NATS does not hear of what is given back");
        }
        if ordered {
            close_in_order(&link, &deliveries, self.wanted.topic.as_str(), &shared.owner).await;
        }
    }
}

/// Notes that everything was given back in order, so that whoever comes next need not wait.
async fn close_in_order(link: &Link, deliveries: &Deliveries, topic: &str, owner: &Owner) {
    let info = consumer::info(link, topic, &owner.stream, &owner.consumer).await;
    if let Ok(info) = info
        && let Ok(count) = i64::try_from(info.delivered.consumer_sequence)
    {
        deliveries.close_at(link, owner, count).await;
    }
}

/// Tells the server what becomes of a message. What does not get through is made up for when the message comes again.
async fn tell(link: &Link, reply: Subject, what: String) {
    if let Err(error) = link.client.publish(reply, what.into()).await {
        tracing::debug!(%error, "NATS does not hear what became of a message");
    }
}

/// Gives a message back and waits until the server has done that, and what it was told before. It does so some time after
/// it has heard it, and whoever asks for messages meanwhile would get newer ones first.
async fn give_back_last(link: &Link, reply: Subject) {
    if let Err(error) = link.client.request(reply, nak(Duration::ZERO).into()).await {
        tracing::debug!(%error, "NATS does not confirm what was given back");
    }
}

/// What gives a message back to the server for a while.
fn nak(after: Duration) -> String {
    if after.is_zero() { "-NAK".to_owned() } else { format!("-NAK {{\"delay\": {}}}", after.as_nanos()) }
}
