//! The nouns of publish and subscribe: topics, messages, subscriptions, and what can go wrong on the bus.
//!
//! A **message** is an event as CloudEvents 1.0 describes it, on its way through a **topic**. A **subscription** has a
//! service react to the messages of some topics. The **bus** carries them; its port is [`crate::ports::Bus`].

mod attributes;
mod author;
mod binary;
mod cause;
mod delivery;
mod error;
mod message;
mod structured;
mod subscription;
mod topic;
mod topics;

pub use attributes::{AttributeError, Defaults, is_attribute_header, is_extension_name};
pub use author::AUTHOR_ATTRIBUTES;
pub use delivery::{Delivery, Patience, Verdict};
pub use error::BusError;
pub use message::{Message, Receipt};
pub use structured::{CLOUDEVENTS_JSON, is_structured};
pub use subscription::{Order, Start, StartError, SubscriptionSettings};
pub use topic::{Topic, TopicError, TopicFilter};
pub use topics::{Level, Retention, TopicSettings, Topics, TopicsError, WhenFull};
