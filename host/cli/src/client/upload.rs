//! Uploading a component, as a stream.

use std::path::Path;

use futures_util::StreamExt;
use reqwest::{Body, Method, header};
use tokio_util::io::ReaderStream;

use super::Client;
use super::view::Stored;
use crate::failure::Failure;

/// Bytes that are read at a time.
const PIECE: usize = 256 << 10;

impl Client {
    /// Uploads the component in the file at `path`. `tell` is called with the bytes that were sent and with all.
    ///
    /// # Errors
    /// If the file cannot be read, or the host cannot be reached or refuses.
    pub(crate) async fn upload(
        &self,
        path: &Path,
        tell: impl Fn(u64, u64) + Send + 'static,
    ) -> Result<Stored, Failure> {
        let cannot = |error| Failure::failed(format!("cannot read the component `{}`: {error}", path.display()));
        let file = tokio::fs::File::open(path).await.map_err(cannot)?;
        let about = file.metadata().await.map_err(cannot)?;
        if !about.is_file() {
            return Err(Failure::failed(format!("`{}` is no file; name the file of a component", path.display())));
        }
        let size = about.len();
        let mut sent = 0;
        let pieces = ReaderStream::with_capacity(file, PIECE).inspect(move |piece| {
            sent += piece.as_ref().map_or(0, |piece| piece.len() as u64);
            tell(sent, size);
        });
        let request = self
            .request(Method::POST, "/v1/components")
            .header(header::CONTENT_TYPE, "application/wasm")
            .header(header::CONTENT_LENGTH, size)
            .body(Body::wrap_stream(pieces));
        let reply = self.send(request).await?;
        Ok(serde_json::from_value(self.json(reply).await?)?)
    }
}
