//! The interfaces that components may import, and the linkers that provide them.

use patchbay_model::InterfaceName;
use wasmtime::component::Linker;
use wasmtime::{Engine, Result};
use wasmtime_wasi_config::WasiConfig;

use crate::engines::Wasi;
use crate::state::State;
use crate::{host, logging, messaging, own_spans};

/// WASI 0.2, in the version that wasmtime implements. Components that were built against an earlier 0.2 link too.
const P2: &[&str] = &[
    "wasi:cli/environment@0.2.12",
    "wasi:cli/exit@0.2.12",
    "wasi:cli/stderr@0.2.12",
    "wasi:cli/stdin@0.2.12",
    "wasi:cli/stdout@0.2.12",
    "wasi:cli/terminal-input@0.2.12",
    "wasi:cli/terminal-output@0.2.12",
    "wasi:cli/terminal-stderr@0.2.12",
    "wasi:cli/terminal-stdin@0.2.12",
    "wasi:cli/terminal-stdout@0.2.12",
    "wasi:clocks/monotonic-clock@0.2.12",
    "wasi:clocks/wall-clock@0.2.12",
    "wasi:filesystem/preopens@0.2.12",
    "wasi:filesystem/types@0.2.12",
    "wasi:http/outgoing-handler@0.2.12",
    "wasi:http/types@0.2.12",
    "wasi:io/error@0.2.12",
    "wasi:io/poll@0.2.12",
    "wasi:io/streams@0.2.12",
    "wasi:random/insecure-seed@0.2.12",
    "wasi:random/insecure@0.2.12",
    "wasi:random/random@0.2.12",
    "wasi:sockets/instance-network@0.2.12",
    "wasi:sockets/ip-name-lookup@0.2.12",
    "wasi:sockets/network@0.2.12",
    "wasi:sockets/tcp-create-socket@0.2.12",
    "wasi:sockets/tcp@0.2.12",
    "wasi:sockets/udp-create-socket@0.2.12",
    "wasi:sockets/udp@0.2.12",
];

/// WASI 0.3, and what of Patchbay's own needs concurrency.
const P3: &[&str] = &[
    host::ASYNC_MESSAGING,
    "wasi:cli/environment@0.3.0",
    "wasi:cli/exit@0.3.0",
    "wasi:cli/stderr@0.3.0",
    "wasi:cli/stdin@0.3.0",
    "wasi:cli/stdout@0.3.0",
    "wasi:cli/terminal-input@0.3.0",
    "wasi:cli/terminal-output@0.3.0",
    "wasi:cli/terminal-stderr@0.3.0",
    "wasi:cli/terminal-stdin@0.3.0",
    "wasi:cli/terminal-stdout@0.3.0",
    "wasi:clocks/monotonic-clock@0.3.0",
    "wasi:clocks/system-clock@0.3.0",
    "wasi:clocks/types@0.3.0",
    "wasi:filesystem/preopens@0.3.0",
    "wasi:filesystem/types@0.3.0",
    "wasi:http/client@0.3.0",
    "wasi:http/types@0.3.0",
    "wasi:random/insecure-seed@0.3.0",
    "wasi:random/insecure@0.3.0",
    "wasi:random/random@0.3.0",
    "wasi:sockets/ip-name-lookup@0.3.0",
    "wasi:sockets/types@0.3.0",
];

/// Proposals with one version for both, and what is Patchbay's own.
const ANY: &[&str] = &[
    "wasi:config/store@0.2.0-rc.1",
    "wasi:messaging/producer@0.2.0-draft",
    "wasi:messaging/request-reply@0.2.0-draft",
    "wasi:messaging/types@0.2.0-draft",
    logging::INTERFACE,
    own_spans::INTERFACE,
    own_spans::TYPES,
    host::DISCOVERY,
    host::IDENTITY,
    host::INVOKE,
    host::MESSAGING,
    host::TOKENS,
    host::SECRETS,
];

/// What components may import.
pub(crate) struct Offers {
    all: Vec<InterfaceName>,
    /// How many of them, from the front, need no concurrency.
    p2: usize,
}

impl Offers {
    pub(crate) fn new() -> Self {
        let parse = |name: &&str| name.parse().ok();
        let mut all: Vec<_> = P2.iter().chain(ANY).filter_map(parse).collect();
        let p2 = all.len();
        all.extend(P3.iter().filter_map(parse));
        Self { all, p2 }
    }

    /// The engine for a component that imports the interface of this name; `None` if nothing of that name is offered.
    pub(crate) fn engine_for(&self, import: &str) -> Option<Wasi> {
        let import = import.parse().ok()?;
        let position = self.all.iter().position(|offer| offer.is_on_track_of(&import))?;
        Some(if position < self.p2 { Wasi::P2 } else { Wasi::P3 })
    }

    /// What there is on this engine.
    #[cfg(test)]
    fn of(&self, wasi: Wasi) -> &[InterfaceName] {
        match wasi {
            Wasi::P2 => self.all.get(..self.p2).unwrap_or_default(),
            Wasi::P3 => &self.all,
        }
    }
}

/// The linker for components of one kind.
///
/// # Errors
/// If two of wasmtime's implementations define the same interface, which would be a defect of this crate.
pub(crate) fn linker(engine: &Engine, wasi: Wasi) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_config::add_to_linker(&mut linker, |state: &mut State| WasiConfig::from(&state.revision.variables))?;
    logging::add_to_linker(&mut linker)?;
    own_spans::add_to_linker(&mut linker)?;
    host::add_to_linker(&mut linker)?;
    messaging::add_to_linker(&mut linker)?;
    if wasi == Wasi::P3 {
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        host::add_async_to_linker(&mut linker)?;
    }
    Ok(linker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EngineConfig;
    use crate::engines::Engines;

    /// The documented worlds and the code must not part: what a world imports is offered, and nothing else is.
    #[test]
    fn the_worlds_in_wit_say_what_is_offered() {
        let text = include_str!("../../../wit/service.wit");
        let worlds: Vec<_> = text.split("\nworld ").skip(1).collect();
        assert_eq!(worlds.len(), 3);
        for (world, own) in worlds.iter().zip([P2, P3]) {
            let imports = world.lines().filter_map(|line| line.trim().strip_prefix("import ")?.strip_suffix(';'));
            // Those of the package itself stand there by their names alone.
            let full = |name: &str| match name.contains(':') {
                true => name.to_owned(),
                false => format!("patchbay:host/{name}@0.1.0"),
            };
            let mut imports: Vec<_> = imports.map(full).collect();
            let mut offered: Vec<_> = own.iter().chain(ANY).map(ToString::to_string).collect();
            imports.sort_unstable();
            offered.sort_unstable();
            assert_eq!(imports, offered);
        }
    }

    /// A name that is defined already cannot be defined again, so the linker itself tells what it has.
    #[test]
    fn what_is_offered_is_linked() {
        let engines = Engines::new(&EngineConfig::default()).unwrap();
        let offers = Offers::new();
        assert_eq!(offers.all.len(), P2.len() + P3.len() + ANY.len());
        for wasi in [Wasi::P2, Wasi::P3] {
            let mut linker = linker(engines.of(wasi), wasi).unwrap();
            for name in offers.of(wasi) {
                let defined = linker.root().func_wrap(&name.to_string(), |_, (): ()| Ok(()));
                assert!(defined.is_err(), "{name} is offered and not linked");
            }
            assert!(linker.root().func_wrap("wasi:http/nothing@0.2.12", |_, (): ()| Ok(())).is_ok());
        }
    }
}
