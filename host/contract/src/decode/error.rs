//! Why bytes have no contract.

/// Why bytes have no contract, for the person who wants to deploy them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes do not begin like WebAssembly.
    #[error("this is not WebAssembly: a component is a binary file that begins with the bytes 00 61 73 6d (`\\0asm`)")]
    NotWebAssembly,
    /// A WebAssembly module: it has no contract and cannot be linked.
    #[error(
        "this is a core WebAssembly module, not a component: build it for a component target (Rust: `--target \
         wasm32-wasip2`), or turn it into a component with `wasm-tools component new`"
    )]
    CoreModule,
    /// A WIT package in its binary form: it describes contracts and has no code.
    #[error("this is a WIT package in binary form, which has types but no code: deploy a component that implements it")]
    WitPackage,
    /// The bytes end within the component.
    #[error("the component is cut off: it goes on after its {size} bytes; copy or upload it again, whole")]
    Truncated {
        /// The bytes that are there.
        size: usize,
    },
    /// The bytes break the rules of WebAssembly.
    #[error("the component is malformed at byte {offset}: {problem}; build it again, with a current toolchain")]
    Malformed {
        /// Where, counted from the first byte.
        offset: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The contract is larger than any that was written by people.
    #[error(
        "the names and signatures of the component's imports and exports exceed {limit} bytes: split the component"
    )]
    TooLarge {
        /// The limit, in bytes of text.
        limit: usize,
    },
    /// The types of the contract use each other in a way that multiplies.
    #[error(
        "the types of the component's imports and exports, written out wherever they are used, come to more than \
         {limit}: give the functions smaller types, or split the component"
    )]
    TooComplex {
        /// The limit, in types.
        limit: usize,
    },
}

impl DecodeError {
    /// The error for components nested more than `limit` levels deep.
    pub(super) fn too_deep(offset: usize, limit: usize) -> Self {
        Self::Malformed { offset, problem: format!("components are nested more than {limit} levels deep") }
    }
}

impl From<wasmparser::BinaryReaderError> for DecodeError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed { offset: error.offset(), problem: error.message().to_owned() }
    }
}
