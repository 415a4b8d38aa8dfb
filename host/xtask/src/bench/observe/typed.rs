//! What was measured of typed calls, pair by pair.

use super::super::report::{Goal, Table, Value, Wanted, number, spread};
use super::super::samples::Samples;
use super::variants::Pair;

/// The rounds of one pair, in microseconds per call.
struct Rounds {
    name: &'static str,
    most_us: Option<f64>,
    without: Vec<f64>,
    with: Vec<f64>,
}

/// All of them, in the order in which they were measured.
#[derive(Default)]
pub(super) struct Typed(Vec<Rounds>);

impl Typed {
    /// Adds the two measurements of a round, in microseconds per call.
    pub(super) fn add(&mut self, pair: &Pair, without: f64, with: f64) {
        match self.0.iter_mut().find(|rounds| rounds.name == pair.what.name) {
            Some(rounds) => {
                rounds.without.push(without);
                rounds.with.push(with);
            }
            None => self.0.push(Rounds {
                name: pair.what.name,
                most_us: pair.most_call_us,
                without: vec![without],
                with: vec![with],
            }),
        }
    }

    /// Every value by its name.
    pub(super) fn values(&self) -> Vec<Value> {
        let value = |rounds: &Rounds, side, samples: Samples| Value {
            name: format!("observe/{}/{side}/call", rounds.name),
            samples,
            unit: "us",
        };
        let sides = |rounds| [value(rounds, "without", rounds.without()), value(rounds, "with", rounds.with())];
        self.0.iter().flat_map(sides).collect()
    }

    /// What each call costs, and what is added.
    pub(super) fn table(&self) -> Table {
        let row = |rounds: &Rounds| {
            let added = rounds.added();
            let medians = [rounds.without().median(), rounds.with().median(), added.median()].map(number);
            std::iter::once(rounds.name.to_owned()).chain(medians).chain([spread(&added)]).collect()
        };
        Table {
            title: "typed calls, us per call".to_owned(),
            head: vec!["what", "without", "with", "added", "min - max"],
            rows: self.0.iter().map(row).collect(),
        }
    }

    /// The goals of what was measured.
    pub(super) fn goals(&self) -> Vec<Goal> {
        let goal = |rounds: &Rounds| {
            let what = format!("{}: added to a typed call, us", rounds.name);
            Some(Goal { what, wanted: Wanted::AtMost(rounds.most_us?), measured: rounds.added() })
        };
        self.0.iter().filter_map(goal).collect()
    }
}

impl Rounds {
    fn without(&self) -> Samples {
        self.without.iter().copied().collect()
    }

    fn with(&self) -> Samples {
        self.with.iter().copied().collect()
    }

    fn added(&self) -> Samples {
        self.with().less(&self.without())
    }
}
