//! The announcement of the admin API in the state directory, which stays true when its certificate is renewed.

use std::sync::Arc;

use patchbay_backends::{AdminAddress, StateDir};
use patchbay_gateway::AdminApi;
use tokio::task::{JoinHandle, spawn_blocking};

/// An announcement, for as long as it is held.
pub(crate) struct Announcement {
    renewing: Option<JoinHandle<()>>,
    _address: Option<Arc<AdminAddress>>,
}

impl Announcement {
    /// Announces where `admin` listens and which certificate it shows, now and from now on. Without that the host still
    /// serves, which matters more: a full disk must not keep it down.
    pub(crate) fn make(state: &StateDir, admin: &AdminApi) -> Self {
        let (url, shown) = (admin.url(), admin.certificate());
        let certificate = shown.as_ref().map(|shown| *shown.borrow());
        let address = match AdminAddress::announce(state, &url, certificate) {
            Ok(address) => Arc::new(address),
            Err(error) => {
                tracing::warn!("commands will not find this host by themselves; give them `--admin {url}`: {error}");
                return Self { renewing: None, _address: None };
            }
        };
        let renewing = shown.map(|mut shown| {
            let address = Arc::downgrade(&address);
            tokio::spawn(async move {
                while shown.changed().await.is_ok() {
                    let certificate = *shown.borrow_and_update();
                    let Some(address) = address.upgrade() else { return };
                    let url = url.clone();
                    let renewed = spawn_blocking(move || address.renew(&url, Some(certificate))).await;
                    if let Ok(Err(error)) = renewed {
                        tracing::warn!("commands will not trust the new certificate of the admin API: {error}");
                    }
                }
            })
        });
        Self { renewing, _address: Some(address) }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
    }
}
