//! Contracts as the admin API shows them.

use patchbay_contract::{Contract, ContractItem};
use serde::Serialize;
use utoipa::ToSchema;

/// What a component asks for and offers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Contract)]
pub(super) struct ContractView {
    /// What it asks for.
    imports: Vec<ItemView>,
    /// What it offers.
    exports: Vec<ItemView>,
    /// The language it was written in, as far as its producers tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Rust")]
    language: Option<String>,
    /// The tools that made it.
    producers: Vec<ProducerView>,
}

/// One import or export.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContractItem)]
pub(super) struct ItemView {
    /// The interface, or the plain name of a function.
    #[schema(example = "wasi:http/incoming-handler@0.2.12")]
    name: String,
    /// Its functions in WIT notation.
    functions: Vec<String>,
    /// The types that its functions name, as WIT declares them, each before those that use it. Where two have one name,
    /// both are there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["record item { sku: string, qty: u16 }"]))]
    types: Vec<String>,
}

/// A tool or language that had a part in a component.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Producer)]
pub(super) struct ProducerView {
    /// The part: `language`, `processed-by`, `sdk` or `library`.
    #[schema(example = "language")]
    field: String,
    /// The tool or language.
    #[schema(example = "Rust")]
    name: String,
    /// Its version; empty if it gave none.
    version: String,
}

impl From<&Contract> for ContractView {
    fn from(contract: &Contract) -> Self {
        let producers = contract.producers.iter().map(|producer| ProducerView {
            field: producer.field.clone(),
            name: producer.name.clone(),
            version: producer.version.clone(),
        });
        Self {
            imports: contract.imports.iter().map(ItemView::from).collect(),
            exports: contract.exports.iter().map(ItemView::from).collect(),
            language: contract.language.as_ref().map(ToString::to_string),
            producers: producers.collect(),
        }
    }
}

impl From<&ContractItem> for ItemView {
    fn from(item: &ContractItem) -> Self {
        let functions = item.functions.iter().map(ToString::to_string).collect();
        Self { name: item.name.clone(), functions, types: item.definitions() }
    }
}
