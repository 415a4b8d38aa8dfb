//! What was measured of messages, and how it is shown.

use super::super::report::{Goal, Table, Value, Wanted, number};
use super::super::samples::Samples;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Publish,
    Deliver,
    Request,
}

impl Work {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Deliver => "deliver",
            Self::Request => "request",
        }
    }
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The host, with the bus in its process.
    Embedded,
    /// The host, over NATS.
    Nats,
    /// A raw NATS client that sends nothing but the data.
    Raw,
    /// A raw NATS client that sends and reads the same CloudEvents as the host: the same work.
    RawEvents,
}

const WAYS: [Way; 4] = [Way::Embedded, Way::Nats, Way::Raw, Way::RawEvents];

impl Way {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Nats => "nats",
            Self::Raw => "raw",
            Self::RawEvents => "raw-events",
        }
    }
}

/// Something that is measured on every way that can do it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) work: Work,
    pub(super) durable: bool,
}

/// All of it. Durable messages have 64 publishers at a time.
pub(super) const CASES: [Case; 5] = [
    Case { name: "publish volatile", work: Work::Publish, durable: false },
    Case { name: "publish durable", work: Work::Publish, durable: true },
    Case { name: "deliver volatile", work: Work::Deliver, durable: false },
    Case { name: "deliver durable", work: Work::Deliver, durable: true },
    Case { name: "request", work: Work::Request, durable: false },
];

impl Case {
    pub(super) fn ways(&self) -> &'static [Way] {
        match self.work {
            // There is no server that a plain client could answer at.
            Work::Request => &[Way::Nats, Way::Raw, Way::RawEvents],
            Work::Publish | Work::Deliver => &WAYS,
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// Microseconds for each message.
    pub(super) us: f64,
    pub(super) per_second: f64,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Results(Vec<(&'static str, Way, Rate)>);

impl Results {
    /// Adds one.
    pub(super) fn add(&mut self, case: &Case, way: Way, rate: Rate) {
        self.0.push((case.name, way, rate));
    }

    fn samples(&self, case: &Case, way: Way, part: fn(Rate) -> f64) -> Option<Samples> {
        let mut rates = self.0.iter().filter(|of| of.0 == case.name && of.1 == way).map(|of| part(of.2)).peekable();
        rates.peek()?;
        Some(rates.collect())
    }

    /// Every value under its name.
    pub(super) fn values(&self) -> Vec<Value> {
        let all = CASES.iter().flat_map(|case| case.ways().iter().map(move |way| (case, *way)));
        let values = all.filter_map(|(case, way)| {
            let name = format!("bus/{}/{}", case.name.replace(' ', "-"), way.name());
            Some(match case.work {
                Work::Request => Value { name, unit: "us", samples: self.samples(case, way, |rate| rate.us)? },
                _ => Value { name, unit: "1/s", samples: self.samples(case, way, |rate| rate.per_second)? },
            })
        });
        values.collect()
    }

    pub(super) fn tables(&self) -> Vec<Table> {
        let cell = |samples: Option<Samples>| samples.map_or("-".to_owned(), |samples| number(samples.median()));
        let rows = CASES.iter().filter(|case| self.0.iter().any(|of| of.0 == case.name)).map(|case| {
            let part: fn(Rate) -> f64 =
                if case.work == Work::Request { |rate| rate.us } else { |rate| rate.per_second };
            let unit = if case.work == Work::Request { "us" } else { "1/s" };
            let cells = WAYS.iter().map(|way| cell(self.samples(case, *way, part)));
            let ratios = [Way::Raw, Way::RawEvents].map(|way| cell(self.ratio(case, way)));
            std::iter::once(format!("{}, {unit}", case.name)).chain(cells).chain(ratios).collect()
        });
        let title =
            "Messages of 128 bytes; raw is a NATS client in native code, which sends nothing but them, or CloudEvents"
                .to_owned();
        let head = vec!["", "embedded", "nats", "raw", "raw events", "nats over raw", "nats over raw events"];
        vec![Table { title, head, rows: rows.collect() }]
    }

    /// What the host does over NATS over what a raw client does: of messages per second, or of the time of a request.
    fn ratio(&self, case: &Case, raw: Way) -> Option<Samples> {
        let part: fn(Rate) -> f64 = if case.work == Work::Request { |rate| rate.us } else { |rate| rate.per_second };
        Some(self.samples(case, Way::Nats, part)?.over(&self.samples(case, raw, part)?))
    }

    /// What messages should cost.
    pub(super) fn goals(&self) -> Vec<Goal> {
        let mut goals = Vec::new();
        let mut goal = |what: String, wanted, measured: Option<Samples>| {
            goals.extend(measured.map(|measured| Goal { what, wanted, measured }));
        };
        for case in &CASES {
            let embedded = |part| self.samples(case, Way::Embedded, part);
            match (case.work, case.durable) {
                (Work::Deliver, false) => {
                    let what = format!("{}, embedded, 1/s on one core", case.name);
                    goal(what, Wanted::AtLeast(300_000.0), embedded(|rate| rate.per_second));
                }
                (Work::Publish, true) => {
                    let what = format!("{}, embedded, 64 publishers, 1/s", case.name);
                    goal(what, Wanted::AtLeast(50_000.0), embedded(|rate| rate.per_second));
                }
                _ => {}
            }
            let wanted = if case.work == Work::Request { Wanted::AtMost(1.15) } else { Wanted::AtLeast(0.9) };
            goal(format!("{}, over NATS over raw events", case.name), wanted, self.ratio(case, Way::RawEvents));
        }
        goals
    }
}
