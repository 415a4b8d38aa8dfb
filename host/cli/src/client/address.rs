//! Where the host is, and what opens its door.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use patchbay_backends::{AdminAddress, AdminToken, Announced};

use super::trust::Trust;
use crate::args::HostArgs;
use crate::config;
use crate::failure::{Failure, FailureKind};

/// Where the admin API of a host listens, and who says so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Without a slash at its end.
    pub(crate) url: String,
    /// What makes whoever listens there the host.
    pub(crate) trust: Trust,
    source: Option<PathBuf>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)?;
        self.source.as_ref().map_or(Ok(()), |source| write!(f, " (found in {})", source.display()))
    }
}

/// The address and the token, in the order that the help promises.
pub(crate) fn find(args: &HostArgs) -> Result<(Address, Option<String>), Failure> {
    let state = state_dir(args.state.as_deref());
    let mut address = match &args.admin {
        Some(url) => {
            let url = normalized(url)?;
            Address { trust: Trust::of(&url), url, source: None }
        }
        None => announced(&state)?,
    };
    if let Some(path) = &args.ca {
        address.trust = Trust::Authority(path.clone());
    }
    Ok((address, token(args, &state)?))
}

/// The state directory that is meant: the given one, that of ./runtime.toml, or ./state.
fn state_dir(given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| config::state_of(Path::new(config::FILE)), Path::to_owned)
}

fn announced(state: &Path) -> Result<Address, Failure> {
    match AdminAddress::find(state).map_err(Failure::failed)? {
        Some(Announced { url, certificate }) => {
            let url = normalized(&url)?;
            let trust = certificate.map_or_else(|| Trust::of(&url), Trust::Pinned);
            Ok(Address { url, trust, source: Some(state.join("admin.address")) })
        }
        None => Err(Failure::new(
            FailureKind::Unreachable,
            format!(
                "no host runs with the state directory `{}`; start one with `patchbay up`, or name another with \
                --state \
                 DIR or --admin URL",
                state.display()
            ),
        )),
    }
}

/// The URL with a scheme and without a slash at its end.
fn normalized(url: &str) -> Result<String, Failure> {
    let url = url.trim().trim_end_matches('/');
    let wrong = |what: &str| Failure::new(FailureKind::Usage, format!("--admin {url}: {what}"));
    match url.split_once("://") {
        Some(("http" | "https", _)) => Ok(url.to_owned()),
        Some(_) => Err(wrong("write a URL such as `http://127.0.0.1:9090`")),
        None if url.is_empty() => Err(wrong("write a URL such as `http://127.0.0.1:9090`")),
        None => Ok(format!("http://{url}")),
    }
}

fn token(args: &HostArgs, state: &Path) -> Result<Option<String>, Failure> {
    if let Some(path) = &args.token_file {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::failed(format!("cannot read the token in `{}`: {error}", path.display())))?;
        return Ok(Some(text.trim().to_owned()));
    }
    if let Some(token) = env::var("PATCHBAY_TOKEN").ok().filter(|token| !token.is_empty()) {
        return Ok(Some(token));
    }
    let token = AdminToken::find(state).map_err(Failure::failed)?;
    Ok(token.map(|token| token.as_str().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_urls() {
        for (given, url) in [
            ("http://127.0.0.1:9090", Some("http://127.0.0.1:9090")),
            ("http://h:1/", Some("http://h:1")),
            ("127.0.0.1:9090", Some("http://127.0.0.1:9090")),
            ("https://h/", Some("https://h")),
            ("ftp://h", None),
            ("", None),
        ] {
            assert_eq!(normalized(given).ok().as_deref(), url, "{given}");
        }
    }
}
