//! Text in columns, as wide as what stands in them.

use crate::screen::{HEAD, styled};

/// Rows of cells under headings. Cells may be styled.
pub(crate) struct Columns<const N: usize> {
    headings: [&'static str; N],
    rows: Vec<[String; N]>,
}

/// Spaces between two columns.
const GAP: usize = 2;

impl<const N: usize> Columns<N> {
    pub(crate) const fn new(headings: [&'static str; N]) -> Self {
        Self { headings, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// The lines, headings first, without spaces at their ends.
    pub(crate) fn lines(&self) -> Vec<String> {
        let headings = self.headings.map(|heading| styled(HEAD, heading));
        let rows: Vec<_> = std::iter::once(&headings).chain(&self.rows).collect();
        let mut widths = [0; N];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row.iter()) {
                *width = (*width).max(visible(cell));
            }
        }
        rows.iter().map(|row| line(row.as_slice(), &widths)).collect()
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    // Spaces are owed until something stands to the right of them.
    let mut owed = 0;
    for (cell, width) in cells.iter().zip(widths) {
        if !cell.is_empty() {
            line.push_str(&" ".repeat(owed));
            line.push_str(cell);
            owed = 0;
        }
        owed += width.saturating_sub(visible(cell)) + GAP;
    }
    line
}

/// How many columns of a terminal `text` takes.
fn visible(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(|piece| piece.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::GOOD;

    #[test]
    fn styles_take_no_room() {
        let mut columns = Columns::new(["NAME", "STATE", "NOTE"]);
        columns.add(["orders".to_owned(), styled(GOOD, "up"), String::new()]);
        columns.add(["a".to_owned(), String::new(), "é".to_owned()]);
        let plain: Vec<_> = columns.lines().iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(plain, ["NAME    STATE  NOTE", "orders  up", "a              é"]);
    }
}
