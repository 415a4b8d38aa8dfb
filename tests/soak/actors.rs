//! Who does what to the host, over and over. Every act has one outcome that is right, or a few; any other is a failure.

mod calls;
mod departures;
mod faults;
mod operators;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::Client;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::host::PATIENCE;
use crate::scene::{Protocol, Scene};

/// What came of an act; the error says what was wrong.
type Outcome = Result<(), String>;

/// One act of an actor, by its number.
type Act = for<'a> fn(&'a Stage, u64) -> BoxFuture<'a, Outcome>;

/// An actor: its name, how many of its kind there are, what it does, and how long it waits before it does it again.
struct Actor {
    name: &'static str,
    number: u64,
    act: Act,
    pause: Duration,
}

/// What an actor has: the scene, and clients of its own.
struct Stage {
    scene: Arc<Scene>,
    one: Client,
    two: Client,
}

const fn actor(name: &'static str, number: u64, act: Act, pause_ms: u64) -> Actor {
    Actor { name, number, act, pause: Duration::from_millis(pause_ms) }
}

/// Pauses keep a small machine from being busy with its own clients only.
static ACTORS: [Actor; 11] = [
    actor("calls, HTTP/1.1", 4, |stage, turn| Box::pin(calls::one(stage, turn)), 2),
    actor("calls, HTTP/2", 2, |stage, turn| Box::pin(calls::two(stage, turn)), 5),
    actor("bodies", 2, |stage, turn| Box::pin(calls::body(stage, turn)), 20),
    actor("connections", 2, |stage, turn| Box::pin(calls::connection(stage, turn)), 10),
    actor("departures", 4, |stage, turn| Box::pin(departures::leave(stage, turn)), 20),
    actor("faults", 4, |stage, turn| Box::pin(faults::misbehave(stage, turn)), 20),
    actor("swaps", 2, |stage, turn| Box::pin(operators::swap(stage, turn)), 200),
    actor("comings and goings", 1, |stage, turn| Box::pin(operators::come_and_go(stage, turn)), 200),
    actor("refusals", 1, |stage, turn| Box::pin(operators::be_refused(stage, turn)), 100),
    actor("uploads that break off", 1, |stage, turn| Box::pin(departures::upload(stage, turn)), 200),
    actor("looks", 1, |stage, turn| Box::pin(operators::look(stage, turn)), 100),
];

/// All actors, until the scene is over and they have left. Their clients go with them.
pub(crate) struct Actors(JoinSet<()>);

impl Actors {
    /// Sends them on.
    pub(crate) fn enter(scene: &Arc<Scene>) -> Self {
        scene.play(true);
        let mut set = JoinSet::new();
        for actor in &ACTORS {
            for number in 0..actor.number {
                set.spawn(perform(Arc::clone(scene), actor, number));
            }
        }
        Self(set)
    }

    /// Ends the scene, waits until they have left, and lets the services settle. An actor that fell over is a failure, too.
    pub(crate) async fn leave(mut self, scene: &Scene) {
        scene.play(false);
        while let Some(left) = self.0.join_next().await {
            if let Err(fallen) = left {
                scene.note("actors", Err(fallen.to_string()));
            }
        }
        scene.note("settling", operators::settle(scene).await);
    }
}

/// One actor's acts. Those of one kind take turns that differ, so that they do not do the same at the same time.
async fn perform(scene: Arc<Scene>, actor: &'static Actor, number: u64) {
    let (one, two) = (scene.client(Protocol::One), scene.client(Protocol::Two));
    let stage = Stage { scene, one, two };
    let mut turn = number;
    while !stage.scene.is_over() {
        let outcome = timeout(PATIENCE, (actor.act)(&stage, turn)).await;
        stage.scene.note(actor.name, outcome.unwrap_or_else(|_| Err(format!("turn {turn} does not end"))));
        turn += actor.number;
        sleep(actor.pause).await;
    }
}

/// Picks one of several, each in its turn.
fn pick<T: Copy>(from: &[T], turn: u64) -> T {
    from[usize::try_from(turn % from.len() as u64).unwrap_or_default()]
}

/// The whole error, with what caused it.
fn told(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
