//! What the server does not let this host do. It says so on its own account, some time after, and not as an answer to what
//! was asked.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Denials that are remembered.
const MOST: usize = 64;

/// For how long one is remembered. Permissions can change while the connection stays.
const REMEMBERED: Duration = Duration::from_secs(30);

/// Denials of late.
#[derive(Default)]
pub(super) struct Denials {
    noted: Mutex<VecDeque<Denial>>,
    more: Notify,
}

struct Denial {
    at: Instant,
    subject: String,
    publish: bool,
    text: String,
}

impl Denials {
    /// Notes an error of the server, if it is a denial.
    pub(super) fn note(&self, error: &str) {
        let Some((subject, publish)) = denied(error) else { return };
        let denial = Denial { at: Instant::now(), subject: subject.to_owned(), publish, text: error.to_owned() };
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.retain(|earlier| earlier.subject != denial.subject || earlier.publish != publish);
        noted.push_back(denial);
        if noted.len() > MOST {
            noted.pop_front();
        }
        drop(noted);
        self.more.notify_waiters();
    }

    /// Forgets all: another connection may have other permissions.
    pub(super) fn clear(&self) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What the server said when this host last wanted to publish to a subject, if it did not let it.
    pub(super) fn of_publishing(&self, subject: &str) -> Option<String> {
        self.find(|denial| denial.publish && denial.subject == subject)
    }

    /// Waits until the server does not let this host publish to a subject.
    pub(super) async fn publishing(&self, subject: &str) -> String {
        loop {
            let more = self.more.notified();
            if let Some(text) = self.of_publishing(subject) {
                return text;
            }
            more.await;
        }
    }

    /// The newest one.
    pub(super) fn recent(&self) -> Option<String> {
        self.find(|_| true)
    }

    fn find(&self, wanted: impl Fn(&Denial) -> bool) -> Option<String> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.is_empty() {
            return None;
        }
        noted.retain(|denial| denial.at.elapsed() < REMEMBERED);
        noted.iter().rev().find(|denial| wanted(denial)).map(|denial| denial.text.clone())
    }
}

/// The subject that an error of the server is about, and whether it was published to, if it is a denial.
fn denied(error: &str) -> Option<(&str, bool)> {
    let lower = error.to_ascii_lowercase();
    let publish = match (lower.contains("permissions violation for publish"), lower.contains("for subscription")) {
        (true, _) => true,
        (false, true) => false,
        (false, false) => return None,
    };
    let subject = error.split('"').nth(1)?;
    Some((subject, publish))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn denials_are_remembered_for_a_while() {
        let denials = Denials::default();
        denials.note("Authorization Violation");
        denials.note(r#"Permissions Violation for Subscription to "b""#);
        assert_eq!(denials.of_publishing("b"), None);
        denials.note(r#"ServerError(Permissions Violation for Publish to "a.b")"#);
        assert!(denials.of_publishing("a.b").unwrap().contains("a.b"));
        assert!(denials.publishing("a.b").await.contains("Publish"));
        assert_eq!(denials.of_publishing("a"), None);
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(denials.recent(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn they_are_bounded() {
        let denials = Denials::default();
        for number in 0..MOST + 10 {
            denials.note(&format!(r#"Permissions Violation for Publish to "t.{number}""#));
        }
        assert_eq!(denials.noted.lock().unwrap().len(), MOST);
        denials.clear();
        assert_eq!(denials.recent(), None);
    }
}
