//! What a connection is doing, and until when it may go on doing it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant};

use super::ConnectionLimits;

/// How long a connection that is closing reads on, so that a client that still sends gets to read the reply.
const LINGER: Duration = Duration::from_secs(2);

/// The phases of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing came yet.
    Fresh,
    /// A part of the head of a request came, or of the HTTP/2 preface.
    Head,
    /// Requests are being answered.
    Serving,
    /// Requests were answered, and none is under way.
    Idle,
    /// The last reply is written.
    Closing,
}

/// What a connection is doing. Shared by the socket, the requests on it and the task that watches it.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    n_open: u32,
    http2: bool,
    /// HTTP/1: when the client was last offered bytes of a reply that nothing but the client holds up.
    offered: Option<Instant>,
    /// HTTP/1: a request was answered although its body was not read to the end.
    unread: bool,
    /// The next reply is the last one.
    last: bool,
}

/// One request that is under way, from its head to the end of its reply.
#[derive(Debug)]
pub(super) struct Open(Arc<Activity>);

/// The HTTP/2 preface and the head of the SETTINGS frame that follows it (RFC 9113, 3.4 and 4.1).
const HTTP2_OPENING: u64 = 24 + 9;

impl Activity {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            phase: Phase::Fresh,
            since: Instant::now(),
            n_open: 0,
            http2: false,
            offered: None,
            unread: false,
            last: false,
        }))
    }

    /// A request begins.
    pub(super) fn open(self: &Arc<Self>) -> Open {
        let mut state = self.state();
        state.n_open += 1;
        state.phase = Phase::Serving;
        Open(Arc::clone(self))
    }

    /// Bytes were read; `total` is all that ever were.
    pub(super) fn read(&self, total: u64, http2: bool) {
        let mut state = self.state();
        state.http2 |= http2;
        match state.phase {
            Phase::Fresh => state.enter(Phase::Head),
            // Frames that belong to no request do not keep an HTTP/2 connection from being idle.
            Phase::Head if state.http2 && total >= HTTP2_OPENING => state.enter(Phase::Idle),
            Phase::Idle if !state.http2 => state.enter(Phase::Head),
            Phase::Head | Phase::Serving | Phase::Idle | Phase::Closing => {}
        }
    }

    /// Bytes were written.
    pub(super) fn wrote(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle || state.offered.is_some() {
            let now = Instant::now();
            if state.phase == Phase::Idle {
                state.since = now;
            }
            state.offered = state.offered.map(|_| now);
        }
    }

    /// A request was given up before its body was read.
    pub(super) fn leave_unread(&self) {
        self.state().unread = true;
    }

    /// The host stops: what is answered from now on says that no more will be.
    pub(super) fn make_last(&self) {
        self.state().last = true;
    }

    pub(super) fn is_last(&self) -> bool {
        self.state().last
    }

    /// The last byte is written.
    pub(super) fn closing(&self) {
        let mut state = self.state();
        if state.phase != Phase::Closing {
            state.enter(Phase::Closing);
        }
    }

    /// Whether the client may still be sending what nobody will read.
    pub(super) fn is_unread(&self) -> bool {
        self.state().unread
    }

    pub(super) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// When the connection has done for too long what it is doing; `None` while only its requests can tell.
    pub(super) fn deadline(&self, limits: &ConnectionLimits) -> Option<Instant> {
        let state = self.state();
        match state.phase {
            Phase::Fresh | Phase::Head => Some(state.since + limits.header_timeout),
            Phase::Serving => state.offered.filter(|_| !state.http2).map(|offered| offered + limits.stall_timeout),
            Phase::Idle => Some(state.since + limits.idle_timeout),
            Phase::Closing => Some(state.since + LINGER),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.n_open = state.n_open.saturating_sub(1);
        // Of most replies the last bytes were offered just now.
        let offered = state.offered.take();
        if state.n_open == 0 && state.phase == Phase::Serving {
            state.phase = Phase::Idle;
            state.since = offered.unwrap_or_else(Instant::now);
        }
    }
}

impl Open {
    /// The connection that the request is on.
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.0
    }

    /// HTTP/1: the reply has bytes for the client (`true`), or waits for the service (`false`).
    pub(super) fn offer(&self, offered: bool) {
        self.0.state().offered = offered.then(Instant::now);
    }
}
