//! The result of a benchmark: rows of name, value, unit and ratio to the baseline, as a table or as JSON.

use serde_json::json;

use super::machine;

/// One measured value.
pub(super) struct Row {
    /// What was measured, with where it belongs: `http/native-axum/requests`.
    pub(super) name: String,
    /// The value.
    pub(super) value: f64,
    /// Its unit.
    pub(super) unit: &'static str,
    /// The value divided by the baseline's in the same run.
    pub(super) ratio: f64,
}

/// All values of one benchmark.
pub(super) struct Report {
    pub(super) bench: &'static str,
    pub(super) baseline: &'static str,
    pub(super) rows: Vec<Row>,
}

impl Report {
    /// One JSON object on one line.
    pub(super) fn print_json(&self) {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| json!({ "name": row.name, "value": row.value, "unit": row.unit, "ratio": row.ratio }))
            .collect();
        let machine = machine::describe();
        println!("{}", json!({ "bench": self.bench, "baseline": self.baseline, "machine": machine, "rows": rows }));
    }

    /// A table in Markdown, so that it can go into the documentation as it is.
    pub(super) fn print_table(&self) {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default().max("name".len());
        println!("\n{}\n", machine::describe());
        println!("| {:width$} | {:>12} | {:>6} | of {} |", "name", "value", "unit", self.baseline);
        let ratio_width = 3 + self.baseline.len();
        println!("| {:-<width$} | {:->11}: | {:->6} | {:-<ratio_width$} |", "", "", "", "");
        for row in &self.rows {
            println!("| {:width$} | {:>12.1} | {:>6} | {:>ratio_width$.2} |", row.name, row.value, row.unit, row.ratio);
        }
    }
}

/// The middle one of the values; of an even number, the lower middle one.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len().max(1) - 1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_measured_value() {
        for (values, expected) in [(vec![3.0], 3.0), (vec![9.0, 1.0, 5.0], 5.0), (vec![4.0, 1.0, 2.0, 3.0], 2.0)] {
            assert!((median(values) - expected).abs() < f64::EPSILON);
        }
        assert!(median(Vec::new()).is_nan());
    }
}
