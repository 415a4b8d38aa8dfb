//! The admin API, from the outside: how a host is found, asked and followed. There is no other door.

mod address;
mod message;
mod sse;
mod trust;
mod upload;
pub(crate) mod view;

use std::error::Error;
use std::time::Duration;

use patchbay_model::ServiceName;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::args::HostArgs;
use crate::failure::{Failure, FailureKind};

pub(crate) use message::{MessageHeaders, dead_letter_path, encoded};

use address::{Address, find};
use sse::{ServerEvent, SseParser};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// How long the host may be silent. It sends a sign of life every 15 seconds where an answer takes longer.
const SILENCE: Duration = Duration::from_secs(60);

/// An answer is read to this size, in bytes.
const ANSWER_LIMIT: usize = 64 << 20;

/// A host, and the right to command it.
pub(crate) struct Client {
    http: reqwest::Client,
    address: Address,
    token: Option<String>,
}

/// A refusal as the admin API tells it (RFC 9457).
#[derive(Debug, Deserialize)]
struct Problem {
    #[serde(rename = "type", default)]
    kind: String,
    status: u16,
    detail: String,
    #[serde(default)]
    step: Option<String>,
}

impl Client {
    /// The host that the arguments and the environment lead to. Nothing is sent yet.
    ///
    /// # Errors
    /// If they lead to none, or the token cannot be read.
    pub(crate) fn find(args: &HostArgs) -> Result<Self, Failure> {
        let (address, token) = find(args)?;
        // A proxy has no business between an operator and the host on the same machine.
        let http = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).read_timeout(SILENCE);
        let http = address.trust.apply(http)?.build().map_err(Failure::failed)?;
        Ok(Self { http, address, token })
    }

    /// Asks for a JSON value.
    ///
    /// # Errors
    /// If the host cannot be reached or refuses.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        let reply = self.send(self.request(Method::GET, path)).await?;
        self.json(reply).await
    }

    /// Sends a JSON value, and is answered with one.
    ///
    /// # Errors
    /// If the host cannot be reached or refuses.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value, Failure> {
        let reply = self.send(self.request(method, path).json(body)).await?;
        self.json(reply).await
    }

    /// Asks for a change, and follows it.
    ///
    /// # Errors
    /// If the host cannot be reached or refuses.
    pub(crate) async fn change(&self, method: Method, path: &str, body: &Value) -> Result<Following, Failure> {
        self.follow(self.request(method, path).json(body)).await
    }

    /// Follows a journal.
    ///
    /// # Errors
    /// If the host cannot be reached or refuses.
    pub(crate) async fn journal(&self, path: &str) -> Result<Following, Failure> {
        self.follow(self.request(Method::GET, path)).await
    }

    async fn follow(&self, request: RequestBuilder) -> Result<Following, Failure> {
        let reply = self.send(request.header(reqwest::header::ACCEPT, "text/event-stream")).await?;
        Ok(Following { reply, parser: SseParser::default(), ready: Vec::new().into_iter() })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request; the answer is a success.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let reply = request.send().await.map_err(|error| self.broken(&error))?;
        if reply.status().is_success() { Ok(reply) } else { Err(self.refusal(reply).await) }
    }

    async fn json(&self, reply: Response) -> Result<Value, Failure> {
        let bytes = read(reply).await.map_err(|error| self.broken(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::failed(format!("what answers at {} is no Patchbay: its answer is no JSON ({error})", self.address))
        })
    }

    async fn refusal(&self, reply: Response) -> Failure {
        let status = reply.status();
        let body = read(reply).await.unwrap_or_default();
        match serde_json::from_slice::<Problem>(&body) {
            Ok(_) if status == StatusCode::UNAUTHORIZED => Failure::failed(format!(
                "the host at {} does not accept {}; name the right one with --token-file, or with --state the state \
                 directory that it uses",
                self.address,
                if self.token.is_some() { "this token" } else { "requests without a token" },
            )),
            Ok(problem) if problem.kind.starts_with("urn:patchbay:fault:") => Failure::failed(format!(
                "{} is where callers reach services; the admin API listens elsewhere, as `patchbay up` says",
                self.address
            )),
            Ok(problem) => problem.into(),
            Err(_) => Failure::failed(format!("what answers at {} is no Patchbay: it says {status}", self.address)),
        }
    }

    /// A request that got no answer, or half of one.
    fn broken(&self, error: &reqwest::Error) -> Failure {
        let cause = root_cause(error);
        if error.is_connect() && cause.contains("certificate") {
            return Failure::new(
                FailureKind::Unreachable,
                format!("the host at {} is not trusted: {cause}; name its authority with --ca FILE", self.address),
            );
        }
        if error.is_connect() {
            return Failure::new(
                FailureKind::Unreachable,
                format!("no host answers at {}: {cause}; start one with `patchbay up`", self.address),
            );
        }
        Failure::failed(format!("the host at {} broke off: {cause}; see its log", self.address))
    }
}

/// The path of a service in the API.
pub(crate) fn service_path(service: &ServiceName) -> String {
    format!("/v1/services/{service}")
}

/// Reads a body whole, up to [`ANSWER_LIMIT`]; what is beyond is left.
async fn read(mut reply: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(piece) = reply.chunk().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > ANSWER_LIMIT {
            break;
        }
    }
    Ok(bytes)
}

/// What lies at the bottom of an error: reqwest says first that a request failed, and last why.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let kind = match problem.status {
            400 | 409 | 413 | 422 => FailureKind::Refused,
            _ => FailureKind::Failed,
        };
        let step = problem.step.map(|step| format!("at step `{step}`: ")).unwrap_or_default();
        Self::new(kind, format!("{step}{}", problem.detail))
    }
}

/// A stream of events from the host.
pub(crate) struct Following {
    reply: Response,
    parser: SseParser,
    ready: std::vec::IntoIter<ServerEvent>,
}

impl Following {
    /// The next event, by its name; `None` when the host ends the stream.
    ///
    /// # Errors
    /// If the stream breaks, or what it carries is no JSON.
    pub(crate) async fn next(&mut self) -> Result<Option<(String, Value)>, Failure> {
        loop {
            if let Some(event) = self.ready.next() {
                return Ok(Some((event.name, serde_json::from_str(&event.data)?)));
            }
            let piece =
                self.reply.chunk().await.map_err(|error| {
                    Failure::failed(format!("the host broke off: {}; see its log", root_cause(&error)))
                })?;
            let Some(piece) = piece else { return Ok(None) };
            self.ready = self.parser.feed(&piece).map_err(Failure::failed)?.into_iter();
        }
    }

    /// The next event; an `error` event fails.
    ///
    /// # Errors
    /// Those of [`Following::next`], and what an `error` event says.
    pub(crate) async fn next_of_change(&mut self) -> Result<(String, Value), Failure> {
        match self.next().await? {
            Some((name, problem)) if name == "error" => Err(serde_json::from_value::<Problem>(problem)?.into()),
            Some(event) => Ok(event),
            None => {
                Err(Failure::failed("the host went away before the change ended; `patchbay events` shows how it did"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_their_exit_codes() {
        for (json, kind, message) in [
            (
                r#"{"status":422,"detail":"no instance can be made","step":"warm"}"#,
                FailureKind::Refused,
                "at step `warm`: no instance can be made",
            ),
            (r#"{"status":409,"detail":"the route is taken"}"#, FailureKind::Refused, "the route is taken"),
            (r#"{"status":404,"detail":"no such service"}"#, FailureKind::Failed, "no such service"),
            (r#"{"status":503,"detail":"stopping"}"#, FailureKind::Failed, "stopping"),
        ] {
            let failure = Failure::from(serde_json::from_str::<Problem>(json).unwrap());
            assert_eq!((failure.kind, failure.to_string().as_str()), (kind, message));
        }
    }
}
