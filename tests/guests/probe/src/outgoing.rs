//! A request to the outside, to see what the host lets through.

use behaviour::Target;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, OutgoingRequest, Scheme};

/// Requests the target and says how it went: `status 200`, or the error code's text.
pub(crate) fn request(target: &Target) -> String {
    match status(target) {
        Ok(status) => format!("status {status}"),
        Err(error) => format!("{error:?}"),
    }
}

fn status(target: &Target) -> Result<u16, ErrorCode> {
    let request = OutgoingRequest::new(Fields::new());
    let scheme = if target.secure { Scheme::Https } else { Scheme::Http };
    let wellformed = request.set_scheme(Some(&scheme)).is_ok()
        && request.set_authority(Some(&target.authority)).is_ok()
        && request.set_path_with_query(Some(&target.path)).is_ok();
    if !wellformed {
        return Err(ErrorCode::HttpRequestUriInvalid);
    }
    let response = outgoing_handler::handle(request, None)?;
    response.subscribe().block();
    match response.get() {
        Some(Ok(outcome)) => outcome.map(|response| response.status()),
        None | Some(Err(())) => Err(ErrorCode::InternalError(Some("the response was not there".into()))),
    }
}
