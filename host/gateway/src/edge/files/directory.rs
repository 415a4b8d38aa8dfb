//! Which files of a directory there are for callers: those in it, and none that begins with a dot. A symbolic link is followed
//! only if what it leads to is in the directory, too.

use std::future::Future;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use tower_http::services::fs::{Backend, TokioBackend, TokioFile};

/// Names that begin with a dot, and are for everybody nevertheless (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// A directory that is served.
#[derive(Debug, Clone)]
pub(super) struct Directory(Arc<Path>);

type Later<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl Directory {
    /// The directory at `path`. It may be replaced while it is served, such as by another link.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        if !path.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no directory"));
        }
        Ok(Self(path.into()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Where a file of the directory really is, if it is one for callers.
    async fn find(self, path: PathBuf) -> io::Result<PathBuf> {
        let found = tokio::task::spawn_blocking(move || self.resolve(&path)).await;
        found.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let below = path.strip_prefix(&self.0).map_err(|_| missing())?;
        if !below.components().all(|component| is_for_callers(&component)) {
            return Err(missing());
        }
        // Whatever is odd about a path, there is no file at it.
        let (root, real) = (self.0.canonicalize()?, path.canonicalize().map_err(|_| missing())?);
        let kind = real.metadata().map_err(|_| missing())?.file_type();
        // Opening a pipe would wait for somebody to write into it.
        if real.starts_with(&root) && (kind.is_file() || kind.is_dir()) { Ok(real) } else { Err(missing()) }
    }
}

fn is_for_callers(component: &Component<'_>) -> bool {
    match component {
        Component::Normal(name) => *name == WELL_KNOWN || !name.as_encoded_bytes().starts_with(b"."),
        _ => false,
    }
}

impl Backend for Directory {
    type File = TokioFile;
    type Metadata = std::fs::Metadata;
    type OpenFuture = Later<TokioFile>;
    type MetadataFuture = Later<std::fs::Metadata>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let directory = self.clone();
        Box::pin(async move { TokioBackend.open(directory.find(path).await?).await })
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let directory = self.clone();
        Box::pin(async move { TokioBackend.metadata(directory.find(path).await?).await })
    }
}
