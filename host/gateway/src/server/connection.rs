//! One connection: hyper drives the protocol, and this watches the clock and the stop.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use patchbay_model::ports::in_place;
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::{Activity, Phase};
use super::answer::{self, Answer, Peer};
use super::defer;
use super::guard::Guarded;
use super::socket::WatchedSocket;
use super::streams::StreamExecutor;
use super::wire::Wire;
use super::{ConnectionLimits, Stop};

/// How long a connection whose first or next request is on its way when the stop comes has to get it in; and how long
/// one that was told to end has to do so when nothing is under way on it.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// Serves one connection to its end.
pub(super) async fn run<A: Answer>(
    wire: Wire,
    (answer, peer): (A, Peer),
    builder: &auto::Builder<StreamExecutor>,
    limits: &ConnectionLimits,
    stop: &Stop,
) {
    let (activity, answer) = (&Arc::new(Activity::new()), &Arc::new(answer));
    let socket = TokioIo::new(WatchedSocket::new(Guarded::new(wire), Arc::clone(activity)));
    // In a box, which is memory that another request was just answered in. Otherwise it would be the connection's own, of which
    // nothing is in the caches any more when there are many.
    let service = service_fn(|request| {
        in_place(
            Box::new_uninit(),
            answer::answer((Arc::clone(answer), peer.clone()), request, activity.open(), limits),
        )
    });
    let mut connection = pin!(builder.serve_connection(socket, service));
    let mut watch = pin!(Watch::new(activity, limits));
    // Of its own, because they are asked each time, and a lock of all connections would go from thread to thread.
    let (gracefully, now) = (stop.gracefully.child_token(), stop.now.child_token());
    let mut stopping = pin!(gracefully.cancelled());
    let mut ending = pin!(now.cancelled());
    let mut ears = Ears { begun: &stop.begun, waker: None };
    std::future::poll_fn(|cx| {
        defer::polled();
        let ask = ears.ask(cx);
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!("a connection broke off: {error}");
                }
                return Poll::Ready(());
            }
            if ask && ending.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let is_stopping = watch.stopping.is_some() || (ask && stopping.as_mut().poll(cx).is_ready());
            match watch.as_mut().poll(cx, is_stopping) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Verdict::Finish) => connection.as_mut().graceful_shutdown(),
                Poll::Ready(Verdict::Drop(why)) => {
                    tracing::debug!("a connection was ended: {why}");
                    return Poll::Ready(());
                }
            }
        }
    })
    .await;
}

/// Hears of the stop. Nearly every poll finds that there is none, and sees it in a flag: whoever asks a token takes locks.
struct Ears<'a> {
    begun: &'a AtomicBool,
    /// Whom the tokens wake.
    waker: Option<Waker>,
}

impl Ears<'_> {
    /// Whether the tokens have to be asked: because there is a stop, or because they do not know yet whom to wake at one.
    fn ask(&mut self, cx: &Context<'_>) -> bool {
        if self.begun.load(Ordering::Acquire) {
            return true;
        }
        if self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return false;
        }
        self.waker = Some(cx.waker().clone());
        true
    }
}

/// What the watch finds has to happen.
enum Verdict {
    /// Take no more requests, and finish those there are.
    Finish,
    /// End the connection as it is.
    Drop(&'static str),
}

/// Holds a connection to its deadlines. The timer is set anew only when a deadline comes closer than the one it is
/// set to, which for a busy connection is never: a request costs no timer.
struct Watch<'a> {
    activity: &'a Activity,
    limits: &'a ConnectionLimits,
    timer: Pin<Box<Sleep>>,
    /// When the stop came.
    stopping: Option<Instant>,
    /// When the connection was told to finish.
    finishing: Option<Instant>,
}

impl<'a> Watch<'a> {
    fn new(activity: &'a Activity, limits: &'a ConnectionLimits) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + limits.header_timeout));
        Self { activity, limits, timer, stopping: None, finishing: None }
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, is_stopping: bool) -> Poll<Verdict> {
        loop {
            let phase = self.activity.phase();
            if is_stopping && let Some(verdict) = self.stop(phase) {
                return Poll::Ready(verdict);
            }
            let due = self.due(phase);
            let fired = self.timer.as_mut().poll(cx).is_ready();
            if !fired && due.is_none_or(|due| due >= self.timer.deadline()) {
                return Poll::Pending;
            }
            let now = Instant::now();
            match due {
                Some(due) if due <= now => return Poll::Ready(self.expired(phase)),
                // A stream of HTTP/2 ends in a task of its own, so nothing but the timer tells of it here.
                due => {
                    let next = due.unwrap_or(now + self.limits.idle_timeout);
                    self.timer.as_mut().reset(next);
                }
            }
        }
    }

    /// When something is due next.
    fn due(&self, phase: Phase) -> Option<Instant> {
        let of_phase = self.activity.deadline(self.limits);
        match (phase, self.finishing, self.stopping) {
            (Phase::Serving | Phase::Closing, ..) => of_phase,
            (_, Some(finishing), _) => Some(finishing + GRACE),
            (_, None, stopping) => of_phase.into_iter().chain(stopping.map(|stopping| stopping + GRACE)).min(),
        }
    }

    /// Tells the connection to finish once no request can be lost by it.
    fn stop(&mut self, phase: Phase) -> Option<Verdict> {
        if self.stopping.is_none() {
            self.stopping = Some(Instant::now());
            self.activity.make_last();
        }
        match phase {
            // A request may be on its way already.
            Phase::Fresh | Phase::Head => None,
            Phase::Serving | Phase::Idle | Phase::Closing => self.finish(),
        }
    }

    fn finish(&mut self) -> Option<Verdict> {
        if self.finishing.is_some() {
            return None;
        }
        self.finishing = Some(Instant::now());
        Some(Verdict::Finish)
    }

    fn expired(&mut self, phase: Phase) -> Verdict {
        match phase {
            Phase::Fresh => Verdict::Drop("no request came"),
            Phase::Head => Verdict::Drop("the head of a request took too long"),
            Phase::Serving => Verdict::Drop("its client stopped reading a reply"),
            Phase::Closing => Verdict::Drop("its client went on sending after the end"),
            Phase::Idle => self.finish().unwrap_or(Verdict::Drop("it did not end when told to")),
        }
    }
}
