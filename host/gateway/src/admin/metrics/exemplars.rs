//! Exemplars in the text of OpenMetrics. The library writes those that it has seen come about itself, and takes none of
//! others; so they are put behind the lines that they belong to.

use std::collections::HashMap;
use std::fmt;
use std::time::UNIX_EPOCH;

use patchbay_model::metrics::{CollectedFamily, Exemplar, Value};

use super::encode::{Format, write};

/// What belongs behind which line.
pub(super) struct Exemplars(HashMap<String, String>);

impl Exemplars {
    /// Those of a family.
    pub(super) fn of(family: &CollectedFamily) -> Result<Self, fmt::Error> {
        let mut all = HashMap::new();
        for (labels, value) in family.series() {
            let Value::Histogram(reading) = value else { continue };
            let Some(exemplar) = &reading.exemplar else { continue };
            // The line that it belongs to, found by writing this series alone: no other series has the same.
            let mut alone = String::new();
            write(*family.description(), [(labels, value)].into_iter(), Format::OpenMetrics, &mut alone)?;
            let mut buckets = alone.lines().filter(|line| line.contains("_bucket{"));
            if let Some(line) = buckets.nth(reading.bucket_of(exemplar.value)) {
                all.insert(line.to_owned(), written(exemplar));
            }
        }
        Ok(Self(all))
    }

    /// The text of the family with them.
    pub(super) fn put_into(&self, text: String) -> String {
        if self.0.is_empty() {
            return text;
        }
        let mut with = String::with_capacity(text.len() + 100 * self.0.len());
        for line in text.lines() {
            with.push_str(line);
            if let Some(exemplar) = self.0.get(line) {
                with.push_str(exemplar);
            }
            with.push('\n');
        }
        with
    }
}

fn written(exemplar: &Exemplar) -> String {
    let time = exemplar.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    format!(" # {{trace_id=\"{}\"}} {} {time}", exemplar.trace_id(), exemplar.value)
}
