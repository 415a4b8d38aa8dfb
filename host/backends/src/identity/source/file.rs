//! Files that are read again when they change. They are read every few seconds and compared, which works on every file
//! system and for every way in which a file can change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use patchbay_model::Digest;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often a file is read. A change is taken up when it was seen twice, so that a file that is being written is not.
const LOOK: Duration = Duration::from_secs(2);

/// Keys are some kilobytes; whatever is larger is something else.
const LARGEST: u64 = 1 << 20;

/// What makes something of the bytes of a file.
type Parse<T> = Arc<dyn Fn(&[u8]) -> Result<T, String> + Send + Sync>;

/// A file that is looked at.
pub(in crate::identity) struct Looking<T> {
    /// What it has, for the log: "the keys of the issuer `main`".
    what: String,
    path: PathBuf,
    parse: Parse<T>,
    seen: Digest,
}

impl<T: Send + 'static> Looking<T> {
    /// Reads the file for the first time. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(in crate::identity) fn begin(
        what: String,
        path: PathBuf,
        parse: impl Fn(&[u8]) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<(Self, T), String> {
        let bytes = read(&path)?;
        let first = parse(&bytes).map_err(|problem| wrong(&path, &problem))?;
        Ok((Self { what, path, parse: Arc::new(parse), seen: Digest::of(&bytes) }, first))
    }

    /// Hands on what the file has whenever it changes, for as long as it is polled.
    pub(in crate::identity) async fn keep(self, take: impl Fn(T) + Send) {
        let Self { what, path, parse, seen } = self;
        let mut known = Ok(seen);
        let mut before = known.clone();
        loop {
            sleep(LOOK).await;
            let (looked_at, parse) = (path.clone(), Arc::clone(&parse));
            let Ok((look, found)) = spawn_blocking(move || look(&looked_at, &*parse)).await else {
                continue;
            };
            let is_news = look != known && look == before;
            before.clone_from(&look);
            if !is_news {
                continue;
            }
            match found {
                Ok(found) => {
                    tracing::info!("{what} are taken from `{}` anew", path.display());
                    take(found);
                }
                Err(problem) => tracing::warn!("{what} stay as they are: {problem}"),
            }
            known = look;
        }
    }
}

/// What a look at a file shows: enough to tell it from another one, and what is in it.
fn look<T>(path: &Path, parse: &dyn Fn(&[u8]) -> Result<T, String>) -> (Result<Digest, String>, Result<T, String>) {
    match read(path) {
        Ok(bytes) => (Ok(Digest::of(&bytes)), parse(&bytes).map_err(|problem| wrong(path, &problem))),
        Err(problem) => (Err(problem.clone()), Err(problem)),
    }
}

fn wrong(path: &Path, problem: &str) -> String {
    format!("the file `{}` {problem}", path.display())
}

/// Reads a file.
///
/// # Errors
/// If it cannot be read, or is too large.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| wrong(path, &format!("cannot be read: {error}"));
    let about = fs::metadata(path).map_err(cannot)?;
    if !about.is_file() {
        return Err(wrong(path, "is no file"));
    }
    if about.len() > LARGEST {
        return Err(wrong(path, "is too large to be what it should"));
    }
    fs::read(path).map_err(cannot)
}
