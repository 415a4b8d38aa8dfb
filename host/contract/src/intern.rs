//! What contracts have in common, kept once.
//!
//! A component of WASI imports a dozen interfaces with a hundred functions, and so does the next one. Written out, that is
//! some 30 kB of a contract, which is most of what a host keeps of a service beside its code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::{Contract, ContractItem, Function};

/// Has contracts share the functions of their imports and exports.
#[derive(Debug, Default)]
pub struct Interner(Mutex<HashMap<String, Vec<Weak<[Function]>>>>);

impl Interner {
    /// Has `contract` share the functions of each import and export with the contracts that came before it and are still
    /// there, as far as they are the same. Nothing of it changes for those who read it.
    pub fn intern(&self, contract: &mut Contract) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, versions| {
            versions.retain(|version| version.strong_count() > 0);
            !versions.is_empty()
        });
        for item in contract.imports.iter_mut().chain(&mut contract.exports) {
            share(&mut known, item);
        }
    }
}

/// Takes the functions that are known for this name, or makes those of the item known. One name can stand for several
/// versions of an interface: tools leave out what a component does not use.
fn share(known: &mut HashMap<String, Vec<Weak<[Function]>>>, item: &mut ContractItem) {
    if item.functions.is_empty() {
        return;
    }
    let Some(versions) = known.get_mut(&item.name) else {
        known.insert(item.name.clone(), vec![Arc::downgrade(&item.functions)]);
        return;
    };
    match versions.iter().filter_map(Weak::upgrade).find(|version| *version == item.functions) {
        Some(version) => item.functions = version,
        None => versions.push(Arc::downgrade(&item.functions)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    /// A component that imports one interface, with a function of this parameter.
    fn importing(parameter: &str) -> Contract {
        let text = format!(
            r#"(component (import "shop:inventory/stock@0.1.0" (instance (export "reserve" (func (param "{parameter}" string))))))"#
        );
        decode(&wat::parse_str(text).unwrap()).unwrap()
    }

    fn functions(contract: &Contract) -> &Arc<[Function]> {
        &contract.imports[0].functions
    }

    #[test]
    fn what_is_the_same_is_there_once() {
        let interner = Interner::default();
        let (mut first, mut second, mut other) = (importing("sku"), importing("sku"), importing("id"));
        let before = other.clone();
        for contract in [&mut first, &mut second, &mut other] {
            interner.intern(contract);
        }
        assert!(Arc::ptr_eq(functions(&first), functions(&second)));
        assert_eq!(first, second);
        assert_eq!(other, before, "one name can stand for different functions");
        let mut again = importing("id");
        interner.intern(&mut again);
        assert!(Arc::ptr_eq(functions(&other), functions(&again)));
    }

    #[test]
    fn what_nobody_has_any_more_is_forgotten() {
        let interner = Interner::default();
        let mut gone = importing("sku");
        interner.intern(&mut gone);
        let left = Arc::downgrade(functions(&gone));
        drop(gone);
        assert_eq!(left.strong_count(), 0);
        interner.intern(&mut importing("id"));
        assert_eq!(interner.0.lock().unwrap().values().flatten().count(), 1);
    }
}
