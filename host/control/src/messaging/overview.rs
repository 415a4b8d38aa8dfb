//! How topics and subscriptions are, for operators.

use patchbay_model::ServiceName;
use patchbay_model::bus::{BusError, SubscriptionSettings, Topic, TopicFilter};
use patchbay_model::ports::{BusHealth, GroupInfo, TopicInfo};

use super::status::State;
use super::subscription::Running;
use crate::control::Control;

/// How a subscription is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionView {
    /// The service.
    pub service: ServiceName,
    /// The topics.
    pub filter: TopicFilter,
    /// The consumer group.
    pub group: String,
    /// How it is configured.
    pub settings: SubscriptionSettings,
    /// Whether it works.
    pub state: State,
    /// Messages of durable topics that it has not got yet.
    pub lag: u64,
    /// Messages that the service is at work on.
    pub in_flight: u64,
    /// Messages of durable topics that failed and wait to be tried again.
    pub retrying: u64,
    /// Messages that were handed to the service since the subscription began here, each attempt once.
    pub delivered: u64,
    /// Messages that were done since then.
    pub acknowledged: u64,
    /// Attempts that failed since then and were followed by another.
    pub retried: u64,
    /// Messages that became dead letters since then.
    pub buried: u64,
    /// Where its dead letters go.
    pub dead_letter: Topic,
    /// Dead letters that are there now, of this service and filter.
    pub dead_letters: u64,
}

/// What became of the messages of a subscription.
#[derive(Debug, Clone)]
pub(crate) struct SubscriptionCounts {
    pub(crate) service: ServiceName,
    pub(crate) filter: TopicFilter,
    /// Whether it takes messages.
    pub(crate) works: bool,
    pub(crate) in_flight: u64,
    pub(crate) delivered: u64,
    pub(crate) acknowledged: u64,
    pub(crate) retried: u64,
    pub(crate) buried: u64,
}

impl SubscriptionCounts {
    fn of(Running { plan, status, .. }: &Running) -> Self {
        Self {
            service: plan.service.clone(),
            filter: plan.filter.clone(),
            works: status.state() == State::Active,
            in_flight: status.in_flight(),
            delivered: status.delivered.read(),
            acknowledged: status.acknowledged.read(),
            retried: status.retried.read(),
            buried: status.buried.read(),
        }
    }
}

impl Control {
    /// The declared topics, and how they are.
    ///
    /// # Errors
    /// [`BusError`] if the bus cannot tell.
    pub async fn topics(&self) -> Result<Vec<TopicInfo>, BusError> {
        self.ports.bus.topics().await
    }

    /// The subscriptions of all services that serve.
    ///
    /// # Errors
    /// [`BusError`] if the bus cannot tell.
    pub async fn subscriptions(&self) -> Result<Vec<SubscriptionView>, BusError> {
        let groups = self.ports.bus.groups().await?;
        let dead = self.count_dead_letters().await?;
        let running: Vec<_> = self.messaging.running().values().cloned().collect();
        let dead = |running: &Running| {
            dead.get(&(running.plan.service.clone(), running.plan.filter.clone())).copied().unwrap_or_default()
        };
        Ok(running.iter().map(|running| self.view_of(running, &groups, dead(running))).collect())
    }

    fn view_of(&self, running: &Running, groups: &[GroupInfo], dead_letters: u64) -> SubscriptionView {
        let (plan, status) = (&running.plan, &running.status);
        let interests = super::interests::interests(plan, &self.snapshot.load().config().topics);
        let group = plan.settings.group(&plan.service);
        let own = groups.iter().filter(|info| {
            info.group == group
                && interests.iter().any(|own| own.topic.as_ref() == Some(&info.topic) && own.filter == info.filter)
        });
        let (mut lag, mut retrying) = (0, 0);
        for info in own {
            lag += info.lag;
            retrying += info.retrying;
        }
        SubscriptionView {
            service: plan.service.clone(),
            filter: plan.filter.clone(),
            group: group.to_owned(),
            settings: plan.settings.clone(),
            state: status.state(),
            lag,
            in_flight: status.in_flight(),
            retrying,
            delivered: status.delivered.read(),
            acknowledged: status.acknowledged.read(),
            retried: status.retried.read(),
            buried: status.buried.read(),
            dead_letter: plan.settings.dead_letter(&plan.service),
            dead_letters,
        }
    }

    /// What became of the messages of all subscriptions of this host.
    pub(crate) fn subscription_counts(&self) -> Vec<SubscriptionCounts> {
        self.messaging.running().values().map(|running| SubscriptionCounts::of(running)).collect()
    }

    /// Whether messages can go through now.
    pub fn bus_health(&self) -> BusHealth {
        self.ports.bus.health()
    }
}
