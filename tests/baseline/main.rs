//! The native server that benchmarks compare with: axum, with the answers that the guests give.
#![allow(clippy::print_stdout, reason = "it tells its address to whoever started it")]

use axum::Router;
use axum::body::Body;
use axum::http::header;
use axum::routing::get;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let hello = || async { ([(header::CONTENT_TYPE, "text/plain")], "Hello, world!") };
    let echo = |body: Body| async { body };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().fallback(get(hello).post(echo))).await
}
