//! A request to the outside, to see what the host lets through.

use behaviour::Target;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Scheme};
use wasip3::wit_future;

/// Requests the target and says how it went: `status 200`, or the error code's text.
pub(crate) async fn request(target: &Target) -> String {
    match status(target).await {
        Ok(status) => format!("status {status}"),
        Err(error) => format!("{error:?}"),
    }
}

async fn status(target: &Target) -> Result<u16, ErrorCode> {
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
    let scheme = if target.secure { Scheme::Https } else { Scheme::Http };
    let wellformed = request.set_scheme(Some(&scheme)).is_ok()
        && request.set_authority(Some(&target.authority)).is_ok()
        && request.set_path_with_query(Some(&target.path)).is_ok();
    if !wellformed {
        return Err(ErrorCode::HttpRequestUriInvalid);
    }
    client::send(request).await.map(|response| response.get_status_code())
}
