//! From guest memory to packed values.

use std::cell::Cell;
use std::slice::Iter;

use bytes::Bytes;
use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding;
use wasmtime::component::__internal::{ComponentTypes, InterfaceType, LiftContext};
use wasmtime::{Result, ValRaw, bail};

use super::cases::{Cases, canonical32, canonical64, flag_bits, integer};
use super::{MAX_BYTES, text};

/// What most calls fit into, in bytes.
const USUAL: usize = 128;

thread_local! {
    /// Room that values of this thread were put together in, for the next ones: how large they are is known only once they are.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lifts values that came flat, as they do where they are few.
///
/// # Errors
/// If they are no values of this type, or larger than [`MAX_BYTES`].
pub(super) fn from_flat(cx: &LiftContext<'_>, ty: InterfaceType, flat: &[ValRaw]) -> Result<Bytes> {
    // A single flat value points to nothing: it is as large as it is.
    let room = match flat {
        [] | [_] => Vec::with_capacity(cx.types.canonical_abi(&ty).size32 as usize),
        _ => room(),
    };
    let mut lift = Lifting::new(cx, room);
    lift.flat(ty, &mut flat.iter())?;
    Ok(whole(lift.out))
}

/// Lifts values that lie in memory.
///
/// # Errors
/// If they are no values of this type, or larger than [`MAX_BYTES`].
pub(super) fn from_memory(cx: &LiftContext<'_>, ty: InterfaceType, offset: usize) -> Result<Bytes> {
    let mut lift = Lifting::new(cx, room());
    let abi = lift.types.canonical_abi(&ty);
    let bytes = lift.at(offset, abi.size32 as usize, abi.align32 as usize)?;
    lift.memory(ty, bytes)?;
    Ok(whole(lift.out))
}

/// Room for values that most fit into.
fn room() -> Vec<u8> {
    let mut room = ROOM.take();
    room.clear();
    room.reserve_exact(USUAL);
    room
}

/// Values that are complete, in memory of just their size: else something would be allocated beside them that says where they end. Room
/// that was not needed is for the next ones.
fn whole(values: Vec<u8>) -> Bytes {
    if values.len() == values.capacity() || values.len() > USUAL {
        return values.into_boxed_slice().into();
    }
    let whole = Bytes::copy_from_slice(&values);
    ROOM.set(values);
    whole
}

struct Lifting<'a> {
    memory: &'a [u8],
    types: &'a ComponentTypes,
    encoding: StringEncoding,
    out: Vec<u8>,
}

impl<'a> Lifting<'a> {
    fn new(cx: &LiftContext<'a>, out: Vec<u8>) -> Self {
        Self { memory: cx.memory(), types: cx.types, encoding: cx.options().string_encoding, out }
    }

    /// Bytes of the guest's memory.
    fn at(&self, offset: usize, size: usize, align: usize) -> Result<&'a [u8]> {
        if !offset.is_multiple_of(align) {
            bail!("a pointer of the guest is not aligned to {align}");
        }
        match self.memory.get(offset..).and_then(|rest| rest.get(..size)) {
            Some(bytes) => Ok(bytes),
            None => bail!("a pointer of the guest points outside of its memory"),
        }
    }

    /// Takes note of what a value will have at least, before anything is made of it.
    fn room(&self, bytes: usize) -> Result<()> {
        if self.out.len().saturating_add(bytes) > MAX_BYTES {
            bail!("the values of the call are larger than {MAX_BYTES} bytes");
        }
        Ok(())
    }

    fn flat(&mut self, ty: InterfaceType, flat: &mut Iter<'_, ValRaw>) -> Result<()> {
        match ty {
            InterfaceType::Bool => self.out.push(u8::from(next(flat)?.get_u32() != 0)),
            InterfaceType::U8 | InterfaceType::S8 => self.out.push(next(flat)?.get_u32() as u8),
            InterfaceType::U16 | InterfaceType::S16 => self.put((next(flat)?.get_u32() as u16).to_le_bytes()),
            InterfaceType::U32 | InterfaceType::S32 => self.put(next(flat)?.get_u32().to_le_bytes()),
            InterfaceType::U64 | InterfaceType::S64 => self.put(next(flat)?.get_u64().to_le_bytes()),
            InterfaceType::Float32 => self.put(canonical32(next(flat)?.get_f32()).to_le_bytes()),
            InterfaceType::Float64 => self.put(canonical64(next(flat)?.get_f64()).to_le_bytes()),
            InterfaceType::Char => self.char(next(flat)?.get_u32())?,
            InterfaceType::String => {
                let (offset, length) = pair(flat)?;
                self.string(offset, length)?;
            }
            InterfaceType::List(index) => {
                let (offset, length) = pair(flat)?;
                self.list(self.types[index].element, offset, length)?;
            }
            InterfaceType::FixedLengthList(index) => {
                let list = &self.types[index];
                (0..list.size).try_for_each(|_| self.flat(list.element, flat))?;
            }
            InterfaceType::Tuple(index) => {
                self.types[index].types.iter().try_for_each(|part| self.flat(*part, flat))?;
            }
            InterfaceType::Record(index) => {
                self.types[index].fields.iter().try_for_each(|field| self.flat(field.ty, flat))?;
            }
            InterfaceType::Flags(index) => {
                let flags = self.types[index].names.len();
                for word in 0..flags.div_ceil(32) {
                    let bits = next(flat)?.get_u32() & flag_bits(flags, word);
                    self.put(bits.to_le_bytes());
                }
            }
            _ => self.flat_case(ty, flat)?,
        }
        Ok(())
    }

    /// The case of a variant: its payload has as many flat values as the largest of them all.
    fn flat_case(&mut self, ty: InterfaceType, flat: &mut Iter<'_, ValRaw>) -> Result<()> {
        let Some(cases) = Cases::of(self.types, ty) else { return unsupported() };
        let count = self.types.canonical_abi(&ty).flat_count.map_or(usize::MAX, usize::from);
        let Some((own, rest)) = flat.as_slice().split_at_checked(count) else { return missing() };
        *flat = rest.iter();
        let mut own = own.iter();
        let payload = self.discriminant(&cases, next(&mut own)?.get_u32())?;
        payload.map_or(Ok(()), |ty| self.flat(ty, &mut own))
    }

    fn memory(&mut self, ty: InterfaceType, bytes: &'a [u8]) -> Result<()> {
        match ty {
            InterfaceType::U8 | InterfaceType::S8 => self.put::<1>(array(bytes)?),
            InterfaceType::U16 | InterfaceType::S16 => self.put::<2>(array(bytes)?),
            InterfaceType::U32 | InterfaceType::S32 => self.put::<4>(array(bytes)?),
            InterfaceType::U64 | InterfaceType::S64 => self.put::<8>(array(bytes)?),
            InterfaceType::Bool => self.out.push(u8::from(bytes.first().is_some_and(|byte| *byte != 0))),
            InterfaceType::Float32 => self.put(canonical32(u32::from_le_bytes(array(bytes)?)).to_le_bytes()),
            InterfaceType::Float64 => self.put(canonical64(u64::from_le_bytes(array(bytes)?)).to_le_bytes()),
            InterfaceType::Char => self.char(u32::from_le_bytes(array(bytes)?))?,
            InterfaceType::String => {
                let (offset, length) = pair_in(bytes)?;
                self.string(offset, length)?;
            }
            InterfaceType::List(index) => {
                let (offset, length) = pair_in(bytes)?;
                self.list(self.types[index].element, offset, length)?;
            }
            InterfaceType::FixedLengthList(index) => self.elements(self.types[index].element, bytes)?,
            InterfaceType::Tuple(index) => self.parts(self.types[index].types.iter().copied(), bytes)?,
            InterfaceType::Record(index) => {
                self.parts(self.types[index].fields.iter().map(|field| field.ty), bytes)?;
            }
            InterfaceType::Flags(index) => {
                let flags = self.types[index].names.len();
                for (word, bytes) in bytes.chunks(4).enumerate() {
                    // Up to 16 flags lie in one byte or two.
                    let mut whole = [0; 4];
                    whole.iter_mut().zip(bytes).for_each(|(whole, byte)| *whole = *byte);
                    self.put((u32::from_le_bytes(whole) & flag_bits(flags, word)).to_le_bytes());
                }
            }
            _ => self.case(ty, bytes)?,
        }
        Ok(())
    }

    /// The parts of a tuple or record, each where its alignment puts it.
    fn parts(&mut self, parts: impl Iterator<Item = InterfaceType>, bytes: &'a [u8]) -> Result<()> {
        let mut end = 0;
        for part in parts {
            let abi = self.types.canonical_abi(&part);
            let start = abi.next_field32(&mut end) as usize;
            let Some(bytes) = bytes.get(start..end as usize) else { return missing() };
            self.memory(part, bytes)?;
        }
        Ok(())
    }

    fn case(&mut self, ty: InterfaceType, bytes: &'a [u8]) -> Result<()> {
        let Some(cases) = Cases::of(self.types, ty) else { return unsupported() };
        let discriminant = match cases.width {
            1 => u32::from(u8::from_le_bytes(array(bytes)?)),
            2 => u32::from(u16::from_le_bytes(array(bytes)?)),
            _ => u32::from_le_bytes(array(bytes)?),
        };
        let Some(payload) = self.discriminant(&cases, discriminant)? else { return Ok(()) };
        let size = self.types.canonical_abi(&payload).size32 as usize;
        match bytes.get(cases.payload..).and_then(|rest| rest.get(..size)) {
            Some(bytes) => self.memory(payload, bytes),
            None => missing(),
        }
    }

    /// Writes which case it is; returns what the case carries.
    fn discriminant(&mut self, cases: &Cases<'_>, discriminant: u32) -> Result<Option<InterfaceType>> {
        let Some(payload) = cases.payload_of(discriminant) else {
            bail!("a value of the guest is in case {discriminant}, which its type does not have");
        };
        match cases.width {
            1 => self.out.push(discriminant as u8),
            2 => self.put((discriminant as u16).to_le_bytes()),
            _ => self.put(discriminant.to_le_bytes()),
        }
        Ok(payload)
    }

    fn char(&mut self, character: u32) -> Result<()> {
        if char::from_u32(character).is_none() {
            bail!("{character:#x} of the guest is no character");
        }
        self.put(character.to_le_bytes());
        Ok(())
    }

    fn string(&mut self, offset: usize, length: usize) -> Result<()> {
        let Some((units, size, align)) = text::extent(self.encoding, length) else { return missing() };
        let bytes = self.at(offset, size, align)?;
        self.room(size.saturating_add(4))?;
        let start = self.out.len();
        self.put((size as u32).to_le_bytes());
        text::decode(&units, bytes, &mut self.out)?;
        let length = (self.out.len() - start - 4) as u32;
        // What the guest had in another encoding is longer or shorter now.
        if length as usize != size {
            self.room(0)?;
            if let Some(place) = self.out.get_mut(start..).and_then(|rest| rest.first_chunk_mut::<4>()) {
                *place = length.to_le_bytes();
            }
        }
        Ok(())
    }

    fn list(&mut self, element: InterfaceType, offset: usize, length: usize) -> Result<()> {
        let abi = self.types.canonical_abi(&element);
        if abi.size32 == 0 {
            return unsupported();
        }
        let size = (abi.size32 as usize).saturating_mul(length);
        let bytes = self.at(offset, size, abi.align32 as usize)?;
        // Elements may become smaller, by the gaps between them, but not by more than this.
        self.room(size / 8)?;
        self.put((length as u32).to_le_bytes());
        self.elements(element, bytes)
    }

    /// Elements that lie one behind the other.
    fn elements(&mut self, element: InterfaceType, bytes: &'a [u8]) -> Result<()> {
        if integer(element).is_some() {
            self.room(bytes.len())?;
            self.out.extend_from_slice(bytes);
            return Ok(());
        }
        let size = self.types.canonical_abi(&element).size32 as usize;
        for bytes in bytes.chunks_exact(size.max(1)) {
            self.memory(element, bytes)?;
            self.room(0)?;
        }
        Ok(())
    }

    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.out.extend_from_slice(&bytes);
    }
}

fn next<'v>(flat: &mut Iter<'v, ValRaw>) -> Result<&'v ValRaw> {
    flat.next().map_or_else(missing, Ok)
}

/// Where a string or list lies, and how long it is.
fn pair(flat: &mut Iter<'_, ValRaw>) -> Result<(usize, usize)> {
    Ok((next(flat)?.get_u32() as usize, next(flat)?.get_u32() as usize))
}

/// The same, of one that is itself in memory.
fn pair_in(bytes: &[u8]) -> Result<(usize, usize)> {
    let (offset, length) = bytes.split_at_checked(4).unwrap_or_default();
    Ok((u32::from_le_bytes(array(offset)?) as usize, u32::from_le_bytes(array(length)?) as usize))
}

/// The first bytes.
fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.first_chunk::<N>().copied().map_or_else(missing, Ok)
}

/// What cannot happen with types and values that come from wasmtime.
fn missing<T>() -> Result<T> {
    bail!("a value of the guest is shorter than its type")
}

fn unsupported<T>() -> Result<T> {
    bail!("values of this type cannot cross between services")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_room_for_usual_values_and_nothing_of_them() {
        for length in [0, 1, USUAL - 1, USUAL, USUAL + 1, 100 * USUAL, 3] {
            let mut values = room();
            assert!(values.is_empty() && values.capacity() == USUAL, "{length}: {values:?}");
            values.resize(length, 7);
            assert_eq!(whole(values), vec![7; length]);
            let kept = ROOM.take();
            assert!(kept.capacity() <= USUAL, "{length} left {}", kept.capacity());
            ROOM.set(kept);
        }
    }
}
