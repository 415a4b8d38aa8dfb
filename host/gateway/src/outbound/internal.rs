//! Calls from service to service: a request to `http://NAME.internal` goes to the service NAME through the channel.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request, Response};
use patchbay_control::{Control, MIRROR_HEADER};
use patchbay_model::{Body, Course, FaultKind, OutboundError, Reply, ServiceName};

use super::policy::{Host, Origin};
use crate::http::{Asked, CALL_HEADER, CALLER_HEADER, PARENT_HEADER, call_value, strip_request};
use crate::problem::reply_to;

/// Below it are the services of the host. Reserved for uses like this one, so no name of the internet is hidden.
const SUFFIX: &str = ".internal";

/// What stands before `.internal`: the name of a service, or none that there could be.
pub(super) fn service_of(origin: &Origin) -> Option<&str> {
    match &origin.host {
        Host::Name(name) => name.strip_suffix(SUFFIX),
        Host::Address(_) => None,
    }
}

/// Takes a request of `caller` to the service `name`. What comes back is what a caller from outside would get: the
/// reply, or the problem that tells of the fault.
///
/// # Errors
/// If the service does not let this one call it, or there is none of that name.
pub(super) async fn call(
    control: Option<Arc<Control>>,
    name: &str,
    caller: &ServiceName,
    course: Course,
    request: Request<Body>,
    origin: &Origin,
) -> Result<Reply, OutboundError> {
    // There is no socket, so nothing to encrypt, and no other port.
    if origin.secure || origin.port != 80 {
        return Err(OutboundError::InvalidAddress);
    }
    let control = control.ok_or_else(|| OutboundError::Host("there are no services yet".to_owned()))?;
    let callee = name.parse::<ServiceName>().map_err(|_| OutboundError::NoSuchService)?;
    let begun = control.begin_for_service(course.trace.as_ref(), &request);
    let id = begun.id;
    let (mut head, body) = request.into_parts();
    strip_request(&mut head.headers);
    head.headers.insert(CALL_HEADER, call_value(id));
    set(&mut head, CALLER_HEADER, HeaderValue::from_str(caller.as_str()).ok());
    set(&mut head, PARENT_HEADER, course.call.map(call_value));
    set(&mut head, MIRROR_HEADER, None);
    begun.span.context.write(&mut head.headers);
    let asked = Asked::new(id, head.method.clone());
    let outcome = control.call_service(&callee, caller, course, begun, Box::new(Request::from_parts(head, body))).await;
    let outcome = match outcome {
        Err(fault) if fault.kind() == FaultKind::Denied => return Err(OutboundError::Denied),
        Err(fault) if fault.kind() == FaultKind::NotFound => return Err(OutboundError::NoSuchService),
        outcome => outcome.map_err(|fault| reply_to(&fault, id)),
    };
    Ok(Response::from(asked.answer(outcome)).map(Body::new).into())
}

/// What the host says in a header is all that stands there.
fn set(head: &mut http::request::Parts, name: HeaderName, value: Option<HeaderValue>) {
    match value {
        Some(value) => head.headers.insert(name, value),
        None => head.headers.remove(name),
    };
}
