//! The components that the configuration names, on their way from files into the store.

use bytes::Bytes;
use patchbay_control::{Control, DeclaredService, Pin};
use patchbay_model::DigestWriter;
use patchbay_model::ports::StoredComponent;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::config::ServiceConfig;
use crate::failure::Failure;

/// Bytes of a component that are read at a time.
const PIECE: usize = 1 << 20;

/// Puts the component that a service declares into the store. It is kept there for as long as the pin is held, and as some
/// revision has it.
///
/// # Errors
/// If its file cannot be read, or it cannot be stored.
pub(crate) async fn store(control: &Control, service: &ServiceConfig) -> Result<(DeclaredService, Pin), Failure> {
    let ServiceConfig { name, component, settings, routes, places, .. } = service;
    let cannot = |error: &dyn std::fmt::Display| {
        Failure::failed(format!("the component `{}` of service `{name}` cannot be taken: {error}", component.display()))
    };
    let mut digest = DigestWriter::default();
    let mut file = File::open(component).await.map_err(|error| cannot(&error))?;
    while let Some(piece) = next_piece(&mut file).await.map_err(|error| cannot(&error))? {
        digest.update(&piece);
    }
    let digest = digest.finish();
    let pin = control.hold(digest).await;
    let component = match control.components().read(&digest).await {
        // It was stored before. A disk that is full by now does not matter then.
        Ok(bytes) => StoredComponent { digest, size: bytes.len() as u64 },
        Err(_) => {
            file.rewind().await.map_err(|error| cannot(&error))?;
            let mut writer = control.components().begin().await.map_err(|error| cannot(&error))?;
            while let Some(piece) = next_piece(&mut file).await.map_err(|error| cannot(&error))? {
                writer.write(piece).await.map_err(|error| cannot(&error))?;
            }
            let stored = writer.finish().await.map_err(|error| cannot(&error))?;
            if stored.digest != digest {
                return Err(cannot(&"it changed while it was read; try again"));
            }
            stored
        }
    };
    let declared = DeclaredService {
        name: name.clone(),
        component,
        settings: settings.clone(),
        routes: routes.clone(),
        places: places.clone(),
    };
    Ok((declared, pin))
}

/// The next bytes of a file; `None` at its end.
async fn next_piece(file: &mut File) -> std::io::Result<Option<Bytes>> {
    let mut piece = Vec::with_capacity(PIECE);
    let length = file.take(PIECE as u64).read_to_end(&mut piece).await?;
    Ok((length > 0).then(|| piece.into()))
}
