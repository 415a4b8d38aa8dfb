//! Types of which one of several cases holds, and types that are numbers.

use wasmtime::component::__internal::{ComponentTypes, InterfaceType};

/// A variant, an enum, an option or a result, as it lies in memory and in packed values.
pub(super) struct Cases<'a> {
    types: &'a ComponentTypes,
    ty: InterfaceType,
    count: usize,
    /// Bytes of the discriminant, in memory and packed.
    pub(super) width: usize,
    /// Where the payload lies in memory.
    pub(super) payload: usize,
}

impl<'a> Cases<'a> {
    /// The cases of `ty`, if it has any.
    pub(super) fn of(types: &'a ComponentTypes, ty: InterfaceType) -> Option<Self> {
        let (info, count) = match ty {
            InterfaceType::Option(index) => (&types[index].info, 2),
            InterfaceType::Result(index) => (&types[index].info, 2),
            InterfaceType::Variant(index) => (&types[index].info, types[index].cases.len()),
            InterfaceType::Enum(index) => (&types[index].info, types[index].names.len()),
            _ => return None,
        };
        let (width, payload) = (usize::from(info.size), info.payload_offset32 as usize);
        Some(Self { types, ty, count, width, payload })
    }

    /// What the case with this discriminant carries; `None` if there is no such case.
    pub(super) fn payload_of(&self, discriminant: u32) -> Option<Option<InterfaceType>> {
        let position = discriminant as usize;
        if position >= self.count {
            return None;
        }
        Some(match (self.ty, discriminant) {
            (InterfaceType::Option(index), 1) => Some(self.types[index].ty),
            (InterfaceType::Result(index), 0) => self.types[index].ok,
            (InterfaceType::Result(index), _) => self.types[index].err,
            (InterfaceType::Variant(index), _) => self.types[index].cases.get_index(position).and_then(|(_, ty)| *ty),
            _ => None,
        })
    }
}

/// Bytes of a whole number of this type, which is the same in memory and packed; `None` if it is none.
pub(super) const fn integer(ty: InterfaceType) -> Option<usize> {
    match ty {
        InterfaceType::U8 | InterfaceType::S8 => Some(1),
        InterfaceType::U16 | InterfaceType::S16 => Some(2),
        InterfaceType::U32 | InterfaceType::S32 => Some(4),
        InterfaceType::U64 | InterfaceType::S64 => Some(8),
        _ => None,
    }
}

/// The one not-a-number of packed values, where `bits` are one.
pub(super) const fn canonical32(bits: u32) -> u32 {
    if f32::from_bits(bits).is_nan() { 0x7fc0_0000 } else { bits }
}

/// The one not-a-number of packed values, where `bits` are one.
pub(super) const fn canonical64(bits: u64) -> u64 {
    if f64::from_bits(bits).is_nan() { 0x7ff8_0000_0000_0000 } else { bits }
}

/// The bits of word number `word` that are flags, of so many flags.
pub(super) const fn flag_bits(flags: usize, word: usize) -> u32 {
    match flags.saturating_sub(word * 32) {
        rest @ 0..32 => (1 << rest) - 1,
        _ => u32::MAX,
    }
}
