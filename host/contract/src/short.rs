//! Texts of others inside messages: as long as people read, and no longer.

use std::fmt::{self, Display, Write};

/// Characters of a text that are shown.
const SHOWN: usize = 120;

/// `shown` as text, cut off after what people read. It is not written any further than that, however long it is.
pub(crate) fn short(shown: &(impl Display + ?Sized)) -> String {
    let mut cut = Cut { text: String::new(), left: SHOWN };
    if write!(cut, "{shown}").is_err() {
        cut.text.push('…');
    }
    cut.text
}

struct Cut {
    text: String,
    left: usize,
}

impl Write for Cut {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        for char in piece.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(char);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_cut() {
        assert_eq!(short("abc"), "abc");
        assert_eq!(short(&"ä".repeat(120)), "ä".repeat(120));
        assert_eq!(short(&"ä".repeat(121)), format!("{}…", "ä".repeat(120)));
    }
}
