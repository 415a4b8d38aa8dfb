//! The functions of a contract, found by the names that people and programs have for them.

use patchbay_contract::{Contract, Function};
use patchbay_model::FunctionName;

use crate::links::exported_items;

/// Why no function is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// There is none of this name.
    #[error("there is no function `{wanted}`; {}", listed(all))]
    Unknown {
        /// The name.
        wanted: String,
        /// Those there are.
        all: Vec<FunctionName>,
    },
    /// There are several.
    #[error("`{wanted}` may be {}; say which", names(fitting).join(" or "))]
    Ambiguous {
        /// The name.
        wanted: String,
        /// Those that it may mean.
        fitting: Vec<FunctionName>,
    },
    /// It cannot be called from outside of its component.
    #[error("{0}")]
    Uncallable(String),
}

fn names(functions: &[FunctionName]) -> Vec<String> {
    functions.iter().map(|name| format!("`{name}`")).collect()
}

fn listed(all: &[FunctionName]) -> String {
    if all.is_empty() { "it exports none".to_owned() } else { format!("it exports {}", names(all).join(", ")) }
}

/// The functions that a component exports to be called by others.
pub fn functions(contract: &Contract) -> impl Iterator<Item = (FunctionName, &Function)> {
    exported_items(contract).flat_map(|(item, interface)| {
        item.functions.iter().map(move |function| {
            let name = FunctionName { interface: interface.clone(), function: function.name.clone() };
            (name, function)
        })
    })
}

/// The exported function of this name, with or without its interface.
///
/// # Errors
/// [`FindError`] if it is not just one.
pub fn find<'c>(contract: &'c Contract, wanted: &str) -> Result<(FunctionName, &'c Function), FindError> {
    let full = wanted.parse::<FunctionName>();
    let fits = |name: &FunctionName| match &full {
        Ok(wanted) => name.serves(wanted),
        Err(_) => name.function == wanted,
    };
    let mut fitting: Vec<_> = functions(contract).filter(|(name, _)| fits(name)).collect();
    if fitting.len() > 1 {
        let fitting = fitting.into_iter().map(|(name, _)| name).collect();
        return Err(FindError::Ambiguous { wanted: wanted.to_owned(), fitting });
    }
    let Some((name, function)) = fitting.pop() else {
        let all = functions(contract).map(|(name, _)| name).collect();
        return Err(FindError::Unknown { wanted: wanted.to_owned(), all });
    };
    match function.obstacle() {
        None => Ok((name, function)),
        Some(obstacle) => Err(FindError::Uncallable(obstacle.to_string())),
    }
}
