//! What every adapter of the bus has to do.
//!
//! An adapter's tests implement [`Medium`]: what lies under the bus, and how to open, restart and kill a bus on it. The
//! macro [`bus_conformance`](crate::bus_conformance) makes one test of each check, and each gets an empty medium. A check
//! panics with what is not as it should be.

#![allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a check that fails ends its test")]

mod dead_letters;
mod delivery;
mod groups;
pub mod history;
mod kit;
mod limits;
mod replay;
mod requests;
mod restart;
mod schedules;
mod settlement;
mod volatile;
mod watchers;

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::bus::Topics;
use patchbay_model::ports::{BoxFuture, Bus};

pub use dead_letters::*;
pub use delivery::*;
pub use groups::*;
pub use limits::*;
pub use replay::*;
pub use requests::*;
pub use restart::*;
pub use schedules::*;
pub use settlement::*;
pub use volatile::*;
pub use watchers::*;

/// What lies under a bus: a directory, or a broker. Empty at first.
pub trait Medium: Send + Sync {
    /// Opens a bus on what earlier ones left. It takes data of 1 MiB.
    fn open(&self, topics: Topics) -> BoxFuture<'_, Arc<dyn Bus>>;

    /// Ends a bus as a crash of the host would, without [`Bus::close`], and opens another one on what it left.
    fn crash(&self, bus: Arc<dyn Bus>, topics: Topics) -> BoxFuture<'_, Arc<dyn Bus>>;

    /// Another host on the same medium; `None` where only one can use it at a time.
    fn beside(&self, _topics: Topics) -> BoxFuture<'_, Option<Arc<dyn Bus>>> {
        Box::pin(std::future::ready(None))
    }

    /// Whether a watcher of a volatile topic can be told from somebody who answers requests. Brokers cannot, where both are
    /// subscriptions.
    fn tells_watchers_apart(&self) -> bool {
        true
    }

    /// Whether a crash counts as an attempt of what the host had in its hands, which then comes when it is missed, and later
    /// than what is newer. That is so where a broker does not see hosts come and go.
    fn misses_hosts_late(&self) -> bool {
        false
    }

    /// What lies under the bus fails and comes back, while the host `bus` goes on.
    fn shake(&self, _bus: &Arc<dyn Bus>) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Lets time pass for what is stored: its age, and how long the same message is recognised.
    fn pass(&self, time: Duration) -> BoxFuture<'_, ()>;
}

/// Makes a test of every check of [`bus::conformance`](crate::bus::conformance). `$medium` is an expression for an empty
/// [`Medium`], which may await.
#[macro_export]
macro_rules! bus_conformance {
    ($medium:expr) => {
        $crate::bus_conformance! { @each $medium;
            attributes_survive, data_of_any_size_survives, durable_topics_keep_their_order,
            volatile_topics_keep_their_order, filters_choose_topics, what_is_not_declared_is_separate,
            unknown_topics_are_not_found,
            a_group_shares_its_messages, every_group_gets_every_message, a_broadcast_reaches_every_host, a_busy_feed_leaves_messages_to_others,
            windows_are_kept, groups_are_counted, a_forgotten_group_begins_anew,
            failed_messages_come_again, released_messages_are_no_attempt, pauses_do_not_hold_up_others,
            a_closed_feed_gives_back, a_dropped_feed_gives_back, volatile_messages_come_again,
            a_dropped_receive_loses_nothing,
            dead_letters_are_kept_read_and_removed,
            the_same_message_is_stored_once, a_full_topic_refuses, a_full_topic_drops_its_oldest, old_messages_go,
            groups_begin_where_they_say, new_groups_begin_at_a_time,
            several_answer_a_request, a_request_that_nobody_can_answer, a_request_that_nobody_answers,
            positions_survive_a_restart, closing_loses_nothing, crashes_lose_nothing_that_was_acknowledged,
            a_closed_bus_ends_its_feeds,
            slow_volatile_subscribers_lose_and_count,
            watchers_see_what_goes_by, watchers_read_what_is_stored,
            histories_hold,
        }
    };
    (@each $medium:expr; $($check:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let medium = $medium;
                $crate::bus::conformance::$check(&medium).await;
            }
        )*
    };
}
