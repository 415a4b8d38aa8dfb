//! The result: samples over time, what each actor did, and what is wrong.

use serde_json::json;

use crate::measure::{Sample, allowed, allowed_series, differences};
use crate::scene::Tally;

/// All that a soak has seen.
pub(crate) struct Report {
    /// How long the load lasted, in seconds.
    pub(crate) seconds: u64,
    /// At rest, after the warm-up.
    pub(crate) before: Sample,
    /// At load.
    pub(crate) samples: Vec<Sample>,
    /// At rest, after the load.
    pub(crate) after: Sample,
    /// What came of all acts.
    pub(crate) tally: Tally,
}

impl Report {
    /// What is wrong; nothing, if the host has passed.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut wrong = differences(&self.before, &self.after);
        let total = self.tally.total();
        if total.failed > 0 {
            wrong.push(format!("{} of {} acts failed", total.failed, total.done + total.failed));
        }
        // A load that is none would prove nothing.
        let idle: Vec<_> =
            self.tally.actors.iter().filter(|(_, count)| count.done == 0).map(|(name, _)| *name).collect();
        if !idle.is_empty() {
            wrong.push(format!("nothing was done by: {}", idle.join(", ")));
        }
        wrong
    }

    /// One JSON object on one line.
    pub(crate) fn print_json(&self) {
        let actors: serde_json::Map<_, _> = self
            .tally
            .actors
            .iter()
            .map(|(name, count)| ((*name).to_owned(), json!({ "done": count.done, "failed": count.failed })))
            .collect();
        let report = json!({
            "soak": "host",
            "seconds": self.seconds,
            "before": self.before.json(),
            "samples": self.samples.iter().map(Sample::json).collect::<Vec<_>>(),
            "after": self.after.json(),
            "allowed_kib": allowed(&self.before, &self.after),
            "allowed_series": allowed_series(self.before.series),
            "actors": actors,
            "failures": self.tally.failures,
            "wrong": self.wrong(),
        });
        println!("{report}");
    }

    /// Tables in Markdown.
    pub(crate) fn print_table(&self) {
        println!(
            "\n|   when |    RSS | anonymous | files | threads | instances | components | series | calls |    acts | failed |"
        );
        println!(
            "| -----: | -----: | --------: | ----: | ------: | --------: | ---------: | -----: | ----: | ------: | -----: |"
        );
        print_row("before", &self.before);
        for sample in &self.samples {
            print_row(&format!("{} s", sample.at), sample);
        }
        print_row("after", &self.after);
        println!(
            "\nRSS and anonymous memory in MiB; at rest, at most {} MiB, and {} series of metrics.\n",
            allowed(&self.before, &self.after) / 1024,
            allowed_series(self.before.series)
        );
        println!("| {:22} | {:>9} | {:>6} |", "actor", "acts", "failed");
        println!("| {:-<22} | {:->8}: | {:->5}: |", "", "", "");
        for (name, count) in &self.tally.actors {
            println!("| {name:22} | {:>9} | {:>6} |", count.done, count.failed);
        }
        println!();
        for failure in &self.tally.failures {
            println!("failed: {failure}");
        }
        for wrong in self.wrong() {
            println!("wrong: {wrong}");
        }
    }
}

fn print_row(when: &str, sample: &Sample) {
    println!(
        "| {when:>6} | {:>6.1} | {:>9.1} | {:>5} | {:>7} | {:>9} | {:>10} | {:>6} | {:>5} | {:>7} | {:>6} |",
        sample.resident as f64 / 1024.0,
        sample.anonymous as f64 / 1024.0,
        sample.files,
        sample.threads,
        sample.instances,
        sample.components,
        sample.series,
        sample.calls,
        sample.done,
        sample.failed,
    );
}
