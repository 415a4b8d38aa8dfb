//! How many calls fill a time, and what one of them takes.

use std::error::Error;

/// Calls that are made first.
const WARM_UP: u64 = 1000;

/// Microseconds per call, when as many are made as fill about so many milliseconds. `nanos` makes so many calls and tells the
/// nanoseconds that they took.
///
/// # Errors
/// What `nanos` returns.
pub(crate) async fn us_per_call(
    millis: u64,
    mut nanos: impl AsyncFnMut(u64) -> Result<u64, Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    // Calls that take long are not many in any case.
    let few = nanos(10).await? / 10;
    let warm_up = (millis * 250_000 / few.max(1)).clamp(10, WARM_UP);
    let per_call = (nanos(warm_up).await? / warm_up).max(1);
    let calls = (millis * 1_000_000 / per_call).max(warm_up);
    Ok(nanos(calls).await? as f64 / 1000.0 / calls as f64)
}
