//! Two contracts held against each other: whatever they are, it comes to an end, it is told in few words, and a contract
//! is no different from itself.
//!
//! An input is the size of the first component in two bytes, the lower first, and the two components.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchbay_contract::{Contract, Diff, can_serve, compare_exports, decode};

fuzz_target!(|bytes: &[u8]| {
    let Some((size, rest)) = bytes.split_first_chunk() else { return };
    let (first, second) = rest.split_at(usize::from(u16::from_le_bytes(*size)).min(rest.len()));
    let (first, second) = (decode(first), decode(second));
    for contract in [&first, &second].into_iter().flatten() {
        let same = compare_exports(contract, contract);
        assert!(same.is_empty(), "{same}");
        for function in contract.exports.iter().chain(&contract.imports).flat_map(|item| item.functions.iter()) {
            let obstacle = function.obstacle();
            assert!(obstacle.is_none_or(|obstacle| !obstacle.to_string().is_empty()));
        }
    }
    if let (Ok(first), Ok(second)) = (first, second) {
        told(&compare_exports(&first, &second));
        linked(&first, &second);
        linked(&second, &first);
    }
});

/// Every import of the one with whatever the other has for it, or with its first export.
fn linked(importing: &Contract, exporting: &Contract) {
    for import in importing.imports.iter().take(8) {
        let export = exporting.export_for(&import.name).or(exporting.exports.first());
        if let Some(export) = export {
            told(&can_serve(export, import));
        }
    }
}

fn told(diff: &Diff) {
    assert_eq!(diff.is_empty(), diff.to_string().is_empty());
    assert_eq!(diff.breaks(), diff.breaking().count() > 0);
    assert!(diff.to_string().len() < 1 << 19, "{} bytes", diff.to_string().len());
    serde_json::to_vec(diff).expect("a difference can be shown");
}
