//! The command line as shells tell it, and as words.

use crate::args::Shell;

/// A command line up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The words before the one at the cursor; the first is the program.
    pub(crate) before: Vec<String>,
    /// The word at the cursor, as far as it is written; empty for a new one.
    pub(crate) current: String,
    /// Whether that word stands in quotes which are still open.
    pub(crate) in_quotes: bool,
    /// How many bytes of that word the shell takes for something before it, and leaves as they are.
    pub(crate) left: usize,
}

impl Line {
    /// The line as the script of this shell tells it; `None` if it tells none.
    pub(crate) fn told(shell: Shell, told: &[String]) -> Option<Self> {
        match (shell, told) {
            (Shell::Bash, [replaced, text]) => Some(Self::of_bash(replaced, text)),
            (Shell::Bash, _) => None,
            (Shell::Zsh | Shell::Fish, [before @ .., current]) if !before.is_empty() => {
                let mut word = Words::of(current).into_words();
                let current = word.pop().unwrap_or_default();
                Some(Self { before: before.to_vec(), current, in_quotes: false, left: 0 })
            }
            (Shell::Zsh | Shell::Fish, _) => None,
        }
    }

    /// To bash a word ends at each of `:`, `@` and `=`, too. It says what it is going to replace, which is the end of what
    /// we take for one word.
    fn of_bash(replaced: &str, text: &str) -> Self {
        let words = Words::of(text);
        let in_quotes = words.quote.is_some();
        let mut before = words.into_words();
        let current = before.pop().unwrap_or_default();
        let replaced = Words::of(replaced).into_words().pop().unwrap_or_default();
        let left = current.strip_suffix(replaced.as_str()).map_or(0, str::len);
        Self { before, current, in_quotes, left }
    }
}

/// A text on its way to being words.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    word: String,
    quote: Option<char>,
}

impl Words {
    /// Reads a text as shells do: words end at spaces, except within quotes and after a backslash.
    fn of(text: &str) -> Self {
        let mut words = Self::default();
        let mut began = false;
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match (letter, words.quote) {
                (letter, Some(quote)) if letter == quote => words.quote = None,
                ('\\', None | Some('"')) => words.word.extend(letters.next()),
                (letter, Some(_)) => words.word.push(letter),
                ('\'' | '"', None) => words.quote = Some(letter),
                (letter, None) if letter.is_whitespace() => {
                    if began {
                        words.done.push(std::mem::take(&mut words.word));
                    }
                    began = false;
                    continue;
                }
                (letter, None) => words.word.push(letter),
            }
            began = true;
        }
        words
    }

    /// The words; the last one is where the text ends, and may be empty.
    fn into_words(mut self) -> Vec<String> {
        self.done.push(self.word);
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_leaves_what_stands_before_its_breaks() {
        for (replaced, text, before, current, left) in [
            ("", "patchbay ", &["patchbay"][..], "", 0),
            ("or", "patchbay inspect or", &["patchbay", "inspect"], "or", 0),
            ("", "patchbay inspect orders@", &["patchbay", "inspect"], "orders@", 7),
            ("inventory/st", "p call a shop:inventory/st", &["p", "call", "a"], "shop:inventory/st", 5),
            ("shop:inv", "p call a 'shop:inv", &["p", "call", "a"], "shop:inv", 0),
            ("", "p ps --state=/a\\ b  --set memory=", &["p", "ps", "--state=/a b", "--set"], "memory=", 7),
            ("my\\ f", "p --ca my\\ f", &["p", "--ca"], "my f", 0),
            ("", "p '' \"a b\" ", &["p", "", "a b"], "", 0),
        ] {
            let line = Line::told(Shell::Bash, &[replaced.to_owned(), text.to_owned()]).unwrap();
            assert_eq!((line.current.as_str(), line.left), (current, left), "{text}");
            assert_eq!(line.before, before, "{text}");
            assert_eq!(line.in_quotes, text.contains("'shop"), "{text}");
        }
    }

    #[test]
    fn other_shells_tell_words() {
        let told = |words: &[&str]| Line::told(Shell::Fish, &words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let line = told(&["patchbay", "--state", "a b", "'shop:inv"]).unwrap();
        assert_eq!((line.current.as_str(), line.left), ("shop:inv", 0));
        assert_eq!(line.before, ["patchbay", "--state", "a b"]);
        assert_eq!(told(&["patchbay"]), None);
        assert_eq!(told(&[]), None);
    }
}
