//! What measuring costs a call, in nanoseconds: once the clock, and once the histogram. To be run optimised: `cargo run --release -p patchbay-channel --example measured_cost`.
#![allow(clippy::print_stdout, reason = "it prints its result")]

use std::hint::black_box;
use std::time::Duration;

use patchbay_channel::Histogram;
use tokio::time::Instant;

const ROUNDS: u32 = 7;
const TIMES: u32 = 2_000_000;

/// The best of several rounds, in nanoseconds.
fn best(mut work: impl FnMut(u32)) -> f64 {
    let round = |work: &mut dyn FnMut(u32)| {
        let begun = Instant::now();
        (0..TIMES).for_each(|number| work(black_box(number)));
        begun.elapsed().as_nanos() as f64 / f64::from(TIMES)
    };
    (0..ROUNDS).map(|_| round(&mut work)).fold(f64::INFINITY, f64::min)
}

/// The same by several threads at once.
fn contended(threads: u32, work: impl Fn(u32) + Sync) -> f64 {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..TIMES).for_each(|number| work(black_box(number))));
        }
    });
    begun.elapsed().as_nanos() as f64 / f64::from(TIMES)
}

fn main() {
    let nothing = best(|number| {
        black_box(number);
    });
    let clock = best(|_| {
        black_box(Instant::now());
    });
    let histogram = Histogram::default();
    let took = |number: u32| Duration::from_nanos(u64::from(number % 4096) * 500);
    let counted = best(|number| histogram.count(took(number)));
    let shared = contended(2, |number| histogram.count(took(number)));
    let read = {
        let begun = Instant::now();
        (0..1000).for_each(|_| drop(black_box(histogram.read())));
        begun.elapsed().as_nanos() as f64 / 1000.0
    };
    println!("nothing               {nothing:8.1} ns");
    println!("clock                 {clock:8.1} ns");
    println!("histogram             {counted:8.1} ns");
    println!("histogram, 2 threads  {shared:8.1} ns");
    println!("reading one           {read:8.1} ns");
}
