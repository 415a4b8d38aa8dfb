//! The port as the embedded bus implements it.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use patchbay_model::bus::{BusError, Message, Receipt, TopicFilter, TopicSettings};
use patchbay_model::ports::{BoxFuture, Bus, BusHealth, Feed, GroupInfo, Interest, Stored, TopicInfo};
use tokio::sync::oneshot;

use super::writer::{Errand, gone};
use super::{EmbeddedBus, blocking};

impl Bus for EmbeddedBus {
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<Receipt, BusError>> {
        Box::pin(self.publish_message(message))
    }

    fn request(
        &self,
        message: Message,
        wanted: NonZeroUsize,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<Message>, BusError>> {
        Box::pin(self.ask(message, wanted, timeout))
    }

    fn subscribe(&self, interest: Interest) -> BoxFuture<'_, Result<Arc<dyn Feed>, BusError>> {
        Box::pin(self.join(interest))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>, BusError>> {
        let info = |(topic, settings): (&TopicFilter, &TopicSettings)| match self.durable(topic) {
            Ok(durable) => durable.info(),
            Err(_) => TopicInfo { topic: topic.clone(), settings: settings.clone(), stored: None, drift: Vec::new() },
        };
        Box::pin(async move { Ok(self.places.topics().iter().map(info).collect()) })
    }

    fn groups(&self) -> BoxFuture<'_, Result<Vec<GroupInfo>, BusError>> {
        Box::pin(async move { Ok(self.places.all_durable().iter().flat_map(|topic| topic.group_infos()).collect()) })
    }

    fn forget_group<'a>(
        &'a self,
        topic: &'a TopicFilter,
        group: &'a str,
        filter: &'a TopicFilter,
    ) -> BoxFuture<'a, Result<(), BusError>> {
        Box::pin(async move {
            let topic = Arc::clone(self.durable(topic)?);
            let (group, filter) = (group.to_owned(), filter.clone());
            blocking(move || topic.forget_group(&group, &filter)).await
        })
    }

    fn read<'a>(
        &'a self,
        topic: &'a TopicFilter,
        filter: &'a TopicFilter,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>, BusError>> {
        Box::pin(async move {
            let (topic, filter) = (Arc::clone(self.durable(topic)?), filter.clone());
            blocking(move || topic.list(&filter, from, limit)).await
        })
    }

    fn remove<'a>(&'a self, topic: &'a TopicFilter, sequence: u64) -> BoxFuture<'a, Result<(), BusError>> {
        Box::pin(async move {
            let topic = Arc::clone(self.durable(topic)?);
            let (answer, answered) = oneshot::channel();
            self.writer.leave(Errand::Remove(topic, sequence, answer)).await?;
            answered.await.unwrap_or_else(|_| Err(gone()))
        })
    }

    fn health(&self) -> BusHealth {
        if self.is_closed.load(Ordering::Acquire) {
            return BusHealth::Impaired("the bus is closed".to_owned());
        }
        let trouble = self.places.all_durable().iter().find_map(|topic| topic.trouble());
        trouble.map_or(BusHealth::Ready, BusHealth::Impaired)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.end())
    }
}
