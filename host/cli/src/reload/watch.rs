//! What sets a reload off by itself: SIGHUP, and a file that has changed.
//!
//! The file is read every second, as those of certificates are: that works on every file system and for every way in which a
//! file can change, be it by an editor that renames or a symbolic link that is turned. A change counts when it was seen twice.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use patchbay_model::Digest;
use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::Reloader;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The file is no larger than this, in bytes; what is, has another purpose.
const LARGEST: u64 = 16 << 20;

/// Reloads at each SIGHUP, for as long as it is polled. Those that come while one is under way are one.
pub(crate) async fn hangups(reloader: Arc<Reloader>, mut signal: Signal) {
    while signal.recv().await.is_some() {
        // What came of it was told.
        let _ = reloader.run("SIGHUP", false).await;
    }
}

/// Reloads when the file has changed, for as long as it is polled.
pub(crate) async fn watch(reloader: Arc<Reloader>) {
    let mut before = None;
    loop {
        sleep(LOOK).await;
        let file = reloader.source.file.clone();
        let Ok(look) = spawn_blocking(move || look(&file)).await else { continue };
        let tried = reloader.taken.lock().await.tried;
        let counts = is_news(tried, before, look);
        before = Some(look);
        if counts && reloader.running().host.watch {
            let _ = reloader.run("runtime.toml has changed", false).await;
        }
    }
}

/// Whether what is seen is to be taken up: it is not what was tried last, and it is what was seen before.
fn is_news(tried: Option<Digest>, before: Option<Option<Digest>>, now: Option<Digest>) -> bool {
    tried != now && before == Some(now)
}

/// The digest of the file; `None` if there is none.
fn look(file: &Path) -> Option<Digest> {
    let about = file.metadata().ok()?;
    if !about.is_file() || about.len() > LARGEST {
        return None;
    }
    std::fs::read(file).ok().map(|bytes| Digest::of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_when_it_was_seen_twice_and_once() {
        let [old, half, new] = ["old", "half", "new"].map(|text| Some(Digest::of(text.as_bytes())));
        for (tried, before, now, counts) in [
            (old, None, old, false),
            (old, Some(old), old, false),
            (old, None, new, false),
            (old, Some(old), new, false),
            (old, Some(half), new, false),
            (old, Some(new), new, true),
            // It was tried, be it in vain.
            (new, Some(new), new, false),
            // It is gone, which is told once, and then back as it was.
            (new, Some(new), None, false),
            (new, Some(None), None, true),
            (None, Some(None), None, false),
            (None, Some(new), new, true),
        ] {
            assert_eq!(is_news(tried, before, now), counts, "{tried:?} {before:?} {now:?}");
        }
    }
}
