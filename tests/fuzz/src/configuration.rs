//! `runtime.toml`: whatever the bytes, reading them ends with a configuration, or with problems that have a place.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

// The reader names the configurations of the engine, of the buses and of identity and of OTLP, which are data and need nothing else of them.
extern crate self as patchbay_backends;
extern crate self as patchbay_engine;

#[path = "../../../host/backends/src/bus"]
#[allow(dead_code, missing_docs, reason = "the buses look at all of it")]
pub mod bus {
    #[path = "nats/author_key.rs"]
    mod author_key;
    #[path = "embedded/options.rs"]
    mod options;
    #[path = "nats/settings.rs"]
    mod settings;

    pub use author_key::AuthorKey;
    pub use options::Damage;
    pub use settings::{NatsLogin, NatsSettings, NatsTls};
}

#[path = "../../../host/backends/src/identity"]
#[allow(dead_code, missing_docs, reason = "identity looks at all of it")]
pub mod identity {
    mod algorithm;
    mod settings;

    pub use settings::{
        ApiKeySettings, AuthSettings, HOST_ISSUER, IssuerSettings, KeySource, RESERVED_NAMES, SigningSettings,
    };
}

#[path = "../../../host/backends/src/otlp"]
#[allow(dead_code, missing_docs, reason = "OTLP looks at all of it")]
pub mod otlp {
    mod settings;

    pub use settings::{OtlpProtocol, OtlpSettings};
}

#[path = "../../../host/engine/src"]
#[allow(dead_code, reason = "the engine looks at all of it")]
mod engine {
    pub mod config;
}
pub use engine::config::EngineConfig;

#[path = "../../../host/cli/src"]
#[allow(dead_code, unused_imports, reason = "the command line looks at all of it")]
mod cli {
    pub(crate) mod config;
}
use cli::config::{ConfigError, ConfigFile};

fuzz_target!(|bytes: &[u8]| {
    let read = ConfigFile::read("runtime.toml", bytes.to_vec(), Path::new("/nowhere")).map(ConfigFile::finish);
    let problems = match read {
        Ok(Ok(_)) => return,
        Ok(Err(problems)) | Err(ConfigError::Problems(problems)) => problems,
        Err(error @ ConfigError::Unreadable { .. }) => panic!("nothing was read from a file: {error}"),
    };
    assert!(!problems.0.is_empty());
    for problem in &problems.0 {
        assert!(problem.line >= 1 && problem.column >= 1);
        assert!(!problem.to_string().is_empty() && problem.excerpt().contains('^'));
    }
});
