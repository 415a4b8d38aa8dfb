//! Reads the names of a component's imports and exports, and whether anything of it is `async`, and skips everything else:
//! core modules, nested components and code are never looked at.

use wasmparser::{
    BinaryReaderError, CanonicalFunction, CanonicalOption, Chunk, ComponentAlias, ComponentDefinedType,
    ComponentExternalKind, ComponentOuterAliasKind, ComponentType, ComponentTypeDeclaration, ComponentTypeRef,
    InstanceTypeDeclaration, Parser, Payload,
};

/// What a component imports and exports.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The imports that something has to be provided for. An interface of nothing but types needs no provider.
    pub(crate) imports: Vec<String>,
    /// All exports.
    pub(crate) exports: Vec<String>,
    /// Whether a function that it imports or exports is `async`, or is called in such a way, or has streams or futures.
    pub(crate) is_async: bool,
}

/// Why bytes are no component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// They break the binary format.
    #[error(transparent)]
    Format(#[from] BinaryReaderError),
    /// Their end is missing.
    #[error("it ends in the middle of a part that begins at byte {0}; was it copied whole?")]
    Cut(usize),
}

/// Reads the component in `bytes`.
///
/// # Errors
/// Where the bytes break the binary format, as far as they were read.
pub(crate) fn read(bytes: &[u8]) -> Result<Names, Broken> {
    let mut names = Names::default();
    // Whether the type at each index is that of an instance with only types; unknown where it comes from elsewhere.
    let mut types: Vec<bool> = Vec::new();
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    loop {
        let (consumed, payload) = match parser.parse(rest, true)? {
            Chunk::Parsed { consumed, payload } => (consumed, payload),
            // Cannot happen: the parser was told that there are no more bytes.
            Chunk::NeedMoreData(_) => return Ok(names),
        };
        let mut skip = 0;
        match payload {
            // The parser would go into these; their bytes are passed over instead.
            Payload::ModuleSection { unchecked_range, .. } | Payload::ComponentSection { unchecked_range, .. } => {
                skip = unchecked_range.end.saturating_sub(unchecked_range.start);
            }
            Payload::ComponentTypeSection(section) => {
                for ty in section {
                    let ty = ty?;
                    names.is_async |= is_async(&ty);
                    types.push(matches!(ty, ComponentType::Instance(items) if items.iter().all(is_type)));
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    names.is_async |= is_async_canonical(&function?);
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    if adds_type(&alias?) {
                        types.push(false);
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    note_import(&mut names, &mut types, import.name.name, import.ty);
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    names.exports.push(export.name.name.to_owned());
                    if export.kind == ComponentExternalKind::Type {
                        types.push(false);
                    }
                }
            }
            Payload::End(_) => return Ok(names),
            _ => {}
        }
        let offset = bytes.len() - rest.len();
        rest = rest.get(consumed.saturating_add(skip)..).ok_or(Broken::Cut(offset))?;
        if skip > 0 {
            parser = resume(bytes.len() - rest.len());
        }
    }
}

/// A parser that goes on in the same component, behind a part that was passed over.
fn resume(offset: usize) -> Parser {
    let mut parser = Parser::new(offset as u64);
    // The parser begins with a header; it is given one, so that it expects sections from here on.
    let header = b"\0asm\x0d\0\x01\0";
    let _ = parser.parse(header, false);
    parser
}

fn note_import(names: &mut Names, types: &mut Vec<bool>, name: &str, ty: ComponentTypeRef) {
    let only_types = match ty {
        ComponentTypeRef::Instance(index) => types.get(index as usize).copied().unwrap_or(false),
        ComponentTypeRef::Type(_) => {
            types.push(false);
            true
        }
        ComponentTypeRef::Module(_)
        | ComponentTypeRef::Func(_)
        | ComponentTypeRef::Value(_)
        | ComponentTypeRef::Component(_) => false,
    };
    if !only_types {
        names.imports.push(name.to_owned());
    }
}

/// Whether an item of an instance's type asks for no implementation. A resource does: it has a destructor.
fn is_type(item: &InstanceTypeDeclaration<'_>) -> bool {
    match item {
        InstanceTypeDeclaration::Export { ty, .. } => {
            matches!(ty, ComponentTypeRef::Type(wasmparser::TypeBounds::Eq(_)))
        }
        InstanceTypeDeclaration::CoreType(_) | InstanceTypeDeclaration::Type(_) | InstanceTypeDeclaration::Alias(_) => {
            true
        }
    }
}

const fn adds_type(alias: &ComponentAlias<'_>) -> bool {
    matches!(
        alias,
        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Type, .. }
            | ComponentAlias::Outer { kind: ComponentOuterAliasKind::Type, .. }
    )
}

/// Whether anything in a type is `async`.
fn is_async(ty: &ComponentType<'_>) -> bool {
    match ty {
        ComponentType::Func(function) => function.async_,
        ComponentType::Defined(ty) => matches!(ty, ComponentDefinedType::Stream(_) | ComponentDefinedType::Future(_)),
        ComponentType::Instance(items) => {
            items.iter().any(|item| matches!(item, InstanceTypeDeclaration::Type(ty) if is_async(ty)))
        }
        ComponentType::Component(items) => {
            items.iter().any(|item| matches!(item, ComponentTypeDeclaration::Type(ty) if is_async(ty)))
        }
        ComponentType::Resource { .. } => false,
    }
}

/// Whether the component can make no use of a function of the canonical ABI without concurrency.
fn is_async_canonical(function: &CanonicalFunction) -> bool {
    match function {
        CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
            options.contains(&CanonicalOption::Async)
        }
        CanonicalFunction::ResourceNew { .. }
        | CanonicalFunction::ResourceDrop { .. }
        | CanonicalFunction::ResourceRep { .. } => false,
        _ => true,
    }
}
