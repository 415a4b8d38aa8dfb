//! The deadline of a call: how long its caller waits, and never longer than the service allows.

use std::time::Duration;

use tokio::time::Instant;

/// The earlier of what the caller asks for and what the service allows.
pub(crate) fn deadline(arrived: Instant, caller: Option<Instant>, timeout: Duration) -> Instant {
    let allowed = arrived + timeout;
    caller.map_or(allowed, |caller| caller.min(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_caller_can_shorten_and_not_lengthen() {
        let now = Instant::now();
        let in_seconds = |seconds| now + Duration::from_secs(seconds);
        for (caller, expected) in [(None, 15), (Some(in_seconds(3)), 3), (Some(in_seconds(60)), 15)] {
            assert_eq!(deadline(now, caller, Duration::from_secs(15)), in_seconds(expected));
        }
    }
}
