//! Refusals, on components that are written down byte by byte.

use super::*;

const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

fn section(id: u8, items: &[&[u8]]) -> Vec<u8> {
    let mut body = vec![u8::try_from(items.len()).unwrap()];
    items.iter().for_each(|item| body.extend_from_slice(item));
    // LEB128, in two bytes.
    let mut section = vec![id, (body.len() & 0x7f) as u8 | 0x80, u8::try_from(body.len() >> 7).unwrap()];
    section.extend(body);
    section
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = vec![0, u8::try_from(text.len()).unwrap()];
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// A component that exports a handler and imports instances by the given names: with a function, or with types only.
fn component(export: &str, imports: &[(&str, bool)]) -> Vec<u8> {
    // An instance type with an export: a function type and a function `f`, or a type `t` that equals an earlier one.
    let function: &[u8] = b"\x42\x02\x01\x40\x00\x01\x00\x04\x00\x01f\x01\x00";
    let types: &[u8] = b"\x42\x02\x01\x7d\x04\x00\x01t\x03\x00\x00";
    let mut bytes = HEADER.to_vec();
    bytes.extend(section(7, &[function, types]));
    let imports: Vec<Vec<u8>> =
        imports.iter().map(|(text, with_function)| [name(text), vec![5, u8::from(!with_function)]].concat()).collect();
    bytes.extend(section(10, &imports.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    // A nested core module that must be passed over.
    bytes.extend(b"\x01\x0c\0asm\x01\0\0\0\x05\x02\xff\xff");
    let export = [name(export), vec![5, 0, 0]].concat();
    bytes.extend(section(11, &[&export]));
    bytes
}

fn outcome(bytes: &[u8], policy: InstancePolicy) -> Result<Wasi, String> {
    admit(bytes, policy, &Offers::new()).map_err(|error| error.to_string())
}

#[test]
fn what_is_no_component_is_named() {
    for (bytes, expected) in [
        (&b"\0asm\x01\0\0\0"[..], "core WebAssembly module"),
        (b"", "no WebAssembly"),
        (b"#!/bin/sh", "no WebAssembly"),
        (b"\0asm\x0d\0\x01\0\x07\x7f", "not valid"),
    ] {
        let error = outcome(bytes, InstancePolicy::Fresh).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn handlers_decide_how_it_is_run() {
    for (export, policy, expected) in [
        ("wasi:http/incoming-handler@0.2.0", InstancePolicy::Fresh, Ok(Wasi::P2)),
        ("wasi:http/incoming-handler@0.2.99", InstancePolicy::Reuse, Ok(Wasi::P2)),
        ("wasi:http/handler@0.3.1", InstancePolicy::Concurrent, Ok(Wasi::P3)),
        ("wasi:http/incoming-handler@0.2.3", InstancePolicy::Concurrent, Err("\"reuse\"")),
        ("wasi:http/handler@0.3.0-rc-2026-01-06", InstancePolicy::Fresh, Err("its version of the handler")),
        ("wasi:cli/run@0.2.0", InstancePolicy::Fresh, Err("a command-line program")),
        ("acme:shop/api@1.0.0", InstancePolicy::Reuse, Ok(Wasi::P2)),
        ("acme:shop/api@1.0.0", InstancePolicy::Concurrent, Err("has no `async func`")),
        ("run", InstancePolicy::Fresh, Err("it exports `run`, and")),
        ("wasi:messaging/incoming-handler@0.2.0-draft", InstancePolicy::Reuse, Ok(Wasi::P2)),
        ("wasi:messaging/incoming-handler@0.3.0", InstancePolicy::Reuse, Err("its version of the handler")),
        ("patchbay:host/message-handler@0.1.0", InstancePolicy::Fresh, Ok(Wasi::P2)),
        ("patchbay:host/message-handler@0.1.0", InstancePolicy::Concurrent, Err("has no `async func`")),
        ("patchbay:host/messaging@0.1.0", InstancePolicy::Reuse, Err("serves nothing")),
    ] {
        match (outcome(&component(export, &[("wasi:io/poll@0.2.3", true)]), policy), expected) {
            (Ok(wasi), Ok(expected)) => assert_eq!(wasi, expected, "{export}"),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
            (outcome, _) => panic!("{export}: {outcome:?}"),
        }
    }
    assert!(outcome(HEADER, InstancePolicy::Fresh).unwrap_err().contains("it exports nothing"));
}

#[test]
fn what_a_component_uses_decides_what_runs_it() {
    let wasi_03 = [("wasi:clocks/system-clock@0.3.0", true)];
    let own = component("acme:shop/api@1.0.0", &wasi_03);
    assert_eq!(outcome(&own, InstancePolicy::Concurrent), Ok(Wasi::P3));
    let handler = component("wasi:http/incoming-handler@0.2.0", &wasi_03);
    assert_eq!(outcome(&handler, InstancePolicy::Reuse), Ok(Wasi::P3));
    assert!(outcome(&handler, InstancePolicy::Concurrent).unwrap_err().contains("handles requests with WASI 0.2"));
    // The type of an `async func`, in place of one that is none.
    let plain = component("acme:shop/api@1.0.0", &[]);
    let place = plain.windows(3).position(|bytes| bytes == b"\x01\x40\x00").unwrap() + 1;
    let mut waiting = plain;
    waiting[place] = 0x43;
    assert_eq!(outcome(&waiting, InstancePolicy::Reuse), Ok(Wasi::P3));
}

#[test]
fn every_missing_import_is_named_with_what_would_provide_it() {
    let imports = [
        ("wasi:keyvalue/store@0.2.0", true),
        ("wasi:http/types@0.3.0", true),
        ("wasi:http/types@0.1.0", true),
        ("wasi:new/thing", true),
        ("wasi:messaging/producer@0.2.0", true),
        ("wasi:messaging/producer@0.2.0-draft", true),
        ("acme:weather/forecast@1.0.0", true),
        ("log", true),
        ("acme:weather/types@1.0.0", false),
        ("wasi:http/types@0.2.1", true),
    ];
    let error = outcome(&component("wasi:http/incoming-handler@0.2.0", &imports), InstancePolicy::Fresh).unwrap_err();
    for expected in [
        "`wasi:keyvalue/store@0.2.0` (this version of Patchbay does not provide key-value state)",
        "`wasi:http/types@0.1.0` (of `wasi:http` the versions",
        "`wasi:messaging/producer@0.2.0` (of `wasi:messaging` the interfaces",
        "`wasi:new/thing` (this version of Patchbay does not provide it)",
        "`log` (it belongs to no package",
    ] {
        assert!(error.contains(expected), "{expected} is not in: {error}");
    }
    // What another service may serve is not the engine's to refuse.
    assert!(
        !error.contains("acme:weather") && !error.contains("types@0.2.1") && !error.contains("types@0.3.0"),
        "{error}"
    );
}
