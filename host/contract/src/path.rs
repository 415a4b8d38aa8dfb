//! Where in a value, or in a type, something is: `order.lines[3].qty`.

use std::fmt;

/// One step into a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'a> {
    /// To a field, or to the payload of a case.
    Name(&'a str),
    /// To a part of a tuple.
    Position(usize),
    /// To an element of a list.
    Index(usize),
    /// To the elements of a list, whichever.
    Every,
    /// Into an option.
    Some,
}

/// The way to a place, kept on the stack of the walk that went it: it costs nothing until it is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a> {
    outer: Option<&'a Path<'a>>,
    step: Step<'a>,
    depth: usize,
}

impl<'a> Path<'a> {
    /// What a result is called at the beginning of a path.
    pub(crate) const RESULT: &'static str = "result";

    /// The way to what is called `name`: a parameter, or the result.
    pub(crate) fn root(name: &'a str) -> Self {
        Self { outer: None, step: Step::Name(name), depth: 1 }
    }

    /// One step on.
    pub(crate) fn then(&'a self, step: Step<'a>) -> Self {
        Self { outer: Some(self), step, depth: self.depth + 1 }
    }

    /// How many steps it has.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            outer.fmt(f)?;
        }
        match self.step {
            Step::Name(name) if self.outer.is_some() => write!(f, ".{name}"),
            Step::Name(name) => f.write_str(name),
            Step::Position(position) => write!(f, ".{position}"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Every => f.write_str("[]"),
            Step::Some => f.write_str("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_from_the_outside_in() {
        let order = Path::root("order");
        let lines = order.then(Step::Name("lines"));
        let line = lines.then(Step::Index(3));
        let price = line.then(Step::Some);
        let cents = price.then(Step::Position(1));
        assert_eq!(cents.to_string(), "order.lines[3]?.1");
        assert_eq!(cents.depth(), 5);
        assert_eq!(order.then(Step::Every).to_string(), "order[]");
    }
}
