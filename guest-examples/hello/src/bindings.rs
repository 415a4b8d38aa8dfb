//! What the service imports besides WASI's HTTP and clocks: its world, with the interfaces of the host.

#![allow(missing_docs, clippy::all, reason = "generated")]

wit_bindgen::generate!({ world: "shop:hello/hello", path: ["../../wit/host.wit", "wit"], generate_all });
