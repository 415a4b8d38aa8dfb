//! Requests to others, to see what the host lets through.

use behaviour::Errand;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingRequest, IncomingResponse, Method,
    OutgoingRequest, RequestOptions, Scheme, http_error_code,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, StreamError};

use crate::answer::{Answer, Body, Kind};

/// What is passed on at once, in bytes.
const AT_MOST: u64 = 64 * 1024;

/// Requests the target and says how it went: `status 200: BODY`, or the error code's text.
pub(crate) fn request(errand: &Errand) -> String {
    match fetch(errand) {
        Ok(text) => text,
        Err(error) => format!("{error:?}"),
    }
}

fn fetch(errand: &Errand) -> Result<String, ErrorCode> {
    let pending = outgoing_handler::handle(outgoing(errand, Method::Get)?, options(errand))?;
    pending.subscribe().block();
    let response = outcome(&pending).expect("it was waited for")?;
    let status = response.status();
    let body = response.consume().expect("the body is taken once");
    let stream = body.stream().expect("the stream is taken once");
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(AT_MOST) {
            Ok(more) => bytes.extend(more),
            Err(StreamError::Closed) => return Ok(format!("status {status}: {}", String::from_utf8_lossy(&bytes))),
            Err(StreamError::LastOperationFailed(error)) => {
                // Not every host finds the code again, once it is an error of a stream.
                let code = http_error_code(&error).map(|code| format!("{code:?}"));
                let code = code.unwrap_or_else(|| error.to_debug_string());
                return Ok(format!("status {status}, {} bytes, then {code}", bytes.len()));
            }
        }
    }
}

/// Begins to send a body, and gives the host the time to pass it on.
pub(crate) fn begin(errand: &Errand) {
    let request = outgoing(errand, Method::Post).expect("a valid address");
    let mut body = Body::of(request.body().expect("the body is taken once"));
    let pending = outgoing_handler::handle(request, options(errand)).expect("it may be sent");
    body.write(b"half").expect("it is taken");
    std::thread::sleep(std::time::Duration::from_millis(300));
    // Both go with the instance, in whatever order that has.
    std::mem::forget((body, pending));
}

/// Passes a request on and its reply back, both at the same time.
pub(crate) fn relay(request: &IncomingRequest, errand: &Errand, answer: Answer) {
    let outgoing = match outgoing(errand, Method::Post) {
        Ok(outgoing) => outgoing,
        Err(error) => return answer.text(502, &format!("{error:?}")),
    };
    let sent = Body::of(outgoing.body().expect("the body is taken once"));
    let pending = match outgoing_handler::handle(outgoing, options(errand)) {
        Ok(pending) => pending,
        Err(error) => return answer.text(502, &format!("{error:?}")),
    };
    let received = request.consume().expect("the body is taken once");
    let source = received.stream().expect("the stream is taken once");
    let mut upward = Pipe { source: Some(source), sink: Some(sent) };
    let mut downward = Pipe { source: None, sink: None };
    let mut answer = Some(answer);
    let mut kept: Option<(IncomingBody, IncomingResponse)> = None;
    loop {
        upward.pump();
        if let Some(outcome) = answer.as_ref().and_then(|_| outcome(&pending)) {
            let answer = answer.take().expect("it is there");
            let response = match outcome {
                Ok(response) => response,
                Err(error) => return answer.text(502, &format!("{error:?}")),
            };
            let kind = response.headers().get("content-type").into_iter().next().map_or(Kind::Bytes, Kind::Other);
            downward.sink = Some(answer.start(response.status(), kind, None));
            let body = response.consume().expect("the body is taken once");
            downward.source = Some(body.stream().expect("the stream is taken once"));
            kept = Some((body, response));
        }
        downward.pump();
        if answer.is_none() && downward.is_done() {
            break;
        }
        let mut waits: Vec<Pollable> = upward.wait().into_iter().chain(downward.wait()).collect();
        if answer.is_some() {
            waits.push(pending.subscribe());
        }
        poll(&waits.iter().collect::<Vec<_>>());
    }
    drop((upward, downward));
    drop(kept);
}

/// Bytes on their way from one side to the other, as far as neither has to be waited for.
struct Pipe {
    source: Option<InputStream>,
    sink: Option<Body>,
}

impl Pipe {
    fn is_done(&self) -> bool {
        self.sink.is_none()
    }

    fn pump(&mut self) {
        let (Some(source), Some(sink)) = (&self.source, &mut self.sink) else { return };
        loop {
            match sink.stream.check_write() {
                Ok(0) => return,
                Ok(room) => match source.read(room.min(AT_MOST)) {
                    Ok(bytes) if bytes.is_empty() => return,
                    Ok(bytes) => sink.stream.write(&bytes).expect("there is room"),
                    Err(StreamError::Closed) => {
                        self.source = None;
                        if let Some(sink) = self.sink.take() {
                            sink.finish();
                        }
                        return;
                    }
                    // What broke off is not passed off as whole.
                    Err(StreamError::LastOperationFailed(_)) => panic!("the source broke off"),
                },
                Err(_) => {
                    (self.source, self.sink) = (None, None);
                    return;
                }
            }
        }
    }

    fn wait(&self) -> Option<Pollable> {
        let (source, sink) = (self.source.as_ref()?, self.sink.as_ref()?);
        let full = matches!(sink.stream.check_write(), Ok(0));
        Some(if full { sink.stream.subscribe() } else { source.subscribe() })
    }
}

fn outcome(pending: &FutureIncomingResponse) -> Option<Result<IncomingResponse, ErrorCode>> {
    pending.get().map(|outcome| outcome.expect("it is taken once"))
}

fn outgoing(errand: &Errand, method: Method) -> Result<OutgoingRequest, ErrorCode> {
    let request = OutgoingRequest::new(Fields::new());
    let target = &errand.target;
    let scheme = if target.secure { Scheme::Https } else { Scheme::Http };
    let wellformed = request.set_method(&method).is_ok()
        && request.set_scheme(Some(&scheme)).is_ok()
        && request.set_authority(Some(&target.authority)).is_ok()
        && request.set_path_with_query(Some(&target.path)).is_ok();
    if wellformed { Ok(request) } else { Err(ErrorCode::HttpRequestUriInvalid) }
}

fn options(errand: &Errand) -> Option<RequestOptions> {
    let options = RequestOptions::new();
    options.set_connect_timeout(errand.connect).expect("it can be set");
    options.set_first_byte_timeout(errand.first_byte).expect("it can be set");
    options.set_between_bytes_timeout(errand.between_bytes).expect("it can be set");
    Some(options)
}
