//! What a client of HTTP/2 sends besides its requests, counted: frames that cost it nothing and the host some work.
//!
//! h2 bounds what a connection can make it keep, and refuses floods of empty DATA, of CONTINUATION, and of streams that
//! are reset before they were looked at. It answers every PING and SETTINGS, and starts every request that is reset only
//! then. Here the headers of the frames are read along the way, and nothing else of them. It does not mind either whether
//! a connection begins as it has to.

use std::time::Duration;

use tokio::time::Instant;

/// What a connection of HTTP/2 begins with (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frames that carry nothing of a request, at once and per second. Browsers and proxies send some dozens per second.
const CONTROL: Budget = Budget { most: 10_000, per_second: 10_000 };

/// Bytes of replies that earn a frame more: the client has to open its window again for what it has read.
const BYTES_PER_FRAME: u32 = 512;

/// Cancelled requests, counted twice, so that a request that is not cancelled makes up for one that is.
const CANCELLED: Budget = Budget { most: 2_000, per_second: 200 };

/// How many of something there may be.
#[derive(Debug, Clone, Copy)]
struct Budget {
    most: u32,
    per_second: u32,
}

/// What is left of a budget.
#[derive(Debug)]
struct Purse {
    budget: Budget,
    left: u32,
    filled: Instant,
}

impl Purse {
    const fn new(budget: Budget, now: Instant) -> Self {
        Self { budget, left: budget.most, filled: now }
    }

    fn earn(&mut self, amount: u32) {
        self.left = self.left.saturating_add(amount).min(self.budget.most);
    }

    /// Looks at the clock only when nothing is left, so that it costs next to nothing.
    fn pay(&mut self, price: u32, clock: impl FnOnce() -> Instant) -> bool {
        if self.left < price {
            let now = clock();
            let elapsed = now.saturating_duration_since(self.filled).min(Duration::from_secs(1));
            self.filled = now;
            let earned = elapsed.as_micros() * u128::from(self.budget.per_second) / 1_000_000;
            self.earn(u32::try_from(earned).unwrap_or(u32::MAX));
        }
        match self.left.checked_sub(price) {
            Some(left) => self.left = left,
            None => return false,
        }
        true
    }
}

/// What ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Breach {
    /// The first frame has to be SETTINGS (RFC 9113, 3.4).
    #[error("the HTTP/2 connection does not begin with SETTINGS")]
    Opening,
    /// Too many frames that carry nothing of a request.
    #[error("too many HTTP/2 frames that belong to no request")]
    Control,
    /// Too many requests that the client cancels.
    #[error("too many cancelled HTTP/2 requests")]
    Cancelled,
}

/// Reads along with one connection.
#[derive(Debug)]
pub(super) struct Frames {
    state: State,
    /// A frame came.
    is_open: bool,
    control: Purse,
    cancelled: Purse,
    /// Bytes of replies that have not earned a frame yet.
    written: u32,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// So many bytes of the preface came.
    Preface(usize),
    /// It is not HTTP/2.
    Other,
    /// So many bytes of the header of a frame came.
    Header([u8; 9], usize),
    /// So many bytes of a frame are still to come.
    Payload(usize),
}

impl Frames {
    pub(super) const fn new(now: Instant) -> Self {
        let (control, cancelled) = (Purse::new(CONTROL, now), Purse::new(CANCELLED, now));
        Self { state: State::Preface(0), is_open: false, control, cancelled, written: 0 }
    }

    /// Bytes came from the client.
    pub(super) fn read(&mut self, mut bytes: &[u8], clock: impl Fn() -> Instant) -> Result<(), Breach> {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Other => return Ok(()),
                State::Preface(had) => self.preface(had, bytes),
                State::Header(header, had) => self.header(header, had, bytes, &clock)?,
                State::Payload(left) => {
                    let (_, rest) = bytes.split_at(left.min(bytes.len()));
                    let left = left - (bytes.len() - rest.len());
                    self.state = if left == 0 { State::Header([0; 9], 0) } else { State::Payload(left) };
                    rest
                }
            };
        }
        Ok(())
    }

    /// Bytes went to the client.
    pub(super) fn wrote(&mut self, n_bytes: usize) {
        let written = self.written.saturating_add(u32::try_from(n_bytes).unwrap_or(u32::MAX));
        self.control.earn(written / BYTES_PER_FRAME);
        self.written = written % BYTES_PER_FRAME;
    }

    fn preface<'b>(&mut self, had: usize, bytes: &'b [u8]) -> &'b [u8] {
        let wanted = PREFACE.get(had..).unwrap_or_default();
        let (begin, rest) = bytes.split_at(wanted.len().min(bytes.len()));
        self.state = match (wanted.starts_with(begin), begin.len() == wanted.len()) {
            (true, true) => State::Header([0; 9], 0),
            (true, false) => State::Preface(had + begin.len()),
            (false, _) => State::Other,
        };
        rest
    }

    fn header<'b>(
        &mut self,
        mut header: [u8; 9],
        had: usize,
        bytes: &'b [u8],
        clock: impl Fn() -> Instant,
    ) -> Result<&'b [u8], Breach> {
        let (begin, rest) = bytes.split_at((header.len() - had).min(bytes.len()));
        for (place, byte) in header.iter_mut().skip(had).zip(begin) {
            *place = *byte;
        }
        let had = had + begin.len();
        if had < header.len() {
            self.state = State::Header(header, had);
            return Ok(rest);
        }
        let [a, b, c, kind, ..] = header;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.state = if length == 0 { State::Header([0; 9], 0) } else { State::Payload(length) };
        self.charge(kind, clock).map(|()| rest)
    }

    /// The types are those of RFC 9113, 6.
    fn charge(&mut self, kind: u8, clock: impl Fn() -> Instant) -> Result<(), Breach> {
        const DATA: u8 = 0;
        const HEADERS: u8 = 1;
        const RST_STREAM: u8 = 3;
        const SETTINGS: u8 = 4;
        const CONTINUATION: u8 = 9;
        if !std::mem::replace(&mut self.is_open, true) && kind != SETTINGS {
            return Err(Breach::Opening);
        }
        let within = match kind {
            HEADERS => {
                self.cancelled.earn(1);
                true
            }
            RST_STREAM => return if self.cancelled.pay(2, clock) { Ok(()) } else { Err(Breach::Cancelled) },
            DATA | CONTINUATION => true,
            _ => self.control.pay(1, clock),
        };
        if within { Ok(()) } else { Err(Breach::Control) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const DATA: [u8; 12] = [0, 0, 3, 0, 0, 0, 0, 0, 1, 6, 6, 6];
    const HEADERS: [u8; 10] = [0, 0, 1, 1, 5, 0, 0, 0, 1, 0x82];
    const RESET: [u8; 13] = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8];

    /// How many times `round` can be sent at once, up to `most`.
    fn rounds(frames: &mut Frames, round: &[u8], most: u32, now: Instant) -> u32 {
        let n_rounds = (0..most).find(|_| frames.read(round, || now).is_err()).unwrap_or(most);
        // What was read of the frame that was too much does not matter any more, except here.
        frames.state = State::Header([0; 9], 0);
        n_rounds
    }

    fn opened(now: Instant) -> Frames {
        let mut frames = Frames::new(now);
        frames.read(&[PREFACE, &SETTINGS].concat(), || now).unwrap();
        frames
    }

    #[tokio::test(start_paused = true)]
    async fn control_frames_have_a_rate() {
        let now = Instant::now();
        let mut frames = opened(now);
        assert_eq!(rounds(&mut frames, &PING, 20_000, now), 9_999);
        assert_eq!(rounds(&mut frames, &PING, 20_000, now + Duration::from_millis(100)), 1_000);
        assert_eq!(rounds(&mut frames, &PING, 20_000, now + Duration::from_secs(60)), 10_000);
        frames.wrote(512 * 10 + 511);
        assert_eq!(rounds(&mut frames, &PING, 20_000, now + Duration::from_secs(60)), 10);
        assert_eq!(frames.read(&PING, || now), Err(Breach::Control));
        let mut frames = opened(now);
        // What belongs to requests is not counted.
        assert_eq!(rounds(&mut frames, &DATA, 20_000, now), 20_000);
        assert_eq!(rounds(&mut frames, &HEADERS, 20_000, now), 20_000);
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_most_of_many_requests_is_too_much() {
        let now = Instant::now();
        let cancelled = [&HEADERS[..], &RESET].concat();
        assert_eq!(rounds(&mut opened(now), &cancelled, 20_000, now), 1_999);
        let every_second = [&HEADERS[..], &HEADERS, &RESET].concat();
        assert_eq!(rounds(&mut opened(now), &every_second, 20_000, now), 20_000);
        let mut frames = opened(now);
        rounds(&mut frames, &cancelled, 20_000, now);
        assert_eq!(frames.read(&RESET, || now), Err(Breach::Cancelled));
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_matter_how_the_bytes_are_cut() {
        let now = Instant::now();
        let stream = [PREFACE, &SETTINGS, &DATA, &[PING; 10_000].concat()].concat();
        for size in [1, 2, 5, 9, 23, 24, 25, 4096] {
            let mut frames = Frames::new(now);
            let outcome = stream.chunks(size).try_for_each(|piece| frames.read(piece, || now));
            assert_eq!(outcome, Err(Breach::Control), "in pieces of {size}");
            let mut frames = Frames::new(now);
            let outcome = stream[..stream.len() - PING.len()].chunks(size).try_for_each(|p| frames.read(p, || now));
            assert_eq!(outcome, Ok(()), "in pieces of {size}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn settings_come_first() {
        let now = Instant::now();
        for (first, outcome) in
            [(&SETTINGS[..], Ok(())), (&PING, Err(Breach::Opening)), (&HEADERS, Err(Breach::Opening))]
        {
            assert_eq!(Frames::new(now).read(&[PREFACE, first].concat(), || now), outcome, "{first:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn other_protocols_are_left_alone() {
        let now = Instant::now();
        for first in ["GET / HTTP/1.1\r\n", "PRI * HTTP/1.1\r\n", "PUT / HTTP/1.1\r\n"] {
            let mut frames = Frames::new(now);
            for byte in first.as_bytes() {
                frames.read(&[*byte], || now).unwrap();
            }
            assert_eq!(rounds(&mut frames, &PING, 20_000, now), 20_000, "{first}");
        }
    }
}
