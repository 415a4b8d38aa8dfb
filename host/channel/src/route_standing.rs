//! What the channel keeps of a route: how often and how many at a time may come in there.

use std::net::IpAddr;
use std::time::Duration;

use patchbay_model::policy::{Rate, RateVerdict, RateVerdicts, RouteSettings};
use patchbay_model::{Fault, FaultKind, Limits, User};
use tokio::time::Instant;

use crate::bulkhead::Bulkhead;
use crate::keyed_rate::KeyedRate;
use crate::rate::{Early, RateLimit};

/// A route, as far as the channel remembers it. Outlives revisions; one whose rates change begins anew.
#[derive(Debug)]
pub struct RouteStanding {
    bulkhead: Option<Bulkhead>,
    rate: Option<(Rate, RateLimit)>,
    per_user: Option<KeyedRate>,
    per_address: Option<KeyedRate>,
}

impl RouteStanding {
    /// A route that nobody came in by. `limits` are those of the service; its queue is that of the route, too.
    pub fn new(settings: &RouteSettings, limits: &Limits) -> Self {
        let places = settings.concurrency.map(|concurrency| Limits { concurrency, ..limits.clone() });
        Self {
            bulkhead: places.as_ref().map(Bulkhead::new),
            rate: settings.rate.map(|rate| (rate, RateLimit::new(Some(rate)))),
            per_user: settings.rate_per_user.map(|rate| KeyedRate::new("user", rate)),
            per_address: settings.rate_per_address.map(|rate| KeyedRate::new("address", rate)),
        }
    }

    /// Its places for calls, where it has some of its own.
    pub const fn bulkhead(&self) -> Option<&Bulkhead> {
        self.bulkhead.as_ref()
    }

    /// Holds a call that comes `now`, which is asked only where it matters, against all rates: that of its address, that of its user
    /// (or again its address, where there is no user), and that of the route. In this order, so that those who are refused for themselves take
    /// nothing away from the others.
    ///
    /// # Errors
    /// [`FaultKind::RateLimited`] with the time after which one may come. The rates that were asked add to `verdicts` either way.
    pub fn admit(
        &self,
        now: impl FnOnce() -> Instant,
        user: Option<&User>,
        address: Option<IpAddr>,
        verdicts: &mut RateVerdicts,
    ) -> Result<(), Fault> {
        if let Some(rate) = &self.per_address {
            let (verdict, admitted) = rate.admit(None, address);
            verdicts.add(verdict);
            admitted.map_err(|wait| too_often("the address calls more often than it may", "rate_per_address", wait))?;
        }
        if let Some(rate) = &self.per_user {
            let (verdict, admitted) = rate.admit(user, address);
            verdicts.add(verdict);
            admitted.map_err(|wait| too_often("the user calls more often than it may", "rate_per_user", wait))?;
        }
        if let Some((rate, limit)) = &self.rate {
            let passed = limit.pass(now());
            verdicts.add(told(rate, passed));
            passed.map_err(|early| too_often("the route is called more often than it may be", "rate", early.wait))?;
        }
        Ok(())
    }

    /// Calls that shared a rate with strangers, because too many users or addresses called to keep them apart.
    pub fn crowded(&self) -> u64 {
        [&self.per_user, &self.per_address].into_iter().flatten().map(KeyedRate::crowded).sum()
    }
}

/// What the rate of the route says of a call.
fn told(rate: &Rate, passed: Result<Duration, Early>) -> RateVerdict {
    match passed {
        Ok(reset) => {
            let spent = reset.as_nanos().div_ceil(rate.interval().as_nanos().max(1));
            let spent = u64::try_from(spent).unwrap_or(u64::MAX);
            RateVerdict::new("route", rate, u64::from(rate.burst()).saturating_sub(spent), reset)
        }
        Err(early) => RateVerdict::new("route", rate, 0, early.reset),
    }
}

fn too_often(public: &'static str, key: &'static str, wait: Duration) -> Fault {
    Fault::new(FaultKind::RateLimited, public)
        .with_retry_after(wait)
        .with_details(format_args!("`{key}` of the route allows no more calls now"))
        .unprocessed()
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn standing(settings: &RouteSettings) -> RouteStanding {
        RouteStanding::new(settings, &Limits::default())
    }

    fn rate(text: &str) -> Option<Rate> {
        Some(text.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_are_refused_for_themselves_take_nothing_from_others() {
        let route = standing(&RouteSettings {
            rate: rate("10/s burst 4"),
            rate_per_address: rate("1/s burst 2"),
            ..RouteSettings::default()
        });
        let ask = |address: &str| {
            let mut verdicts = RateVerdicts::default();
            let admitted = route.admit(Instant::now, None, Some(address.parse().unwrap()), &mut verdicts);
            (verdicts, admitted)
        };
        let (verdicts, admitted) = ask("192.0.2.1");
        assert!(admitted.is_ok());
        let told: Vec<_> = verdicts.iter().map(|one| (one.policy, one.remaining)).collect();
        assert_eq!(told, [("address", 1), ("route", 3)]);
        ask("192.0.2.1").1.unwrap();
        for _ in 0..10 {
            let (verdicts, refused) = ask("192.0.2.1");
            let fault = refused.unwrap_err();
            assert_eq!((fault.kind(), fault.retry_after()), (FaultKind::RateLimited, Some(Duration::from_secs(1))));
            let told: Vec<_> = verdicts.iter().map(|one| (one.policy, one.remaining, one.reset)).collect();
            assert_eq!(told, [("address", 0, 2)]);
        }
        ask("192.0.2.2").1.unwrap();
        ask("192.0.2.3").1.unwrap();
        // Now the route has had what it may.
        let (verdicts, refused) = ask("192.0.2.4");
        assert_eq!(refused.unwrap_err().retry_after(), Some(Duration::from_millis(100)));
        let told: Vec<_> = verdicts.iter().map(|one| (one.policy, one.remaining, one.reset)).collect();
        assert_eq!(told, [("address", 1, 1), ("route", 0, 1)]);
        advance(Duration::from_millis(100)).await;
        ask("192.0.2.4").1.unwrap();
        assert_eq!(route.crowded(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_is_one_wherever_it_comes_from() {
        let route = standing(&RouteSettings { rate_per_user: rate("1/s"), ..RouteSettings::default() });
        let user = |subject: &str| User::new(patchbay_model::Proof::ApiKey, "keys", subject);
        let address = |address: &str| Some(address.parse().unwrap());
        let ask = |user: Option<&User>, address| {
            route.admit(Instant::now, user, address, &mut RateVerdicts::default()).is_ok()
        };
        let (ann, bob) = (user("ann"), user("bob"));
        assert!(ask(Some(&ann), address("192.0.2.1")) && ask(Some(&bob), address("192.0.2.1")));
        assert!(!ask(Some(&ann), address("192.0.2.2")));
        // Without a credential it is the address that counts.
        assert!(ask(None, address("192.0.2.1")) && !ask(None, address("192.0.2.1")) && ask(None, address("192.0.2.2")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_route_without_rates_lets_everybody_in() {
        let route = standing(&RouteSettings { concurrency: Some(3), ..RouteSettings::default() });
        let mut verdicts = RateVerdicts::default();
        let admitted = route.admit(Instant::now, None, None, &mut verdicts);
        assert!(verdicts.is_empty() && admitted.is_ok());
        let deadline = Instant::now() + Duration::from_secs(60);
        let places = route.bulkhead().unwrap();
        let _held = (places.enter(deadline).await, places.enter(deadline).await, places.enter(deadline).await);
        assert_eq!(places.enter(deadline).await.unwrap_err().kind(), FaultKind::Overloaded);
    }
}
