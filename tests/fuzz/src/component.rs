//! What reads the bytes of a component before the compiler does: the contract with its producers, and the names by which
//! the engine decides whether it can run it. Whatever the bytes, both come to an end, and they say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// The engine's reader of names, which needs nothing else of the engine.
#[path = "../../../host/engine/src/admit/names.rs"]
#[allow(dead_code, reason = "the engine looks at all of it")]
mod names;

fuzz_target!(|bytes: &[u8]| {
    let names = names::read(bytes);
    let contract = match patchbay_contract::decode(bytes) {
        Ok(contract) => contract,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let text = serde_json::to_vec(&contract).expect("a contract can be shown");
    assert!(text.len() < 16 << 20, "a contract of {} bytes", text.len());
    let _ = (contract.http_handler(), contract.default_policy(), contract.recommended_policy());

    let names = names.expect("what is valid has names");
    let exports: Vec<_> = contract.exports.iter().map(|item| &item.name).collect();
    assert_eq!(names.exports.iter().collect::<Vec<_>>(), exports);
    let mut imports = contract.imports.iter().map(|item| &item.name);
    assert!(names.imports.iter().all(|name| imports.any(|import| import == name)), "{:?}", names.imports);
});
