//! What becomes of a message after an instance had it, or could not have it. Pure: a function of the outcome, the attempt and
//! the settings.

use std::time::Duration;

use patchbay_channel::chance;
use patchbay_model::bus::{SubscriptionSettings, Verdict};
use patchbay_model::{Blame, Fault, FaultKind};

/// The longest pause that an instance can ask for.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the host waits at most for a service that cannot take messages now.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is done.
    Acknowledge,
    /// It failed and is tried again after a pause.
    Retry(Duration),
    /// The service could not have it, which is no fault of the message: the same attempt is made again after a pause.
    Wait(Duration),
    /// It becomes a dead letter.
    Bury {
        /// Why.
        reason: String,
    },
}

/// Decides on a message that was tried for the `attempt`th time, for the `wait`th time in a row if the service could not
/// have it. `seed` names the message; pauses of different messages differ.
pub(super) fn judge(
    outcome: Result<Verdict, Fault>,
    settings: &SubscriptionSettings,
    attempt: u32,
    (seed, waits): (u64, u32),
) -> Decision {
    let failed = |after: Option<Duration>, reason: String| {
        if attempt >= settings.attempts {
            return Decision::Bury { reason };
        }
        Decision::Retry(after.unwrap_or_else(|| pause(settings, attempt, seed)).min(LONGEST))
    };
    let fault = match outcome {
        Ok(Verdict::Acknowledge) => return Decision::Acknowledge,
        Ok(Verdict::Reject { reason }) => {
            return Decision::Bury { reason: format!("rejected by the service: {reason}") };
        }
        Ok(Verdict::Retry { after, reason }) => {
            let reason = reason.unwrap_or_else(|| "the service asked to try again".to_owned());
            return failed(after, reason);
        }
        Err(fault) => fault,
    };
    if is_not_of_the_message(&fault) {
        let pause = pause(settings, waits.max(1), seed).min(LONGEST_WAIT);
        return Decision::Wait(fault.retry_after().unwrap_or_default().max(pause).min(LONGEST));
    }
    match fault.kind() {
        // It will not become smaller.
        FaultKind::TooLarge => Decision::Bury { reason: fault.to_string() },
        _ => failed(None, fault.to_string()),
    }
}

/// Whether no instance has failed on the message: there was none, it was busy, it was ended for another reason.
fn is_not_of_the_message(fault: &Fault) -> bool {
    let kept_from_it = match fault.kind() {
        FaultKind::Overloaded | FaultKind::RateLimited | FaultKind::Unavailable => fault.blame() == Blame::Own,
        FaultKind::NotFound
        | FaultKind::MethodNotAllowed
        | FaultKind::Unauthenticated
        | FaultKind::Denied
        | FaultKind::Invalid
        | FaultKind::TooLarge
        | FaultKind::Deadline
        | FaultKind::Exhausted
        | FaultKind::Trapped
        | FaultKind::Failed
        | FaultKind::Loop
        | FaultKind::Cancelled
        | FaultKind::Internal => false,
    };
    kept_from_it || fault.is_unprocessed() || matches!(fault.blame(), Blame::Host | Blame::Shared)
}

/// The pause after the `attempt`th failure: it doubles, up to the longest, and varies by a fifth in each direction.
fn pause(settings: &SubscriptionSettings, attempt: u32, seed: u64) -> Duration {
    let doubled = settings.backoff.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(settings.max_backoff);
    let per_mille = 800 + chance(seed, attempt) % 401;
    doubled.saturating_mul(u32::try_from(per_mille).unwrap_or(1000)) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SubscriptionSettings {
        SubscriptionSettings { attempts: 3, ..SubscriptionSettings::default() }
    }

    fn decide(outcome: Result<Verdict, Fault>, attempt: u32) -> Decision {
        judge(outcome, &settings(), attempt, (7, 0))
    }

    #[test]
    fn pauses_double_and_vary_by_a_fifth() {
        let settings = SubscriptionSettings { max_backoff: Duration::from_secs(5), ..SubscriptionSettings::default() };
        for (attempt, about) in [(1, 1000), (2, 2000), (3, 4000), (4, 5000), (40, 5000)] {
            let pauses: Vec<_> = (0..200).map(|seed| pause(&settings, attempt, seed).as_millis()).collect();
            let (low, high) = (about * 8 / 10, about * 12 / 10);
            assert!(pauses.iter().all(|pause| (low..=high).contains(pause)), "{attempt}: {pauses:?}");
            assert!(
                pauses.iter().any(|pause| *pause < about) && pauses.iter().any(|pause| *pause > about),
                "{attempt}"
            );
        }
    }

    #[test]
    fn what_fails_is_tried_again_until_it_was_tried_often_enough() {
        let retry = |after| Ok(Verdict::Retry { after, reason: Some("no address".to_owned()) });
        let trap = || Err(Fault::new(FaultKind::Trapped, "the instance broke off"));
        assert_eq!(decide(Ok(Verdict::Acknowledge), 3), Decision::Acknowledge);
        assert_eq!(decide(retry(Some(Duration::from_secs(9))), 1), Decision::Retry(Duration::from_secs(9)));
        assert_eq!(decide(retry(Some(Duration::MAX)), 1), Decision::Retry(LONGEST));
        assert!(matches!(decide(retry(None), 2), Decision::Retry(pause) if pause > Duration::from_secs(1)));
        assert_eq!(decide(retry(None), 3), Decision::Bury { reason: "no address".to_owned() });
        assert!(matches!(decide(trap(), 2), Decision::Retry(_)));
        assert!(matches!(decide(trap(), 3), Decision::Bury { reason } if reason.contains("broke off")));
    }

    #[test]
    fn what_can_never_be_done_is_buried_at_once() {
        let rejected = decide(Ok(Verdict::Reject { reason: "no such user".to_owned() }), 1);
        assert!(matches!(rejected, Decision::Bury { reason } if reason.ends_with("no such user")));
        let fault = Fault::new(FaultKind::TooLarge, "the message is larger than the 1KiB that this service accepts");
        assert!(matches!(decide(Err(fault), 1), Decision::Bury { .. }));
    }

    #[test]
    fn what_is_no_fault_of_the_message_is_no_attempt() {
        let fault = |kind| Fault::new(kind, "");
        for fault in [
            fault(FaultKind::Unavailable),
            fault(FaultKind::Overloaded),
            fault(FaultKind::RateLimited),
            fault(FaultKind::Deadline).blamed_on(Blame::Host),
            fault(FaultKind::Trapped).blamed_on(Blame::Shared),
            fault(FaultKind::Internal).unprocessed(),
        ] {
            assert!(matches!(decide(Err(fault), 3), Decision::Wait(pause) if pause <= LONGEST_WAIT * 2));
        }
        // A service that it calls is a reason to try the message again, and it counts: it may have been half done.
        let of_callee = fault(FaultKind::Unavailable).blamed_on(Blame::Callee);
        assert!(matches!(decide(Err(of_callee), 1), Decision::Retry(_)));
        let later = fault(FaultKind::Unavailable).with_retry_after(Duration::from_secs(60));
        assert_eq!(decide(Err(later), 3), Decision::Wait(Duration::from_secs(60)));
    }
}
