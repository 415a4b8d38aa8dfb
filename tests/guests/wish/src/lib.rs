//! What the listening guests can be asked to do with a message. The data of a message say it in words, so that the guests,
//! which listen in different ways, do the same for the same message.

use std::str::SplitN;

/// What is to be done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// `{...}`, or nothing that is known here: it is done, and nothing is noted.
    Nothing,
    /// `ack`: it is done.
    Acknowledge,
    /// `retry [MS]`: it failed, and comes again, after as many milliseconds.
    Retry(Option<u64>),
    /// `until N`: it fails until it is tried for the time `N`.
    Until(u32),
    /// `reject WHY`: it can never be done.
    Reject(String),
    /// `trap`: breaks off.
    Trap,
    /// `spin`: goes on for ever.
    Spin,
    /// `sleep MS`: takes as many milliseconds, and is done.
    Sleep(u64),
    /// `persist MS TIMES`: asks as many times for as many milliseconds, each time uses half of them, and is done.
    Persist {
        /// Milliseconds.
        ms: u64,
        /// How often.
        times: u32,
    },
    /// `publish TOPIC ID DATA`: publishes another message, and is done if that was taken.
    Publish {
        /// Where.
        topic: String,
        /// Its id; none if it is `-`.
        id: Option<String>,
        /// What it carries.
        data: String,
    },
    /// `ask TOPIC WANTED MS DATA`: asks others, and is done if they answer.
    Ask {
        /// Where.
        topic: String,
        /// How many answers are enough.
        wanted: u32,
        /// Milliseconds.
        ms: u64,
        /// What it carries.
        data: String,
    },
    /// `answer DATA`: answers twice, and is done.
    Answer(String),
    /// `keep MIB`: holds messages of one mebibyte each, as many, and is done.
    Keep(u32),
    /// `forward TOPIC`: sends the same message on.
    Forward(String),
    /// `show`: notes everything that is known of the message.
    Show,
}

impl Wish {
    /// Reads the data of a message.
    pub fn read(data: &[u8]) -> Self {
        if data.first() == Some(&b'{') {
            return Self::Nothing;
        }
        let text = String::from_utf8_lossy(data);
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let number = |text: &str| text.parse().unwrap_or_default();
        match word {
            "ack" => Self::Acknowledge,
            "retry" => Self::Retry(rest.parse().ok()),
            "until" => Self::Until(number(rest) as u32),
            "reject" => Self::Reject(rest.to_owned()),
            "trap" => Self::Trap,
            "spin" => Self::Spin,
            "sleep" => Self::Sleep(number(rest)),
            "persist" => {
                let mut words = rest.splitn(2, ' ');
                Self::Persist { ms: number(&next(&mut words)), times: number(&next(&mut words)) as u32 }
            }
            "publish" => {
                let mut words = rest.splitn(3, ' ');
                let (topic, id) = (next(&mut words), next(&mut words));
                Self::Publish { topic, id: Some(id).filter(|id| id != "-"), data: next(&mut words) }
            }
            "ask" => {
                let mut words = rest.splitn(4, ' ');
                let (topic, wanted, ms) = (next(&mut words), next(&mut words), next(&mut words));
                Self::Ask { topic, wanted: number(&wanted) as u32, ms: number(&ms), data: next(&mut words) }
            }
            "answer" => Self::Answer(rest.to_owned()),
            "keep" => Self::Keep(number(rest) as u32),
            "forward" => Self::Forward(rest.to_owned()),
            "show" => Self::Show,
            _ => Self::Nothing,
        }
    }
}

fn next(words: &mut SplitN<'_, char>) -> String {
    words.next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        for (text, wish) in [
            ("{\"orderId\":1}", Wish::Nothing),
            ("what", Wish::Nothing),
            ("ack", Wish::Acknowledge),
            ("retry", Wish::Retry(None)),
            ("retry 20", Wish::Retry(Some(20))),
            ("reject it is wrong", Wish::Reject("it is wrong".to_owned())),
            ("persist 200 4", Wish::Persist { ms: 200, times: 4 }),
            (
                "publish a.b - some text",
                Wish::Publish { topic: "a.b".to_owned(), id: None, data: "some text".to_owned() },
            ),
            (
                "ask a.b 2 100 what is it",
                Wish::Ask { topic: "a.b".to_owned(), wanted: 2, ms: 100, data: "what is it".to_owned() },
            ),
        ] {
            assert_eq!(Wish::read(text.as_bytes()), wish, "{text}");
        }
    }
}
