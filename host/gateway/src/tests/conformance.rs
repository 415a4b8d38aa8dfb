//! The rules of RFC 9113 that a client can break, each broken once; after the section numbers of the RFC.
//!
//! Where the RFC asks for FRAME_SIZE_ERROR, FLOW_CONTROL_ERROR or STREAM_CLOSED, h2 often says PROTOCOL_ERROR, and for some
//! errors of a stream it ends the connection, as 5.4.2 allows. Both are taken for right here.

use http_body_util::BodyExt;
use patchbay_model::{Fault, FaultKind, Reply, full_body};

use super::frames::*;
use super::host::{Host, Script, script};

/// Error codes (RFC 9113, 7).
const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const REFUSED_STREAM: u32 = 7;
const COMPRESSION_ERROR: u32 = 9;

/// What has to come of it.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// The request on stream 1 is answered with this status.
    Answered(u16),
    /// Nothing: the connection goes on as if nothing had been.
    Ignored,
    /// The stream ends with one of these codes, or the connection does (5.4.2 allows it).
    Stream(&'static [u32]),
    /// The connection ends, with one of these codes if the host says any.
    Connection(&'static [u32]),
}

use Outcome::{Answered, Connection, Ignored, Stream};

/// Answers when the body has come, and refuses one that is broken.
fn reader() -> Script {
    script(|call| async move {
        match call.request.into_body().collect().await {
            Ok(_) => Ok(Reply::new(full_body("here"))),
            Err(error) => Err(Fault::new(FaultKind::Invalid, error.to_string())),
        }
    })
}

/// Sends `bytes` on a new connection, and holds what comes back against `outcome`.
async fn check(host: &Host, name: &str, bytes: &[u8], outcome: Outcome) -> Result<(), String> {
    let http = host.http().await;
    let mut raw = Raw::open(http.address).await;
    raw.send(bytes).await;
    let wrong = |what: String| Err(format!("{name}: {outcome:?} is right, and it is {what}"));
    match outcome {
        Ignored => {
            raw.send(&get(101)).await;
            let seen = raw.until(|frame| [RST_STREAM, GOAWAY].contains(&frame.kind) || frame.stream == 101).await;
            match seen {
                Some(frame) if frame.stream == 101 && frame.status() == Some(200) => Ok(()),
                other => wrong(format!("{other:?}")),
            }
        }
        Answered(status) => {
            match raw.until(|frame| [RST_STREAM, GOAWAY].contains(&frame.kind) || frame.kind == HEADERS).await {
                Some(frame) if frame.stream == 1 && frame.status() == Some(status) => Ok(()),
                other => wrong(format!("{other:?}")),
            }
        }
        Stream(codes) | Connection(codes) => {
            let ends_stream = matches!(outcome, Stream(_));
            match raw.until(|frame| [RST_STREAM, GOAWAY, HEADERS].contains(&frame.kind)).await {
                Some(frame) if frame.kind == RST_STREAM && ends_stream && codes.contains(&frame.code()) => {
                    if raw.is_alive().await { Ok(()) } else { wrong("the end of the connection".to_owned()) }
                }
                Some(frame) if frame.kind == GOAWAY && codes.contains(&frame.code()) => {
                    if raw.until(|_| false).await.is_none() { Ok(()) } else { unreachable!() }
                }
                None => Ok(()),
                other => wrong(format!("{other:?}")),
            }
        }
    }
}

fn headers(flags: u8, stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, flags, stream, block)
}

/// A GET with these fields and no others.
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    headers(END_STREAM | END_HEADERS, 1, &block(fields))
}

/// A GET with these fields beside those that it needs.
fn more(fields: &[(&str, &str)]) -> Vec<u8> {
    headers(END_STREAM | END_HEADERS, 1, &request("GET", fields))
}

/// A setting: its number and value.
fn setting(number: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&number.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

fn window(stream: u32, increment: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

fn all(frames: &[Vec<u8>]) -> Vec<u8> {
    frames.concat()
}

type Case = (&'static str, Vec<u8>, Outcome);

fn frames() -> Vec<Case> {
    let whole = END_STREAM | END_HEADERS;
    let body = |flags, size| frame(DATA, flags, 1, &vec![b'x'; size]);
    let priority = [&[0, 0, 0, 3, 7][..], &request("GET", &[])].concat();
    let (half, rest) = {
        let block = request("GET", &[]);
        let (half, rest) = block.split_at(9);
        (half.to_vec(), rest.to_vec())
    };
    vec![
        ("4.1 unknown type", all(&[frame(0x16, 0xff, 0, b"?"), frame(0x16, 0, 101, b"?")]), Ignored),
        ("4.1 unknown flags", frame(PING, 0xfe, 0, b"01234567"), Ignored),
        ("4.1 reserved bit", frame(PING, 0, 1 << 31, b"01234567"), Ignored),
        ("4.2 largest DATA", all(&[post(1), body(END_STREAM, 16 << 10)]), Answered(200)),
        (
            "4.2 too large DATA",
            all(&[post(1), body(END_STREAM, (16 << 10) + 1)]),
            Stream(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "4.2 too large HEADERS",
            headers(whole, 1, &request("GET", &[("x", &"y".repeat(16 << 10))])),
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "4.3 index out of range",
            headers(whole, 1, &[0xff, 0xff, 0x7f]),
            Connection(&[COMPRESSION_ERROR, PROTOCOL_ERROR]),
        ),
        ("4.3 cut block", headers(whole, 1, &[0x00, 0x05, b'x']), Connection(&[COMPRESSION_ERROR, PROTOCOL_ERROR])),
        (
            "4.3 table larger than allowed",
            headers(whole, 1, &[&[0x3f, 0xe1, 0x7f][..], &request("GET", &[])].concat()),
            Connection(&[COMPRESSION_ERROR, PROTOCOL_ERROR]),
        ),
        ("5.1 idle: DATA", frame(DATA, END_STREAM, 1, b"x"), Connection(&[PROTOCOL_ERROR])),
        ("5.1 idle: RST_STREAM", frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]), Connection(&[PROTOCOL_ERROR])),
        ("5.1 idle: WINDOW_UPDATE", window(1, 1), Connection(&[PROTOCOL_ERROR])),
        ("5.1 idle: CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, &[0x82]), Connection(&[PROTOCOL_ERROR])),
        ("5.1 half-closed: DATA", all(&[get(1), body(END_STREAM, 1)]), Stream(&[STREAM_CLOSED, PROTOCOL_ERROR])),
        ("5.1 half-closed: HEADERS", all(&[get(1), get(1)]), Stream(&[STREAM_CLOSED, PROTOCOL_ERROR])),
        (
            "5.1 half-closed: CONTINUATION",
            all(&[get(1), frame(CONTINUATION, END_HEADERS, 1, &[0x82])]),
            Connection(&[STREAM_CLOSED, PROTOCOL_ERROR]),
        ),
        (
            "5.1 reset: DATA",
            all(&[post(1), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]), body(END_STREAM, 1)]),
            Stream(&[STREAM_CLOSED, PROTOCOL_ERROR]),
        ),
        (
            "5.1 reset: HEADERS",
            all(&[post(1), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]), get(1)]),
            Stream(&[STREAM_CLOSED, PROTOCOL_ERROR]),
        ),
        ("5.1 half-closed: WINDOW_UPDATE", all(&[get(1), window(1, 1)]), Answered(200)),
        ("5.1 half-closed: RST_STREAM", all(&[get(1), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])]), Ignored),
        ("5.1.1 even stream", get(2), Connection(&[PROTOCOL_ERROR])),
        ("5.1.1 lower stream", all(&[post(5), get(3)]), Connection(&[PROTOCOL_ERROR])),
        (
            "5.1.2 too many streams",
            (0..300).flat_map(|n| post(2 * n + 1)).collect(),
            Stream(&[REFUSED_STREAM, PROTOCOL_ERROR]),
        ),
        ("5.3 PRIORITY of an idle stream", frame(PRIORITY, 0, 99, &[0, 0, 0, 1, 7]), Ignored),
        ("6.1 DATA on stream 0", frame(DATA, 0, 0, b"x"), Connection(&[PROTOCOL_ERROR])),
        ("6.1 padding", all(&[post(1), frame(DATA, PADDED | END_STREAM, 1, &[3, b'x', 0, 0, 0])]), Answered(200)),
        (
            "6.1 more padding than frame",
            all(&[post(1), frame(DATA, PADDED | END_STREAM, 1, &[6, b'x', 0, 0, 0])]),
            Connection(&[PROTOCOL_ERROR]),
        ),
        ("6.2 HEADERS on stream 0", get(0), Connection(&[PROTOCOL_ERROR])),
        ("6.2 with priority", headers(whole | WITH_PRIORITY, 1, &priority), Answered(200)),
        ("6.2 more padding than frame", headers(whole | PADDED, 1, &[0xff, 0x82]), Connection(&[PROTOCOL_ERROR])),
        ("6.2 HEADERS within HEADERS", all(&[headers(END_STREAM, 1, &half), get(3)]), Connection(&[PROTOCOL_ERROR])),
        (
            "6.2 PING within HEADERS",
            all(&[headers(END_STREAM, 1, &half), frame(PING, 0, 0, &[0; 8])]),
            Connection(&[PROTOCOL_ERROR]),
        ),
        (
            "6.2 unknown within HEADERS",
            all(&[headers(END_STREAM, 1, &half), frame(0x16, 0, 0, &[])]),
            Connection(&[PROTOCOL_ERROR]),
        ),
        ("6.3 PRIORITY on stream 0", frame(PRIORITY, 0, 0, &[0, 0, 0, 1, 7]), Connection(&[PROTOCOL_ERROR])),
        (
            "6.3 PRIORITY of wrong size",
            frame(PRIORITY, 0, 1, &[0, 0, 0, 1]),
            Stream(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        ("6.4 RST_STREAM on stream 0", frame(RST_STREAM, 0, 0, &[0; 4]), Connection(&[PROTOCOL_ERROR])),
        (
            "6.4 RST_STREAM of wrong size",
            all(&[post(1), frame(RST_STREAM, 0, 1, &[0; 3])]),
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        ("6.5 SETTINGS on a stream", frame(SETTINGS, 0, 1, &[]), Connection(&[PROTOCOL_ERROR])),
        ("6.5 SETTINGS of wrong size", frame(SETTINGS, 0, 0, &[0; 5]), Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR])),
        (
            "6.5 acknowledgement with settings",
            frame(SETTINGS, ACK, 0, &[0; 6]),
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        ("6.5.2 ENABLE_PUSH 2", setting(2, 2), Connection(&[PROTOCOL_ERROR])),
        ("6.5.2 INITIAL_WINDOW_SIZE", setting(4, 1 << 31), Connection(&[FLOW_CONTROL_ERROR, PROTOCOL_ERROR])),
        ("6.5.2 small MAX_FRAME_SIZE", setting(5, (16 << 10) - 1), Connection(&[PROTOCOL_ERROR])),
        ("6.5.2 large MAX_FRAME_SIZE", setting(5, 1 << 24), Connection(&[PROTOCOL_ERROR])),
        ("6.5.2 unknown setting", setting(0xabcd, 7), Ignored),
        (
            "6.6 PUSH_PROMISE",
            frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2][..], &request("GET", &[])].concat()),
            Connection(&[PROTOCOL_ERROR]),
        ),
        ("6.7 PING on a stream", frame(PING, 0, 1, &[0; 8]), Connection(&[PROTOCOL_ERROR])),
        ("6.7 PING of wrong size", frame(PING, 0, 0, &[0; 7]), Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR])),
        ("6.7 answer to no PING", frame(PING, ACK, 0, &[0; 8]), Ignored),
        ("6.8 GOAWAY on a stream", frame(GOAWAY, 0, 1, &[0; 8]), Connection(&[PROTOCOL_ERROR])),
        ("6.9 WINDOW_UPDATE by 0", window(0, 0), Connection(&[PROTOCOL_ERROR])),
        ("6.9 WINDOW_UPDATE by 0 of a stream", all(&[post(1), window(1, 0)]), Stream(&[PROTOCOL_ERROR])),
        (
            "6.9 WINDOW_UPDATE of wrong size",
            frame(WINDOW_UPDATE, 0, 0, &[0; 3]),
            Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "6.9.1 window too large",
            all(&[window(0, (1 << 31) - 1), window(0, 1)]),
            Connection(&[FLOW_CONTROL_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "6.9.1 window of a stream too large",
            all(&[post(1), window(1, (1 << 31) - 1), window(1, 1)]),
            Stream(&[FLOW_CONTROL_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "6.9.2 window of streams too large",
            all(&[post(1), window(1, (1 << 31) - 65_536), setting(4, 65_537)]),
            Connection(&[FLOW_CONTROL_ERROR, PROTOCOL_ERROR]),
        ),
        (
            "6.10 CONTINUATION",
            all(&[
                headers(END_STREAM, 1, &half),
                frame(CONTINUATION, 0, 1, &[]),
                frame(CONTINUATION, END_HEADERS, 1, &rest),
            ]),
            Answered(200),
        ),
        (
            "6.10 CONTINUATION of another stream",
            all(&[headers(END_STREAM, 1, &half), frame(CONTINUATION, END_HEADERS, 3, &rest)]),
            Connection(&[PROTOCOL_ERROR]),
        ),
        (
            "6.10 CONTINUATION on stream 0",
            all(&[headers(END_STREAM, 1, &half), frame(CONTINUATION, END_HEADERS, 0, &rest)]),
            Connection(&[PROTOCOL_ERROR]),
        ),
        (
            "6.10 CONTINUATION after the end",
            all(&[post(1), frame(CONTINUATION, END_HEADERS, 1, &[])]),
            Connection(&[PROTOCOL_ERROR]),
        ),
        ("7 unknown code", all(&[post(1), frame(RST_STREAM, 0, 1, &[0, 0, 0, 0xff])]), Ignored),
    ]
}

fn messages() -> Vec<Case> {
    let malformed = Stream(&[PROTOCOL_ERROR]);
    let refused = Answered(400);
    let body = |flags, text: &[u8]| frame(DATA, flags, 1, text);
    let with_length = |length| headers(END_HEADERS, 1, &request("POST", &[("content-length", length)]));
    let trailers = |fields: &[(&str, &str)]| headers(END_STREAM | END_HEADERS, 1, &block(fields));
    vec![
        ("8.1 body and trailers", all(&[post(1), body(0, b"x"), trailers(&[("x", "y")])]), Answered(200)),
        ("8.1 second HEADERS without end", all(&[post(1), headers(END_HEADERS, 1, &block(&[("x", "y")]))]), malformed),
        (
            "8.1 pseudo-header in trailers, which h2 drops",
            all(&[post(1), body(0, b"x"), trailers(&[(":method", "GET")])]),
            Answered(200),
        ),
        ("8.1.1 body longer than announced", all(&[with_length("1"), body(END_STREAM, b"xyz")]), malformed),
        ("8.1.1 body shorter than announced", all(&[with_length("4"), body(END_STREAM, b"xyz")]), malformed),
        (
            "8.1.1 body in pieces longer than announced",
            all(&[with_length("4"), body(0, b"xyz"), body(END_STREAM, b"xyz")]),
            malformed,
        ),
        (
            "8.1.1 no body as announced",
            all(&[headers(END_STREAM | END_HEADERS, 1, &request("POST", &[("content-length", "4")]))]),
            malformed,
        ),
        (
            "8.1.1 lengths that differ",
            all(&[
                headers(END_HEADERS, 1, &request("POST", &[("content-length", "1"), ("content-length", "2")])),
                body(END_STREAM, b"x"),
            ]),
            malformed,
        ),
        ("8.1.1 length that is none", all(&[with_length("+1"), body(END_STREAM, b"x")]), malformed),
        ("8.1.1 body as announced", all(&[with_length("3"), body(0, b"x"), body(END_STREAM, b"yz")]), Answered(200)),
        ("8.2.1 upper case", more(&[("X-Upper", "y")]), malformed),
        ("8.2.1 space in name", more(&[("x y", "z")]), malformed),
        ("8.2.1 colon in name", more(&[("x:y", "z")]), malformed),
        ("8.2.1 empty name", more(&[("", "z")]), malformed),
        ("8.2.1 CR in value", more(&[("x", "a\rb")]), malformed),
        ("8.2.1 LF in value", more(&[("x", "a\nb: c")]), malformed),
        ("8.2.1 NUL in value", more(&[("x", "a\0b")]), malformed),
        ("8.2.2 connection", more(&[("connection", "x")]), malformed),
        ("8.2.2 keep-alive", more(&[("keep-alive", "timeout=5")]), malformed),
        ("8.2.2 proxy-connection", more(&[("proxy-connection", "keep-alive")]), malformed),
        ("8.2.2 transfer-encoding", more(&[("transfer-encoding", "chunked")]), malformed),
        ("8.2.2 upgrade", more(&[("upgrade", "h2c")]), malformed),
        ("8.2.2 te", more(&[("te", "gzip")]), malformed),
        ("8.2.2 te: trailers", more(&[("te", "trailers")]), Answered(200)),
        ("8.3 unknown pseudo-header", more(&[(":test", "x")]), malformed),
        ("8.3 pseudo-header of replies", more(&[(":status", "200")]), malformed),
        (
            "8.3 pseudo-header after a field",
            fields(&[(":method", "GET"), (":scheme", "http"), ("x", "y"), (":path", "/"), (":authority", "a")]),
            malformed,
        ),
        ("8.3 pseudo-header twice", more(&[(":path", "/other")]), malformed),
        ("8.3.1 method twice", more(&[(":method", "POST")]), malformed),
        ("8.3.1 scheme twice", more(&[(":scheme", "https")]), malformed),
        ("8.3.1 authority twice", more(&[(":authority", "other.test")]), malformed),
        ("8.3.1 no method", fields(&[(":scheme", "http"), (":path", "/"), (":authority", "a")]), malformed),
        ("8.3.1 no scheme", fields(&[(":method", "GET"), (":path", "/"), (":authority", "a")]), malformed),
        ("8.3.1 no path", fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "a")]), malformed),
        (
            "8.3.1 empty path",
            fields(&[(":method", "GET"), (":scheme", "http"), (":path", ""), (":authority", "a")]),
            malformed,
        ),
        ("8.3.1 no authority", fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/")]), refused),
        (
            "8.3.1 host instead of authority",
            fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a")]),
            Answered(200),
        ),
        ("8.3.1 host as the authority", more(&[("host", "orders.test")]), Answered(200)),
        ("8.3.1 host unlike the authority", more(&[("host", "other.test")]), refused),
        (
            "8.3.1 user in the authority",
            fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "u@a")]),
            refused,
        ),
        (
            "8.5 CONNECT with a path",
            fields(&[(":method", "CONNECT"), (":scheme", "http"), (":path", "/"), (":authority", "a:1")]),
            malformed,
        ),
    ]
}

#[tokio::test]
async fn clients_that_break_the_rules_are_told() {
    let host = Host::serving(reader(), &["/*"]).await;
    let mut wrong = Vec::new();
    for (name, bytes, outcome) in frames().into_iter().chain(messages()) {
        wrong.extend(check(&host, name, &bytes, outcome).await.err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_begins_wrong_ends() {
    let host = Host::serving(reader(), &["/*"]).await;
    let http = host.http().await;
    for begin in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"[..],
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        &[PREFACE, &get(1)].concat(),
        &[PREFACE, &frame(SETTINGS, 0, 1, &[])].concat(),
        &[PREFACE, b"GET / HTTP/1.1\r\n\r\n"].concat(),
    ] {
        let mut raw = Raw::connect(http.address).await;
        raw.send(begin).await;
        let mut said = Vec::new();
        let (mut reader, _writer) = raw.split();
        let begun = tokio::time::Instant::now();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut said).await;
        // The time that a head may take is the most that it can last.
        assert!(begun.elapsed() <= std::time::Duration::from_secs(13), "{begin:?}: {:?}", begun.elapsed());
        assert!(!said.windows(4).any(|window| window == b"here"), "{begin:?}");
    }
}

#[tokio::test]
async fn settings_and_pings_are_answered_in_order() {
    let host = Host::serving(reader(), &["/*"]).await;
    let http = host.http().await;
    let mut raw = Raw::open(http.address).await;
    raw.send(&all(&[frame(PING, 0, 0, b"firstone"), setting(3, 10), frame(PING, 0, 0, b"secondon")])).await;
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 3 {
        let frame = raw.next().await.unwrap();
        if frame.flags == ACK {
            acknowledged.push((frame.kind, String::from_utf8(frame.payload).unwrap()));
        }
    }
    acknowledged.sort();
    assert_eq!(acknowledged, [(SETTINGS, ""), (PING, "firstone"), (PING, "secondon")].map(|(k, p)| (k, p.to_owned())));
}

#[tokio::test]
async fn nothing_is_sent_beyond_the_window_of_the_client() {
    let host = Host::serving(reader(), &["/*"]).await;
    let http = host.http().await;
    let mut raw = Raw::open(http.address).await;
    // A window of one byte, for a reply of four.
    raw.send(&all(&[setting(4, 1), get(1)])).await;
    let mut body = Vec::new();
    while body.len() < 4 {
        let frame = raw.until(|frame| frame.kind == DATA).await.unwrap();
        assert!(frame.payload.len() <= 1, "{frame:?}");
        body.extend(frame.payload);
        assert!(raw.is_alive().await);
        raw.send(&window(1, 1)).await;
    }
    assert_eq!(body, b"here");
    // A window that the settings make negative, until it is opened again (6.9.2).
    let mut raw = Raw::open(http.address).await;
    raw.send(&all(&[setting(4, 2), post(1)])).await;
    assert!(raw.is_alive().await);
    raw.send(&all(&[setting(4, 0), frame(DATA, END_STREAM, 1, b"x"), frame(PING, 0, 0, b"no data!")])).await;
    let first = raw.until(|frame| frame.kind == DATA && !frame.payload.is_empty() || frame.kind == PING).await.unwrap();
    assert_eq!(first.kind, PING, "{first:?}");
    raw.send(&window(1, 4)).await;
    assert_eq!(raw.until(|frame| frame.kind == DATA).await.unwrap().payload, b"here");
}
