//! Calls that have to be answered: over both protocols, on connections that are kept and on new ones, with large bodies.

use futures_util::future::try_join_all;
use reqwest::Client;

use super::{Outcome, Stage, pick, told};
use crate::scene::Protocol;

/// What is asked, and of whom. Each has to be answered with status 200.
const QUESTIONS: [(&str, &str); 7] = [
    ("moving2", "/version"),
    ("moving3", "/version"),
    ("calm2", "/headers"),
    ("calm3", "/headers"),
    ("inventory", "/api/inventory/tea"),
    ("pricing", "/api/pricing/quote?sku=tea&quantity=12&currency=CHF"),
    ("moving3", "/log?out=soaking&err=wet"),
];

/// The size of a body that goes both ways: more than any buffer on its way.
const BODY: usize = 256 * 1024;

async fn ask(stage: &Stage, client: &Client, turn: u64) -> Outcome {
    let (service, path) = pick(&QUESTIONS, turn);
    let url = stage.scene.url(service, path);
    let reply = client.get(&url).send().await.map_err(|error| format!("{url}: {}", told(error)))?;
    let status = reply.status();
    let body = reply.text().await.map_err(|error| format!("{url}: {}", told(error)))?;
    if status == 200 && !body.is_empty() { Ok(()) } else { Err(format!("{url}: {status} {body}")) }
}

/// One call on a connection that is kept.
pub(super) async fn one(stage: &Stage, turn: u64) -> Outcome {
    ask(stage, &stage.one, turn).await
}

/// Calls at the same time on one connection.
pub(super) async fn two(stage: &Stage, turn: u64) -> Outcome {
    try_join_all((turn..turn + 8).map(|turn| ask(stage, &stage.two, turn))).await.map(drop)
}

/// A connection that is made, used and closed.
pub(super) async fn connection(stage: &Stage, turn: u64) -> Outcome {
    let client = stage.scene.client(pick(&[Protocol::One, Protocol::Two], turn));
    for more in 0..3 {
        ask(stage, &client, turn + more).await?;
    }
    Ok(())
}

/// A body that comes back as it was sent.
pub(super) async fn body(stage: &Stage, turn: u64) -> Outcome {
    let sent = vec![u8::try_from(turn % 251).unwrap_or_default(); BODY];
    let url = stage.scene.url(pick(&["calm2", "calm3"], turn), "/echo");
    let client = pick(&[&stage.one, &stage.two], turn / 2);
    let reply = client.post(&url).body(sent.clone()).send().await.map_err(told)?;
    let status = reply.status();
    let back = reply.bytes().await.map_err(|error| format!("{url}: {}", told(error)))?;
    if status == 200 && back == sent { Ok(()) } else { Err(format!("{url}: {status}, {} bytes came back", back.len())) }
}
