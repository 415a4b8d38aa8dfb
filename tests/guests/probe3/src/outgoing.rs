//! Requests to others, to see what the host lets through.

use behaviour::Errand;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::wit_bindgen::rt::async_support::StreamReader;
use wasip3::{spawn_local, wit_future, wit_stream};

use crate::answer::{self, Ending, Kind};
use crate::sleep;

/// Requests the target and says how it went: `status 200: BODY`, or the error code's text.
pub(crate) async fn request(errand: &Errand) -> String {
    let (_, trailers) = wit_future::new(|| Ok(None));
    let sent = match outgoing(errand, Method::Get, None, trailers) {
        Ok(request) => client::send(request).await,
        Err(error) => Err(error),
    };
    let response = match sent {
        Ok(response) => response,
        Err(error) => return format!("{error:?}"),
    };
    let status = response.get_status_code();
    let (_, read) = wit_future::new(|| Ok(()));
    let (body, ending) = Response::consume_body(response, read);
    let bytes = body.collect().await;
    match ending.await {
        Ok(_) => format!("status {status}: {}", String::from_utf8_lossy(&bytes)),
        Err(error) => format!("status {status}, {} bytes, then {error:?}", bytes.len()),
    }
}

/// Begins to send a body, and gives the host the time to pass it on.
pub(crate) async fn begin(errand: &Errand) {
    let (mut writer, body) = wit_stream::new();
    let (_, trailers) = wit_future::new(|| Ok(None));
    let request = outgoing(errand, Method::Post, Some(body), trailers).expect("a valid address");
    spawn_local(async move {
        let _ = client::send(request).await;
    });
    writer.write_all(b"half".to_vec()).await;
    sleep(300).await;
    // It goes with the instance.
    std::mem::forget(writer);
}

/// Passes a request on and its reply back. No byte of either enters this instance.
pub(crate) async fn relay(request: Request, errand: &Errand) -> Response {
    let (_, received) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, received);
    let sent = match outgoing(errand, Method::Post, Some(body), trailers) {
        Ok(request) => client::send(request).await,
        Err(error) => Err(error),
    };
    let response = match sent {
        Ok(response) => response,
        Err(error) => return answer::text(502, &format!("{error:?}")),
    };
    let status = response.get_status_code();
    let kind = response.get_headers().get("content-type").into_iter().next().map_or(Kind::Bytes, Kind::Other);
    let (_, read) = wit_future::new(|| Ok(()));
    let (body, ending) = Response::consume_body(response, read);
    answer::stream(status, kind, None, body, ending)
}

fn outgoing(
    errand: &Errand,
    method: Method,
    body: Option<StreamReader<u8>>,
    trailers: Ending,
) -> Result<Request, ErrorCode> {
    let options = RequestOptions::new();
    options.set_connect_timeout(errand.connect).expect("it can be set");
    options.set_first_byte_timeout(errand.first_byte).expect("it can be set");
    options.set_between_bytes_timeout(errand.between_bytes).expect("it can be set");
    let (request, _sent) = Request::new(Fields::new(), body, trailers, Some(options));
    let target = &errand.target;
    let scheme = if target.secure { Scheme::Https } else { Scheme::Http };
    let wellformed = request.set_method(&method).is_ok()
        && request.set_scheme(Some(&scheme)).is_ok()
        && request.set_authority(Some(&target.authority)).is_ok()
        && request.set_path_with_query(Some(&target.path)).is_ok();
    if wellformed { Ok(request) } else { Err(ErrorCode::HttpRequestUriInvalid) }
}
