//! What a connection may make the host keep or wait for.

use std::time::Duration;

use hyper_util::server::conn::auto;

use super::addresses::AddressLimits;
use super::streams::StreamExecutor;

/// What is enforced on connections.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimits {
    pub(crate) max_connections: u32,
    pub(crate) per_address: AddressLimits,
    /// From the first byte of a request to the end of its head; and from a connection to its first byte.
    pub(crate) header_timeout: Duration,
    /// Between two requests.
    pub(crate) idle_timeout: Duration,
    /// While the body of a request is waited for.
    pub(crate) body_timeout: Duration,
    /// While a reply waits for its reader.
    pub(crate) stall_timeout: Duration,
    pub(crate) max_headers: u32,
    /// Size of the head of a request, in bytes.
    pub(crate) max_head: u32,
    /// Requests at a time on one HTTP/2 connection.
    pub(crate) max_streams: u32,
    /// How long requests may take to end once the server stops.
    pub(crate) drain: Duration,
}

/// HTTP/2 streams that a client may have reset before they were looked at. Beyond it the connection is ended.
const PENDING_RESETS: usize = 20;

/// HTTP/2 streams of one connection that the host may have had to reset because of what the client sent on them.
const STREAM_ERRORS: usize = 1024;

/// Size of an HTTP/2 frame, in bytes.
const FRAME: u32 = 16 << 10;

/// What a client may send on an HTTP/2 stream, and on a connection, before the service has read it, in bytes.
const WINDOW: u32 = 1 << 20;

/// What is written to an HTTP/2 stream and has not been sent, in bytes.
const SEND_BUFFER: usize = 400 << 10;

/// What is read of an HTTP/1 connection in one piece beyond the head that a request may have, in bytes: a body of this size
/// comes whole, and a service need not be woken for the rest of it.
const READ_AHEAD: usize = 64 << 10;

/// Tells hyper and h2 what a connection may make the host keep.
pub(super) fn configure(builder: &mut auto::Builder<StreamExecutor>, limits: &ConnectionLimits) {
    // The time a head may take is watched in `connection.rs`, where it can be told from idle time.
    builder
        .http1()
        .header_read_timeout(None)
        .max_headers(limits.max_headers as usize)
        // What a head may have is enforced in `head.rs`.
        .max_buf_size(limits.max_head as usize + READ_AHEAD);
    // The defaults of the libraries at the time of writing, except for the first two. They are said here because clients
    // can rely on them, and so that they change when somebody decides it.
    builder
        .http2()
        .max_header_list_size(limits.max_head)
        .max_concurrent_streams(limits.max_streams)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(STREAM_ERRORS)
        .max_frame_size(FRAME)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .adaptive_window(false);
}
