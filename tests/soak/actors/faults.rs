//! Guests that misbehave, and what their callers have to be told.

use super::{Outcome, Stage, pick, told};

/// What a guest is asked to do, and the statuses that may come of it. Calls of `wild3` share instances, and of what one
/// call does to its instance the others have a part: 500 is right for all of them. On a machine that is busy, time may
/// be up before anything else is: 504 is, too.
const FAULTS: [(&str, u16); 12] = [
    ("/trap", 500),
    ("/panic", 500),
    ("/exit?code=1", 500),
    ("/silent", 502),
    ("/spin", 500),
    ("/recurse", 500),
    ("/never", 504),
    ("/flood?mib=2", 200),
    ("/alloc?mib=64", 500),
    ("/sleep?ms=60000", 504),
    ("/half", HALF),
    ("/version", 200),
];

/// Stands for a reply that begins and breaks off.
const HALF: u16 = 0;

/// Calls a guest that misbehaves.
pub(super) async fn misbehave(stage: &Stage, turn: u64) -> Outcome {
    let (path, right) = pick(&FAULTS, turn / 2);
    let service = pick(&["wild2", "wild3"], turn);
    let client = pick(&[&stage.one, &stage.two], turn / 24);
    let call = client.get(stage.scene.url(service, path)).send().await;
    let (status, whole) = match call {
        Ok(reply) => (reply.status().as_u16(), reply.bytes().await.is_ok()),
        Err(_) if right == HALF => return Ok(()),
        Err(error) => return Err(format!("{service}{path}: {}", told(error))),
    };
    let fault = [500, 504].contains(&status) && whole;
    let expected = if right == HALF { status == 200 && !whole } else { status == right && whole };
    if expected || fault { Ok(()) } else { Err(format!("{service}{path}: {status}, whole: {whole}")) }
}
