//! Components that were made to do harm: the host gives each of them one fault, and nothing of its own.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::crafted::*;
use super::{Got, answers, host, post};
use crate::support::{Host, eventually};

/// What is enforced for them, and how long each of them may take at most.
fn settings() -> Value {
    json!({ "limits": { "cpu_time": "300ms", "timeout": "3s", "memory": "32MiB" }, "breaker": { "failures": 0 } })
}

async fn deploy(host: &Host, name: &str, component: Vec<u8>) -> (u16, Value) {
    let routes = json!([format!("{name}.example/*")]);
    host.deploy_routed(name, component, settings(), routes).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_does_not_come_through_its_start_is_refused() {
    let host = host("").await;
    for wasi in [Wasi::P2, Wasi::P3] {
        for (start, says) in
            [(ENDLESS, "CPU time"), ("unreachable", "unreachable"), ("(call $start)", "`engine.stack`")]
        {
            let begun = Instant::now();
            let (status, answer) = deploy(&host, "hostile", Crafted { start, ..Crafted::default() }.build(wasi)).await;
            assert_eq!(status, 422, "{wasi:?} {start}: {answer}");
            assert_eq!(answer["step"], "warm", "{answer}");
            assert!(answer["detail"].as_str().unwrap().contains(says), "{wasi:?} {start}: {answer}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{wasi:?} {start}: {:?}", begun.elapsed());
            answers(&host, "other", start).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_crafted_misuse_is_one_fault_and_frees_all_it_took() {
    const GROW: &str = "(func $grow (drop (memory.grow (i32.const 255))))";
    let host = host("").await;
    let fill = "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000))";
    let fills: &'static str = Box::leak(fill.repeat(4000).into_boxed_str());
    let things = Crafted { before: ENDLESS_DESTRUCTOR, with: WITH_THINGS, imports: THINGS, ..Crafted::default() };
    let both = [
        ("exhausted", "`cpu_time` allows", Crafted { handle: "(call $drop (call $new (i32.const 1)))", ..things }),
        // Destructors of what is left behind are not run.
        ("trapped", "unreachable", Crafted { handle: "(drop (call $new (i32.const 1)))", ..things }),
        (
            "exhausted",
            "16384 that `handles` allows",
            Crafted { handle: "(loop (drop (call $new (i32.const 1))) br 0)", ..things },
        ),
        (
            "exhausted",
            "`table_elements` allows 65536",
            Crafted {
                definitions: "(table $table 1 funcref)",
                handle: "(block $full (loop
                (br_if $full (i32.eq (i32.const -1) (table.grow $table (ref.null func) (i32.const 1000)))) br 0))",
                ..Crafted::default()
            },
        ),
        (
            "exhausted",
            "`engine.stack` allows",
            Crafted {
                definitions: "(func $deep (result i32) (i32.add (call $deep) (call $deep)))",
                handle: "(drop (call $deep))",
                ..Crafted::default()
            },
        ),
        // Ten seconds of work without a loop or a call.
        (
            "exhausted",
            "`cpu_time` allows",
            Crafted { definitions: GROW, start: "(call $grow)", handle: fills, ..Crafted::default() },
        ),
    ];
    let of_two = [
        // After its handler, which did not answer.
        (
            "exhausted",
            "`cpu_time` allows",
            Crafted {
                definitions: "(func (export \"after\") (loop br 0))",
                options: "(post-return (func $guest \"after\"))",
                handle: "return",
                ..Crafted::default()
            },
        ),
        // While it takes what the host gives it.
        (
            "exhausted",
            "`cpu_time` allows",
            Crafted {
                before: ENDLESS_REALLOC,
                with: "(with \"host\" (instance (export \"bytes\" (func $bytes))))",
                imports: "(import \"host\" \"bytes\" (func $bytes (param i64 i32)))",
                handle: "(call $bytes (i64.const 8) (i32.const 0))",
                ..Crafted::default()
            },
        ),
        ("exhausted", "16384 that `handles` allows", Crafted { handle: "(call $wait (i32.const 100000))", ..POLLING }),
        ("exhausted", "8MiB to the host at once", Crafted { handle: "(call $wait (i32.const 1000000))", ..POLLING }),
        // More random bytes than the host makes at once.
        (
            "trapped",
            "exceeds limit",
            Crafted {
                before: ENDLESS_REALLOC,
                with: "(with \"host\" (instance (export \"bytes\" (func $bytes))))",
                imports: "(import \"host\" \"bytes\" (func $bytes (param i64 i32)))",
                handle: "(call $bytes (i64.const 0x4000000) (i32.const 0))",
                ..Crafted::default()
            },
        ),
    ];
    let cases = both.iter().flat_map(|case| [(Wasi::P2, case), (Wasi::P3, case)]);
    for (wasi, (kind, says, crafted)) in cases.chain(of_two.iter().map(|case| (Wasi::P2, case))) {
        let what = format!("{wasi:?} {:.60}", crafted.handle);
        let (status, answer) = deploy(&host, "hostile", crafted.build(wasi)).await;
        assert_eq!(status, 200, "{what}: {answer}");
        let begun = Instant::now();
        let before = host.log().matches(says).count();
        let got = post(&host, "hostile", "/", Vec::new()).await;
        assert_eq!(got, Got::Problem(500, (*kind).to_owned()), "{what}: {}", host.log());
        eventually(&what, async || (host.log().matches(says).count() > before).then_some(())).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}: {:?}", begun.elapsed());
        answers(&host, "other", &what).await;
        eventually("its instances are gone", async || {
            let service = host.admin_get("/v1/services/hostile").await;
            let active = service["revisions"].as_array().unwrap().iter().find(|revision| revision["active"] == true);
            let instances = &active.unwrap()["instances"];
            (instances["live"] == instances["idle"]).then_some(())
        })
        .await;
    }
}
