//! A request to outside, for which this service has to wait.

use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::wit_future;

/// What is at an address of the form `http://AUTHORITY/PATH`, or what went wrong.
pub(crate) async fn fetch(url: &str) -> String {
    match try_fetch(url).await {
        Ok(text) => text,
        Err(error) => format!("{error:?}"),
    }
}

async fn try_fetch(url: &str) -> Result<String, ErrorCode> {
    let (authority, path) =
        url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
    let wellformed = request.set_scheme(Some(&Scheme::Http)).is_ok()
        && request.set_authority(Some(authority)).is_ok()
        && request.set_path_with_query(Some(&format!("/{path}"))).is_ok();
    if !wellformed {
        return Err(ErrorCode::HttpRequestUriInvalid);
    }
    let response = client::send(request).await?;
    let (_, read) = wit_future::new(|| Ok(()));
    let (body, ending) = Response::consume_body(response, read);
    let bytes = body.collect().await;
    ending.await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
