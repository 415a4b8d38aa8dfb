//! What operators do meanwhile: replace, go back, deploy, remove, be refused, look.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Outcome, Stage, pick, told};
use crate::host::{guest, marked};
use crate::scene::{PASSING, Scene};

/// Components that differ: as many as a state directory may have that keeps them until its host starts again.
const COMPONENTS: u64 = 6;

/// The services that are replaced, and what they are made of.
const MOVING: [(&str, &str); 2] = [("moving2", "probe"), ("moving3", "probe3")];

/// Revisions that the host retains of each service (`deploy.retained`).
const RETAINED: u64 = 3;

/// Leaves every moving service with revisions of one component: which ones its retained revisions have is otherwise a
/// matter of the turn at which the scene ended, and the code of each is loaded.
pub(super) async fn settle(scene: &Scene) -> Outcome {
    for (name, component) in MOVING {
        for turn in 0..RETAINED {
            let settings = json!({ "config": { "version": format!("settled {turn}") } });
            let (status, answer) = scene.host.deploy(name, marked(component, "0"), settings).await;
            if status != 200 {
                return Err(format!("{name} does not settle: {status} {answer}"));
            }
        }
    }
    Ok(())
}

/// Replaces a service that is being called by another component, by another configuration, or by what it was before.
pub(super) async fn swap(stage: &Stage, turn: u64) -> Outcome {
    // Each of the two actors has a service of its own: changes of one service are made one after the other.
    let (name, component) = pick(&MOVING, turn);
    let turn = turn / 2;
    let host = &stage.scene.host;
    let (status, answer) = if turn % 3 == 2 {
        host.post(&format!("/v1/services/{name}/rollback"), json!({})).await
    } else {
        let bytes = marked(component, &(turn / 5 % COMPONENTS).to_string());
        host.deploy(name, bytes, json!({ "config": { "version": turn.to_string() } })).await
    };
    if status == 200 && answer["outcome"] == "activated" && answer["calls_cut"] == 0 {
        return Ok(());
    }
    Err(format!("swap {turn} of {name}: {status} {answer}"))
}

/// Deploys a service, calls it, and removes it.
pub(super) async fn come_and_go(stage: &Stage, turn: u64) -> Outcome {
    let name = pick(&PASSING, turn);
    let component = pick(&["probe", "probe3"], turn);
    let host = &stage.scene.host;
    // No other service has these bytes: a component goes with the last revision that uses it, also if it was just
    // uploaded for the next.
    let bytes = marked(component, &format!("passing {}", turn / 2 % COMPONENTS));
    let (status, answer) = host.deploy_routed(name, bytes, json!({}), json!([format!("{name}.example/*")])).await;
    if status != 200 {
        return Err(format!("{name} does not come: {status} {answer}"));
    }
    let url = stage.scene.url(name, "/version");
    for _ in 0..3 {
        let status = stage.one.get(&url).send().await.map_err(told)?.status();
        if status != 200 {
            return Err(format!("{name} has come, and says {status}"));
        }
    }
    let reply = host.admin(Method::DELETE, &format!("/v1/services/{name}")).send().await.map_err(told)?;
    if reply.status() != 200 {
        return Err(format!("{name} does not go: {}", reply.status()));
    }
    let status = stage.one.get(&url).send().await.map_err(told)?.status();
    if status == 404 { Ok(()) } else { Err(format!("{name} is gone, and says {status}")) }
}

/// Asks for what has to be refused, and leaves everything as it was.
pub(super) async fn be_refused(stage: &Stage, turn: u64) -> Outcome {
    let host = &stage.scene.host;
    let read = |name: &str| std::fs::read(guest(name)).map_err(told);
    let failing = json!({ "health": { "path": "/trap", "timeout": "5s" } });
    let (what, expected, (status, answer)) = match turn % 6 {
        0 => ("no WebAssembly", 422, host.deploy("calm2", b"#!/bin/sh\n".to_vec(), json!({})).await),
        1 => ("a foreign import", 422, host.deploy("calm2", read("stranger")?, json!({})).await),
        2 => ("half a component", 422, host.deploy("calm2", read("probe")?[..40_000].to_vec(), json!({})).await),
        3 => ("a failing health request", 422, host.deploy("calm2", read("probe")?, failing).await),
        4 => {
            let routes = json!(["calm2.example/*"]);
            ("a route of another", 409, host.deploy_routed("late", read("probe")?, json!({}), routes).await)
        }
        _ => ("nobody's rollback", 404, host.post("/v1/services/nobody/rollback", json!({})).await),
    };
    if status == expected { Ok(()) } else { Err(format!("{what}: {status} {answer}")) }
}

/// Looks at everything that there is to look at, as a dashboard does.
pub(super) async fn look(stage: &Stage, turn: u64) -> Outcome {
    let path = pick(&["/v1/host", "/v1/services", "/v1/services/calm2", "/v1/services/calm2/revisions/1"], turn);
    let reply = stage.scene.host.admin(Method::GET, path).send().await.map_err(told)?;
    let status = reply.status();
    let answer: Value = reply.json().await.map_err(told)?;
    if status == 200 { Ok(()) } else { Err(format!("{path}: {status} {answer}")) }
}
