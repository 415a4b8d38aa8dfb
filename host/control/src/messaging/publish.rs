//! Publishing: who may, what the host fills in, and the way to the bus.

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use patchbay_channel::{Asked, Ground, decide};
use patchbay_model::bus::{AUTHOR_ATTRIBUTES, BusError, Defaults, Message, Receipt, Topic, Topics};
use patchbay_model::policy::Asker;
use patchbay_model::ports::{BoxFuture, Messaging, Publication};
use patchbay_model::{Course, ServiceName};
use tokio::time::Instant;

use super::publishing::Publishing;
use crate::control::Control;
use crate::measured::TopicTally;

/// How long an answer to a request is waited for where nobody says so.
const ANSWER: Duration = Duration::from_secs(5);

/// Publishes what instances publish.
#[derive(Debug, Default)]
pub struct ServiceMessaging(OnceLock<Weak<Control>>);

impl ServiceMessaging {
    /// Publishes on the bus of `control`. To be called once; until then there is none.
    pub fn attach(&self, control: &Arc<Control>) {
        // A second control would be a defect of the composition; the first one stays.
        let _ = self.0.set(Arc::downgrade(control));
    }

    fn control(&self) -> Result<Arc<Control>, BusError> {
        let control = self.0.get().and_then(Weak::upgrade);
        control.ok_or_else(|| BusError::Unavailable("the host is starting or stopping".to_owned()))
    }
}

impl Messaging for ServiceMessaging {
    fn publish<'a>(
        &'a self,
        publisher: &'a ServiceName,
        course: Course,
        publication: Publication,
    ) -> BoxFuture<'a, Result<Receipt, BusError>> {
        Box::pin(async move {
            let control = self.control()?;
            let mut message = control.compose(Publisher::Service(publisher), Some(&course), publication)?;
            let publishing = Publishing::begin(&control, Some(publisher), Some(&course), &mut message);
            let outcome = within(course.deadline.into(), Box::pin(control.send(message))).await;
            publishing.end(&outcome);
            outcome
        })
    }

    fn request<'a>(
        &'a self,
        publisher: &'a ServiceName,
        course: Course,
        publication: Publication,
        wanted: NonZeroUsize,
        timeout: Option<Duration>,
    ) -> BoxFuture<'a, Result<Vec<Message>, BusError>> {
        Box::pin(async move {
            let control = self.control()?;
            let mut message = control.compose(Publisher::Service(publisher), Some(&course), publication)?;
            let publishing = Publishing::begin(&control, Some(publisher), Some(&course), &mut message);
            let left = Instant::from_std(course.deadline).saturating_duration_since(Instant::now());
            let timeout = timeout.unwrap_or(ANSWER).min(left);
            let tally = control.tally_of(&message.topic);
            let answers = control.ports.bus.request(message, wanted, timeout).await;
            // One that nobody answered was published all the same.
            tally.published(matches!(answers, Ok(_) | Err(BusError::Timeout(_) | BusError::NoResponders(_))));
            publishing.end(&answers);
            answers
        })
    }
}

/// What comes of work by a deadline.
async fn within<T>(deadline: Instant, work: BoxFuture<'_, Result<T, BusError>>) -> Result<T, BusError> {
    let begun = Instant::now();
    let done = tokio::time::timeout_at(deadline, work).await;
    done.unwrap_or_else(|_| Err(BusError::Timeout(deadline.saturating_duration_since(begun))))
}

/// Who publishes.
#[derive(Debug, Clone, Copy)]
enum Publisher<'a> {
    Operator,
    Service(&'a ServiceName),
}

impl Publisher<'_> {
    /// Its CloudEvents `source`, where it names no other.
    fn source(self) -> String {
        match self {
            Self::Operator => "/operator".to_owned(),
            Self::Service(service) => format!("/services/{service}"),
        }
    }
}

impl Control {
    /// Publishes for an operator.
    ///
    /// # Errors
    /// [`BusError`] if it cannot be published.
    pub async fn publish_message(&self, publication: Publication) -> Result<Receipt, BusError> {
        let mut message = self.compose(Publisher::Operator, None, publication)?;
        let publishing = Publishing::begin(self, None, None, &mut message);
        let outcome = self.send(message).await;
        publishing.end(&outcome);
        outcome
    }

    /// Hands a message to the bus, and counts it.
    pub(crate) async fn send(&self, message: Message) -> Result<Receipt, BusError> {
        let tally = self.tally_of(&message.topic);
        let receipt = self.ports.bus.publish(message).await;
        tally.published(receipt.is_ok());
        receipt
    }

    /// Where the messages of a topic are counted.
    pub(super) fn tally_of(&self, topic: &Topic) -> Arc<TopicTally> {
        self.measured.topics.of(&self.snapshot.load().config().topics, topic)
    }

    /// What is put in for attributes that an operator leaves out: an id that no other message has among it.
    pub fn defaults_of_operator(&self) -> Defaults {
        let source = Publisher::Operator.source();
        Defaults { id: self.messaging.new_id(), source, time: self.ports.clock.now() }
    }

    /// The message that is published, with everything that CloudEvents requires.
    fn compose(
        &self,
        publisher: Publisher<'_>,
        course: Option<&Course>,
        publication: Publication,
    ) -> Result<Message, BusError> {
        let topic: Topic = publication
            .topic
            .parse()
            .map_err(|error: patchbay_model::bus::TopicError| BusError::Invalid(error.to_string()))?;
        self.may_publish(publisher, course, &topic)?;
        let source = publisher.source();
        may_be_source(publisher, publication.source.as_deref(), &source)?;
        let mut message = Message {
            id: publication.id.unwrap_or_else(|| self.messaging.new_id()),
            source: publication.source.unwrap_or(source),
            kind: publication.kind.unwrap_or_else(|| topic.to_string()),
            time: publication.time.unwrap_or_else(|| self.ports.clock.now()),
            topic,
            subject: publication.subject,
            content_type: publication.content_type,
            data_schema: publication.data_schema,
            extensions: publication.extensions,
            headers: publication.headers,
            reply_to: publication.reply_to,
            data: publication.data,
        };
        if let Some(key) = publication.key {
            message.set_key(key);
        }
        if let Some(cause) = course.and_then(|course| course.cause.as_ref()) {
            message.caused_by(cause);
        }
        if let Some(name) = AUTHOR_ATTRIBUTES.iter().find(|name| message.extension(name).is_some()) {
            return Err(BusError::Invalid(format!("`{name}` tells who published, which only the host may say")));
        }
        if let Some(user) = course.and_then(|course| course.user.as_ref()) {
            message.set_author(user);
        }
        message.check_attributes().map_err(|error| BusError::Invalid(error.to_string()))?;
        Ok(message)
    }

    /// Refuses a publisher that may not publish to a topic.
    fn may_publish(&self, publisher: Publisher<'_>, course: Option<&Course>, topic: &Topic) -> Result<(), BusError> {
        let Publisher::Service(service) = publisher else { return Ok(()) };
        let snapshot = self.snapshot.load();
        let declared = snapshot.config().topics.of(topic);
        let own = declared.filter(|(filter, _)| [Topics::DEAD_LETTERS, Topics::REPLAYS].contains(&filter.as_str()));
        if own.is_some() {
            return Err(BusError::Denied(format!("only the host publishes to `{topic}`")));
        }
        // Whoever was asked may answer, where somebody waits for it.
        let ground = match declared {
            None if !snapshot.config().strict || topic.is_inbox() => return Ok(()),
            None => Ground::Strict,
            Some((_, settings)) => {
                let user = course.and_then(|course| course.user.as_deref());
                let asker = Asker::service_for(service, user);
                decide(settings.publishers.as_deref(), snapshot.config().strict, asker, Asked::Topic)
            }
        };
        if ground.allows() {
            return Ok(());
        }
        let declared = declared.map_or_else(|| topic.to_string(), |(filter, _)| filter.to_string());
        let why = match ground {
            Ground::Strict => "the host is strict, and it has no `publishers`",
            _ => "no rule in its `publishers` fits",
        };
        Err(BusError::Denied(format!("the topic `{declared}` does not let `{service}` publish to it: {why}")))
    }
}

/// Refuses a source that says that somebody else in this host published.
fn may_be_source(publisher: Publisher<'_>, source: Option<&str>, own: &str) -> Result<(), BusError> {
    let (Publisher::Service(service), Some(source)) = (publisher, source) else { return Ok(()) };
    let rest = source.strip_prefix(own);
    let is_own = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if is_own || !(source.starts_with("/services/") || source.starts_with("/operator")) {
        return Ok(());
    }
    Err(BusError::Denied(format!("`{service}` cannot publish as `{source}`; its own source is `{own}`")))
}
