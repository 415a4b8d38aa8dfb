//! What was measured, and how it is shown.

use super::super::report::{Goal, Table, Value, Wanted, number};
use super::super::samples::Samples;
use super::CALLERS;
use super::kinds::{KINDS, Kind};

/// How a call reaches what it calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Native code, through a pointer.
    Native,
    /// Forwarded as wasmtime's `Val`, with nothing else between.
    Val,
    /// Through the engine alone, to an instance that serves one call after another.
    Engine,
    /// Through the host, with the policies that every service has.
    Reuse,
    /// The same, with every policy that can be configured.
    Policies,
    /// Through the host, to an instance of its own.
    Fresh,
    /// Through the host, between functions that are `async`, to instances that work on several calls.
    Async,
    /// Within one component.
    Composed,
    /// Over HTTP to another process.
    Loopback,
}

impl Way {
    /// Each of them.
    pub(super) const ALL: [Self; 9] = [
        Self::Native,
        Self::Val,
        Self::Engine,
        Self::Reuse,
        Self::Policies,
        Self::Fresh,
        Self::Async,
        Self::Loopback,
        Self::Composed,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Val => "val",
            Self::Engine => "engine",
            Self::Reuse => "reuse",
            Self::Policies => "policies",
            Self::Fresh => "fresh",
            Self::Async => "async",
            Self::Composed => "composed",
            Self::Loopback => "http",
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) struct Rate {
    /// Microseconds per call, as each caller sees it.
    pub(in crate::bench) us: f64,
    /// Calls per second of all callers.
    pub(super) per_second: f64,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Results(Vec<(&'static str, Way, u32, Rate)>);

impl Results {
    /// Adds one.
    pub(super) fn add(&mut self, kind: &Kind, way: Way, callers: u32, rate: Rate) {
        self.0.push((kind.name, way, callers, rate));
    }

    fn samples(&self, kind: &Kind, way: Way, callers: u32, part: fn(Rate) -> f64) -> Option<Samples> {
        let mut rates = self
            .0
            .iter()
            .filter(|of| of.0 == kind.name && of.1 == way && of.2 == callers)
            .map(|of| part(of.3))
            .peekable();
        rates.peek()?;
        Some(rates.collect())
    }

    /// Every value under its name.
    pub(super) fn values(&self) -> Vec<Value> {
        let mut values = Vec::new();
        for kind in &KINDS {
            for way in Way::ALL {
                for callers in CALLERS {
                    let name = format!("calls/{}/{}/{callers}", kind.name.replace(' ', "-"), way.name());
                    let of = |part| self.samples(kind, way, callers, part);
                    let Some((us, rate)) = of(|rate| rate.us).zip(of(|rate| rate.per_second)) else { continue };
                    values.push(Value { name: format!("{name}/time"), unit: "us", samples: us });
                    values.push(Value { name: format!("{name}/calls"), unit: "1/s", samples: rate });
                }
            }
        }
        values
    }

    /// One caller on each way, and several callers.
    pub(super) fn tables(&self, ways: &[Way]) -> Vec<Table> {
        let cell = |samples: Option<Samples>| samples.map_or("-".to_owned(), |samples| number(samples.median()));
        let measured = || KINDS.iter().filter(|kind| self.0.iter().any(|of| of.0 == kind.name));
        let one = measured().map(|kind| {
            let cells = ways.iter().map(|way| cell(self.samples(kind, *way, 1, |rate| rate.us)));
            std::iter::once(kind.name.to_owned()).chain(cells).collect()
        });
        let head = std::iter::once("value").chain(ways.iter().map(|way| way.name())).collect();
        let one = Table { title: "One caller, us per call".to_owned(), head, rows: one.collect() };
        let many = [Way::Reuse, Way::Async].into_iter().filter(|way| ways.contains(way)).map(|way| {
            let row = |kind: &Kind| {
                let cells =
                    CALLERS.iter().map(|callers| cell(self.samples(kind, way, *callers, |rate| rate.per_second)));
                let ratio = cell(self.scaling(kind, way));
                std::iter::once(kind.name.to_owned()).chain(cells).chain([ratio]).collect()
            };
            Table {
                title: format!("{}, calls per second by callers", way.name()),
                head: vec!["value", "1", "2", "64", "2 over 1"],
                rows: measured().map(row).collect(),
            }
        });
        std::iter::once(one).chain(many).collect()
    }

    /// Calls per second of two callers over those of one.
    fn scaling(&self, kind: &Kind, way: Way) -> Option<Samples> {
        let of = |callers| self.samples(kind, way, callers, |rate| rate.per_second);
        Some(of(2)?.over(&of(1)?))
    }

    /// What calls should cost, and how they should scale.
    pub(super) fn goals(&self) -> Vec<Goal> {
        let mut goals = Vec::new();
        let mut goal = |what: &str, wanted, measured: Option<Samples>| {
            goals.extend(measured.map(|measured| Goal { what: what.to_owned(), wanted, measured }));
        };
        let [number, record, _, _, _, _, bytes, _] = &KINDS;
        let time = |kind, way| self.samples(kind, way, 1, |rate| rate.us);
        goal("u32, every policy, us", Wanted::AtMost(1.0), time(number, Way::Policies));
        goal("record, every policy, us", Wanted::AtMost(2.2), time(record, Way::Policies));
        let added = time(number, Way::Policies).zip(time(number, Way::Engine));
        goal("u32, added by all policies, us", Wanted::AtMost(0.5), added.map(|(with, without)| with.less(&without)));
        goal("u32, two callers over one", Wanted::AtLeast(1.8), self.scaling(number, Way::Reuse));
        let over_val = time(bytes, Way::Val).zip(time(bytes, Way::Policies));
        goal("64 KiB, `Val` over every policy", Wanted::AtLeast(300.0), over_val.map(|(val, ours)| val.over(&ours)));
        goals
    }
}
