//! A bus that takes every message and keeps none.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use patchbay_model::bus::{BusError, Level, Message, Receipt, TopicFilter};
use patchbay_model::ports::{
    BoxFuture, Bus, BusHealth, Feed, GroupInfo, Incoming, Interest, Settlement, Stored, TopicInfo,
};

pub(crate) struct Void;

impl Bus for Void {
    fn publish(&self, _: Message) -> BoxFuture<'_, Result<Receipt, BusError>> {
        Box::pin(async { Ok(Receipt { level: Level::Volatile, sequence: None, duplicate: false }) })
    }

    fn request(&self, message: Message, _: NonZeroUsize, _: Duration) -> BoxFuture<'_, Result<Vec<Message>, BusError>> {
        Box::pin(async move { Err(BusError::NoResponders(message.topic.to_string())) })
    }

    fn subscribe(&self, _: Interest) -> BoxFuture<'_, Result<Arc<dyn Feed>, BusError>> {
        Box::pin(async { Ok(Arc::new(Void) as Arc<dyn Feed>) })
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>, BusError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn groups(&self) -> BoxFuture<'_, Result<Vec<GroupInfo>, BusError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn forget_group<'a>(
        &'a self,
        _: &'a TopicFilter,
        _: &'a str,
        _: &'a TopicFilter,
    ) -> BoxFuture<'a, Result<(), BusError>> {
        Box::pin(async { Ok(()) })
    }

    fn read<'a>(
        &'a self,
        _: &'a TopicFilter,
        _: &'a TopicFilter,
        _: u64,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>, BusError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn remove<'a>(&'a self, _: &'a TopicFilter, _: u64) -> BoxFuture<'a, Result<(), BusError>> {
        Box::pin(async { Ok(()) })
    }

    fn health(&self) -> BusHealth {
        BusHealth::Ready
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Ends as soon as somebody listens, so that a stream of messages has an end.
impl Feed for Void {
    fn receive(&self, _: NonZeroUsize) -> BoxFuture<'_, Vec<Incoming>> {
        Box::pin(async { Vec::new() })
    }

    fn settle(&self, _: u64, _: Settlement) {}

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn dropped(&self) -> u64 {
        0
    }
}
