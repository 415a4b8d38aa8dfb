//! Canaries and mirrors as lines for people.

use patchbay_model::{ServiceName, units};

use crate::brief;
use crate::client::view::{Answer, Canary, CanaryStatus, Mirror, Numbers};
use crate::columns::Columns;
use crate::screen::{BAD, DIM, GOOD, NAME, WARN, harmless, styled};

/// The canary of a service, and how the last one ended.
pub(super) fn page(status: &CanaryStatus, service: &ServiceName) -> Vec<String> {
    let mut lines = match &status.canary {
        Some(canary) => under_way(canary),
        None => vec![format!("No canary of {} is under way.", styled(NAME, service))],
    };
    if let Some(last) = &status.last {
        let what = if last.promoted { styled(GOOD, "promoted") } else { styled(BAD, "ended") };
        lines.push(format!("The last one was {what}: {}", harmless(&last.message)));
    }
    lines
}

fn under_way(canary: &Canary) -> Vec<String> {
    let duration = units::format_duration;
    let mut lines = vec![format!(
        "{}  step {} of {}: {}",
        styled(NAME, &canary.revision),
        canary.step,
        canary.steps,
        canary.gets()
    )];
    let phase = match canary.phase.as_str() {
        "waiting" => styled(WARN, "waits for you"),
        "prolonged" => styled(WARN, "waits for more calls"),
        "halted" => styled(BAD, "gets no calls any more"),
        _ => styled(GOOD, "bakes"),
    };
    let (baked, bake) = (duration(canary.baked), duration(canary.plan.bake));
    lines.push(format!("  {phase}, {baked} of {bake}"));
    if let Some(reason) = &canary.reason {
        lines.push(format!("  {}", harmless(reason)));
    }
    let errors = match canary.plan.rules.max_errors {
        Some(max) => format!("{} of the {max} that it may cost", brief::count(u64::from(canary.errors), "error")),
        None => brief::count(u64::from(canary.errors), "error"),
    };
    lines.push(format!("  {errors}"));
    let mut columns = Columns::new(["REVISION", "CALLS", "ERRORS", "P50", "P99"]);
    columns.add(row("candidate", &canary.candidate));
    columns.add(row("stable", &canary.stable));
    lines.extend(columns.lines());
    lines.extend(canary.mirror.iter().flat_map(mirror_lines));
    lines
}

fn row(name: &str, numbers: &Numbers) -> [String; 5] {
    let latency = |latency: Option<std::time::Duration>| latency.map_or_else(|| "-".to_owned(), brief::duration);
    let share = match (numbers.errors, numbers.calls) {
        (0, _) | (_, 0) => String::new(),
        (errors, calls) => format!(" ({:.2}%)", errors as f64 / calls as f64 * 100.0),
    };
    [
        name.to_owned(),
        numbers.calls.to_string(),
        format!("{}{share}", numbers.errors),
        latency(numbers.p50),
        latency(numbers.p99),
    ]
}

/// What came of what was mirrored.
pub(crate) fn mirror_lines(mirror: &Mirror) -> Vec<String> {
    let counts = [
        (mirror.same, "the same"),
        (mirror.status_differs, "another status"),
        (mirror.body_differs, "another body"),
        (mirror.uncompared, "not compared"),
        (mirror.left_out, "left out"),
    ];
    let told: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let told = if told.is_empty() { "nothing yet".to_owned() } else { told.join(", ") };
    let mut lines = vec![format!("mirrored  {} of the requests to {}: {told}", mirror.share, styled(NAME, &mirror.to))];
    for sample in &mirror.samples {
        lines.push(format!("  {} {}  {}", sample.method, harmless(&sample.path), styled(DIM, &sample.call)));
        lines.push(format!("    live      {}", answer(&sample.live)));
        lines.push(format!("    mirrored  {}", answer(&sample.mirrored)));
    }
    lines
}

fn answer(answer: &Answer) -> String {
    let mut told = match (&answer.status, &answer.fault) {
        (Some(status), _) => status.to_string(),
        (None, Some(fault)) => fault.clone(),
        (None, None) => "-".to_owned(),
    };
    if let (Some(size), Some(digest)) = (answer.size, &answer.digest) {
        let short: String = digest.chars().take("sha256:".len() + 12).collect();
        told.push_str(&format!(", {}, {short}", brief::size(size)));
    }
    if let Some(begins) = &answer.begins {
        told.push_str(&format!(", {begins:?}"));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(json: &str) -> Vec<String> {
        let status: CanaryStatus = serde_json::from_str(json).unwrap();
        let lines = page(&status, &"orders".parse().unwrap());
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_canary_is_a_few_lines() {
        assert_eq!(
            plain(
                r#"{"canary":{"revision":"orders@5","step":2,"steps":3,"share":"25%","since":"2026-01-01T00:00:00Z",
                    "baked":"1m 12s","phase":"waiting","reason":"too few","errors":3,
                    "candidate":{"calls":250,"errors":3,"p50":"2ms","p99":"12ms"},"stable":{"calls":0,"errors":0},
                    "plan":{"bake":"2m","rules":{"max_errors":20}}},
                    "last":{"revision":"orders@4","promoted":false,"message":"it is over","ended":"2026-01-01T00:00:00Z","errors":1}}"#
            ),
            [
                "orders@5  step 2 of 3: 25% of the calls",
                "  waits for you, 1m 12s of 2m",
                "  too few",
                "  3 errors of the 20 that it may cost",
                "REVISION   CALLS  ERRORS     P50    P99",
                "candidate  250    3 (1.20%)  2.0ms  12ms",
                "stable     0      0          -      -",
                "The last one was ended: it is over",
            ]
        );
        assert_eq!(plain("{}"), ["No canary of orders is under way."]);
    }

    #[test]
    fn what_differs_is_shown_and_commands_no_terminal() {
        let lines = plain(
            r#"{"canary":{"revision":"orders@5","step":1,"steps":2,"share":"0%","mirrored":"10%","baked":"0s","phase":"baking",
                "since":"2026-01-01T00:00:00Z","errors":0,"candidate":{"calls":1,"errors":0},"stable":{"calls":1,"errors":0},
                "plan":{},"mirror":{"to":"orders@5","share":"10%","same":4,"status_differs":1,"body_differs":0,"uncompared":0,
                "left_out":2,"samples":[{"call":"00a7","mirrored_call":"00a8","method":"GET","path":"/x\u001b[2J",
                "live":{"status":200,"size":2048,"digest":"sha256:0123456789abcdef","begins":"a\nb"},
                "mirrored":{"fault":"trapped"}}]}}}"#,
        );
        assert_eq!(
            lines[lines.len() - 4..],
            [
                "mirrored  10% of the requests to orders@5: 4 the same, 1 another status, 2 left out",
                "  GET /x\\u{1b}[2J  00a7",
                "    live      200, 2.0KiB, sha256:0123456789ab, \"a\\nb\"",
                "    mirrored  trapped",
            ]
        );
    }
}
