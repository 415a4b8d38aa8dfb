//! New certificates: taken up when their files change, as those who renew certificates change them, by renaming a file,
//! by turning a symbolic link, or by writing over it.
//!
//! The files are read every few seconds and compared. That costs nothing to speak of, and it works on every file system
//! and for every way in which a file can change.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use patchbay_model::Digest;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::identity::{Files, Identity};
use super::{Tls, TlsProblem};

/// How often the files are read. A change is taken up when it was seen twice: certificate and key are two files, and
/// nobody can replace both at once.
const LOOK: Duration = Duration::from_secs(2);

/// The certificate that is shown to clients.
#[derive(Debug)]
pub(super) struct Current {
    certified: ArcSwap<CertifiedKey>,
    /// The files that it came from at first.
    files: Files,
    /// What names it.
    fingerprint: watch::Sender<Digest>,
}

impl Current {
    pub(super) fn new(identity: Identity) -> Self {
        let fingerprint = watch::Sender::new(identity.fingerprint());
        Self { certified: ArcSwap::new(identity.certified), files: identity.files, fingerprint }
    }

    /// The SHA-256 of the certificate as it is on the wire, now and whenever it changes.
    pub(super) fn fingerprint(&self) -> watch::Receiver<Digest> {
        self.fingerprint.subscribe()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // There is one, whatever name the client asks for.
        Some(self.certified.load_full())
    }
}

/// What a look at the files showed, to be told from the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Look {
    Usable(Files),
    Wrong(TlsProblem),
}

/// Takes up new files for as long as it is polled.
pub(super) async fn watch(tls: &Tls) {
    let Tls { what, config, current, .. } = tls;
    let mut clients = current.files.clients;
    let mut known = Look::Usable(current.files);
    let mut before = known.clone();
    loop {
        sleep(LOOK).await;
        let config = config.clone();
        let Ok(read) = spawn_blocking(move || Identity::read(&config)).await else {
            continue;
        };
        let look = match &read {
            Ok(identity) => Look::Usable(identity.files),
            Err(problem) => Look::Wrong(problem.clone()),
        };
        let is_news = look != known && look == before;
        before.clone_from(&look);
        if !is_news {
            continue;
        }
        known = look;
        match read {
            Ok(identity) => {
                let fingerprint = identity.fingerprint();
                if identity.files.clients != clients {
                    clients = identity.files.clients;
                    tls.trust(identity.clients);
                    tracing::info!("{what} asks clients for certificates of new authorities");
                }
                current.certified.store(identity.certified);
                if current.fingerprint.send_replace(fingerprint) != fingerprint {
                    tracing::info!("{what} has a new certificate, {fingerprint}");
                }
            }
            Err(problem) => {
                tracing::warn!("{what} keeps its certificates, because the new ones cannot be used: {problem}");
            }
        }
    }
}
