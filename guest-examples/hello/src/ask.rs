//! A request to another service of the same host, and its answer, passed on.

use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response, Scheme};
use wasip3::wit_future;

use crate::discovery;
use crate::problem::Problem;

/// What `service` answers to a GET of `path`. It is resolved first, so that the name is one that a service really has.
pub(crate) async fn ask(service: &str, path: &str) -> Result<Response, Problem> {
    discovery::resolve(service)?;
    let request = get(service, path)?;
    client::send(request).await.map_err(|error| failed(service, &error))
}

fn get(service: &str, path: &str) -> Result<Request, Problem> {
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
    let wellformed = request.set_method(&Method::Get).is_ok()
        && request.set_scheme(Some(&Scheme::Http)).is_ok()
        && request.set_authority(Some(&format!("{service}.internal"))).is_ok()
        && request.set_path_with_query(Some(path)).is_ok();
    if wellformed { Ok(request) } else { Err(Problem::new(400, format!("path: there can be no `{path}`"))) }
}

/// The request came to no answer. What the service fails with is one, so these are few.
fn failed(service: &str, error: &ErrorCode) -> Problem {
    match error {
        ErrorCode::HttpRequestDenied => Problem::new(403, format!("`{service}` does not let this service call it")),
        // It went since it was resolved.
        ErrorCode::DestinationNotFound => Problem::new(404, format!("there is no service `{service}` any more")),
        error => Problem::new(502, format!("`{service}` did not answer: {error:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_to_no_answer_is_told_apart() {
        let cases = [
            (ErrorCode::HttpRequestDenied, 403),
            (ErrorCode::DestinationNotFound, 404),
            (ErrorCode::HttpResponseTimeout, 502),
        ];
        for (error, status) in cases {
            let problem = failed("inventory", &error);
            assert_eq!(problem.status, status, "{error:?}");
            assert!(problem.detail.contains("`inventory`"), "{problem:?}");
        }
    }
}
