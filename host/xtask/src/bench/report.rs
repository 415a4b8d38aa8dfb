//! The result of a benchmark: values, tables of them, and the goals that they are held against; in Markdown, so that it
//! can go into the documentation as it is, or as JSON.

use serde_json::{Value as Json, json};

use crate::builds::Build;

use super::machine;
use super::samples::Samples;

/// Something that was measured.
pub(super) struct Value {
    /// What, with where it belongs: `http/hello/50/native-axum/requests`.
    pub(super) name: String,
    /// The value of each round.
    pub(super) samples: Samples,
    /// Its unit.
    pub(super) unit: &'static str,
}

/// Values as people read them. The first column is text, the others are numbers.
pub(super) struct Table {
    pub(super) title: String,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// One row for each value.
    pub(super) fn of(title: &str, values: &[Value]) -> Self {
        let row = |value: &Value| {
            let samples = &value.samples;
            vec![value.name.clone(), number(samples.median()), spread(samples), value.unit.to_owned()]
        };
        let head = vec!["what", "median", "min - max", "unit"];
        Self { title: title.to_owned(), head, rows: values.iter().map(row).collect() }
    }
}

/// What a value should be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

/// A value that should be reached, and what was measured in this run.
pub(super) struct Goal {
    pub(super) what: String,
    pub(super) wanted: Wanted,
    pub(super) measured: Samples,
}

/// All that came of one benchmark.
pub(super) struct Report {
    pub(super) bench: &'static str,
    /// How it was measured, in one line.
    pub(super) how: String,
    pub(super) values: Vec<Value>,
    pub(super) tables: Vec<Table>,
    pub(super) goals: Vec<Goal>,
}

impl Report {
    /// One JSON object on one line.
    pub(super) fn print_json(&self, build: &Build) {
        let values: Vec<_> = self.values.iter().map(|value| samples(&value.name, value.unit, &value.samples)).collect();
        let goals: Vec<_> = self.goals.iter().map(Goal::json).collect();
        let machine = machine::describe();
        let report = json!({
            "bench": self.bench, "machine": machine, "build": build.described(), "how": self.how, "values": values,
            "goals": goals,
        });
        println!("{report}");
    }

    /// Tables in Markdown.
    pub(super) fn print_tables(&self, build: &Build) {
        println!("\n{}; the host by {}; {}.", machine::describe(), build.described(), self.how);
        for table in &self.tables {
            println!("\n{}\n\n{}", table.title, markdown(&table.head, &table.rows));
        }
        if !self.goals.is_empty() {
            let rows: Vec<_> = self.goals.iter().map(Goal::row).collect();
            println!("\n{}", markdown(&["goal", "wanted", "measured", "min - max", ""], &rows));
        }
    }
}

fn samples(name: &str, unit: &str, samples: &Samples) -> Json {
    let (median, min, max) = (samples.median(), samples.min(), samples.max());
    json!({ "name": name, "unit": unit, "median": median, "min": min, "max": max })
}

impl Goal {
    fn is_met(&self) -> bool {
        match self.wanted {
            Wanted::AtLeast(least) => self.measured.median() >= least,
            Wanted::AtMost(most) => self.measured.median() <= most,
        }
    }

    fn verdict(&self) -> &'static str {
        if self.is_met() { "pass" } else { "**MISS**" }
    }

    fn row(&self) -> Vec<String> {
        let wanted = match self.wanted {
            Wanted::AtLeast(least) => format!("at least {}", number(least)),
            Wanted::AtMost(most) => format!("at most {}", number(most)),
        };
        let spread = spread(&self.measured);
        vec![self.what.clone(), wanted, number(self.measured.median()), spread, self.verdict().to_owned()]
    }

    fn json(&self) -> Json {
        let mut json = samples(&self.what, "", &self.measured);
        let (key, wanted) = match self.wanted {
            Wanted::AtLeast(least) => ("at_least", least),
            Wanted::AtMost(most) => ("at_most", most),
        };
        if let Some(json) = json.as_object_mut() {
            json.insert(key.to_owned(), json!(wanted));
            json.insert("met".to_owned(), json!(self.is_met()));
        }
        json
    }
}

/// A number with three digits that matter.
pub(super) fn number(value: f64) -> String {
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

/// The least and the greatest.
pub(super) fn spread(samples: &Samples) -> String {
    format!("{} - {}", number(samples.min()), number(samples.max()))
}

fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|name| name.len())).max().unwrap_or_default()
    };
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().enumerate().map(|(column, cell)| match column {
            0 => format!("{cell:width$}", width = width(column)),
            _ => format!("{cell:>width$}", width = width(column)),
        });
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule: Vec<_> =
        (0..head.len())
            .map(|column| {
                if column == 0 { "-".repeat(width(column)) } else { format!("{:->1$}:", "", width(column).max(2) - 1) }
            })
            .collect();
    let mut lines = vec![line(head.to_vec()), line(rule.iter().map(String::as_str).collect())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let rows = [vec!["native".to_owned(), "1000".to_owned()], vec!["x".to_owned(), "2".to_owned()]];
        let expected = "| name   |  1/s |\n| ------ | ---: |\n| native | 1000 |\n| x      |    2 |";
        assert_eq!(markdown(&["name", "1/s"], &rows), expected);
    }

    #[test]
    fn a_goal_is_met_by_the_median() {
        let goal = |wanted| Goal { what: String::new(), wanted, measured: [0.3, 0.4, 0.9].into_iter().collect() };
        for (wanted, met) in [
            (Wanted::AtLeast(0.4), true),
            (Wanted::AtLeast(0.41), false),
            (Wanted::AtMost(0.4), true),
            (Wanted::AtMost(0.39), false),
        ] {
            assert_eq!(goal(wanted).is_met(), met);
        }
    }

    #[test]
    fn numbers_have_the_digits_that_matter() {
        assert_eq!([1234.5, 12.34, 0.4567].map(number), ["1234", "12.3", "0.46"]);
    }
}
