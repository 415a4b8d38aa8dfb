//! Whether what is seen of a secret is news: a pure function of what was seen before.

use std::sync::Arc;

use patchbay_model::Secret;

/// What one look at the place of a secret showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    Value(Arc<Secret>),
    Wrong(String),
}

/// What is to be done about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It has another value.
    Value(Arc<Secret>),
    /// It can be read again, and has the value that is known.
    Back,
    /// It has none any more, for this reason.
    Wrong(String),
}

/// What was seen of one secret.
#[derive(Debug)]
pub(super) struct Follower {
    /// The last good value.
    value: Arc<Secret>,
    /// What was last told.
    known: Look,
    before: Look,
}

impl Follower {
    pub(super) fn new(value: Arc<Secret>) -> Self {
        let known = Look::Value(Arc::clone(&value));
        Self { value, before: known.clone(), known }
    }

    /// Takes one look. It is news when the one before showed the same: a file may be half written when it is looked at.
    pub(super) fn see(&mut self, look: Look) -> Option<News> {
        let is_news = look != self.known && look == self.before;
        self.before = look.clone();
        if !is_news {
            return None;
        }
        self.known = look.clone();
        Some(match look {
            Look::Wrong(problem) => News::Wrong(problem),
            Look::Value(value) if value == self.value => News::Back,
            Look::Value(value) => {
                self.value = Arc::clone(&value);
                News::Value(value)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_when_it_was_seen_twice() {
        let value = |text: &str| Arc::new(Secret::new(text.to_owned()));
        let (good, gone) = (|text: &str| Look::Value(value(text)), || Look::Wrong("no file".to_owned()));
        let mut follower = Follower::new(value("1"));
        for (look, news) in [
            (good("1"), None),
            (good("2"), None),
            (good("2"), Some(News::Value(value("2")))),
            (good("2"), None),
            (good("half"), None),
            (good("3"), None),
            (good("3"), Some(News::Value(value("3")))),
            (gone(), None),
            (good("3"), None),
            (gone(), None),
            (gone(), Some(News::Wrong("no file".to_owned()))),
            (gone(), None),
            (good("3"), None),
            (good("3"), Some(News::Back)),
        ] {
            let shown = format!("{look:?}");
            assert_eq!(follower.see(look), news, "{shown}");
        }
    }
}
