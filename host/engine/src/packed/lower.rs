//! From packed values to guest memory.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::slice::IterMut;

use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding;
use wasmtime::component::__internal::{ComponentTypes, InterfaceType, LowerContext};
use wasmtime::{Result, ValRaw, bail};

use super::cases::{Cases, integer};
use super::{MAX_FLAT_PARAMS, text};

type Slots<'s> = IterMut<'s, MaybeUninit<ValRaw>>;

/// Bytes that are put together in the host before they are written to the guest at once: to find its memory takes as long as to write
/// all of them.
const STAGED: usize = 128;

/// Strings and the like that are written to the guest together, for the same reason.
const AT_ONCE: usize = 6;

/// Lowers values that go flat, as they do where they are few. Where they are too many, they go into memory that the guest
/// gives for them, and flat goes where they lie.
///
/// # Errors
/// If `packed` are no values of this type, or the guest has no memory for them.
pub(super) fn to_flat<T>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    packed: &[u8],
    flat: &mut [MaybeUninit<ValRaw>],
) -> Result<()> {
    let mut lower = Lowering::new(cx, packed);
    let mut slots = flat.iter_mut();
    match lower.types.canonical_abi(&ty).flat_count(MAX_FLAT_PARAMS) {
        Some(_) => lower.flat(ty, &mut slots)?,
        None => lower.indirect(ty, &mut slots)?,
    }
    clear(slots);
    lower.finish()
}

/// Lowers values into memory that is there for them.
///
/// # Errors
/// If `packed` are no values of this type, or the guest has no memory for them.
pub(super) fn to_memory<T>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    packed: &[u8],
    offset: usize,
) -> Result<()> {
    let mut lower = Lowering::new(cx, packed);
    lower.elements(ty, 1, offset)?;
    lower.finish()
}

struct Lowering<'c, 'a, 'p, T: 'static> {
    cx: &'c mut LowerContext<'a, T>,
    types: &'a ComponentTypes,
    encoding: StringEncoding,
    /// What is not lowered yet.
    rest: &'p [u8],
    /// What the guest gave memory for, and is still to be written there: the first so many. The guest does not look at it before it has all.
    waiting: [(usize, &'p [u8]); AT_ONCE],
    n_waiting: usize,
}

impl<'c, 'a, 'p, T: 'static> Lowering<'c, 'a, 'p, T> {
    fn new(cx: &'c mut LowerContext<'a, T>, packed: &'p [u8]) -> Self {
        let (types, encoding) = (cx.types, cx.options().string_encoding);
        Self { cx, types, encoding, rest: packed, waiting: [(0, &[]); AT_ONCE], n_waiting: 0 }
    }

    fn finish(mut self) -> Result<()> {
        self.write_waiting()?;
        if self.rest.is_empty() { Ok(()) } else { bail!("the values of the call go on after their end") }
    }

    fn take(&mut self, size: usize) -> Result<&'p [u8]> {
        let Some((bytes, rest)) = self.rest.split_at_checked(size) else { return ended() };
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else { return ended() };
        self.rest = rest;
        Ok(*bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Which case comes, and what it carries.
    fn discriminant(&mut self, cases: &Cases<'_>) -> Result<(u32, Option<InterfaceType>)> {
        let discriminant = match cases.width {
            1 => u32::from(u8::from_le_bytes(self.array()?)),
            2 => u32::from(u16::from_le_bytes(self.array()?)),
            _ => self.u32()?,
        };
        match cases.payload_of(discriminant) {
            Some(payload) => Ok((discriminant, payload)),
            None => bail!("a value of the call is in case {discriminant}, which its type does not have"),
        }
    }

    /// Puts values into memory that the guest gives for them.
    fn indirect(&mut self, ty: InterfaceType, slots: &mut Slots<'_>) -> Result<()> {
        let abi = self.types.canonical_abi(&ty);
        let offset = self.cx.realloc(0, 0, abi.align32, abi.size32 as usize)?;
        self.elements(ty, 1, offset)?;
        put(slots, offset as u64)
    }

    fn flat(&mut self, ty: InterfaceType, slots: &mut Slots<'_>) -> Result<()> {
        match ty {
            InterfaceType::Bool | InterfaceType::U8 => {
                let [byte] = self.array()?;
                put(slots, u64::from(byte))
            }
            InterfaceType::S8 => {
                let number = i8::from_le_bytes(self.array()?);
                put(slots, u64::from(i32::from(number).cast_unsigned()))
            }
            InterfaceType::U16 => {
                let number = u16::from_le_bytes(self.array()?);
                put(slots, u64::from(number))
            }
            InterfaceType::S16 => {
                let number = i16::from_le_bytes(self.array()?);
                put(slots, u64::from(i32::from(number).cast_unsigned()))
            }
            InterfaceType::U32 | InterfaceType::S32 | InterfaceType::Float32 | InterfaceType::Char => {
                let bits = self.u32()?;
                put(slots, u64::from(bits))
            }
            InterfaceType::U64 | InterfaceType::S64 | InterfaceType::Float64 => {
                let bits = u64::from_le_bytes(self.array()?);
                put(slots, bits)
            }
            InterfaceType::String => {
                let (offset, length) = self.string()?;
                put_pair(slots, offset, length)
            }
            InterfaceType::List(index) => {
                let (offset, length) = self.list(self.types[index].element)?;
                put_pair(slots, offset, length)
            }
            InterfaceType::FixedLengthList(index) => {
                let list = &self.types[index];
                (0..list.size).try_for_each(|_| self.flat(list.element, slots))
            }
            InterfaceType::Tuple(index) => self.types[index].types.iter().try_for_each(|part| self.flat(*part, slots)),
            InterfaceType::Record(index) => {
                self.types[index].fields.iter().try_for_each(|field| self.flat(field.ty, slots))
            }
            InterfaceType::Flags(index) => (0..self.types[index].names.len().div_ceil(32)).try_for_each(|_| {
                let word = self.u32()?;
                put(slots, u64::from(word))
            }),
            _ => self.flat_case(ty, slots),
        }
    }

    /// The case of a variant: its payload has as many flat values as the largest of them all.
    fn flat_case(&mut self, ty: InterfaceType, slots: &mut Slots<'_>) -> Result<()> {
        let Some(cases) = Cases::of(self.types, ty) else { return unsupported() };
        let count = self.types.canonical_abi(&ty).flat_count.map_or(usize::MAX, usize::from);
        let all = std::mem::take(slots).into_slice();
        let Some((own, rest)) = all.split_at_mut_checked(count) else { return unsupported() };
        *slots = rest.iter_mut();
        let mut own = own.iter_mut();
        let (discriminant, payload) = self.discriminant(&cases)?;
        put(&mut own, u64::from(discriminant))?;
        if let Some(payload) = payload {
            self.flat(payload, &mut own)?;
        }
        clear(own);
        Ok(())
    }

    /// Puts a value where it is staged: what it consists of, and where the guest gave memory for the rest.
    fn memory(&mut self, ty: InterfaceType, place: &mut [u8]) -> Result<()> {
        match ty {
            InterfaceType::Bool | InterfaceType::U8 | InterfaceType::S8 => self.word::<1>(place),
            InterfaceType::U16 | InterfaceType::S16 => self.word::<2>(place),
            InterfaceType::U32 | InterfaceType::S32 | InterfaceType::Float32 | InterfaceType::Char => {
                self.word::<4>(place)
            }
            InterfaceType::U64 | InterfaceType::S64 | InterfaceType::Float64 => self.word::<8>(place),
            InterfaceType::String => {
                let (start, length) = self.string()?;
                stage_pair(place, start, length)
            }
            InterfaceType::List(index) => {
                let (start, length) = self.list(self.types[index].element)?;
                stage_pair(place, start, length)
            }
            InterfaceType::FixedLengthList(index) => {
                let element = self.types[index].element;
                let size = self.types.canonical_abi(&element).size32 as usize;
                place.chunks_exact_mut(size.max(1)).try_for_each(|place| self.memory(element, place))
            }
            InterfaceType::Tuple(index) => self.parts(self.types[index].types.iter().copied(), place),
            InterfaceType::Record(index) => self.parts(self.types[index].fields.iter().map(|field| field.ty), place),
            InterfaceType::Flags(index) => {
                let size = self.types.canonical_abi(&ty).size32 as usize;
                let words = self.take(self.types[index].names.len().div_ceil(32) * 4)?;
                // Up to 16 flags lie in one byte or two.
                stage(place, words.get(..size).unwrap_or(words))
            }
            _ => self.case(ty, place),
        }
    }

    /// What has so many bytes, which a move of a register is enough for where it is known when this is compiled.
    fn word<const N: usize>(&mut self, place: &mut [u8]) -> Result<()> {
        let bytes: [u8; N] = self.array()?;
        stage(place, &bytes)
    }

    /// The parts of a tuple or record, each where its alignment puts it.
    fn parts(&mut self, parts: impl Iterator<Item = InterfaceType>, place: &mut [u8]) -> Result<()> {
        let mut end = 0;
        for part in parts {
            let start = self.types.canonical_abi(&part).next_field32(&mut end) as usize;
            let Some(place) = place.get_mut(start..end as usize) else { return unsupported() };
            self.memory(part, place)?;
        }
        Ok(())
    }

    fn case(&mut self, ty: InterfaceType, place: &mut [u8]) -> Result<()> {
        let Some(cases) = Cases::of(self.types, ty) else { return unsupported() };
        let (discriminant, payload) = self.discriminant(&cases)?;
        let bytes @ [first, second, ..] = discriminant.to_le_bytes();
        match cases.width {
            1 => stage(place, &[first])?,
            2 => stage(place, &[first, second])?,
            _ => stage(place, &bytes)?,
        }
        let Some(payload) = payload else { return Ok(()) };
        let size = self.types.canonical_abi(&payload).size32 as usize;
        match place.get_mut(cases.payload..).and_then(|rest| rest.get_mut(..size)) {
            Some(place) => self.memory(payload, place),
            None => unsupported(),
        }
    }

    /// Puts a string into memory that the guest gives for it; where it lies, and the length that the guest is told.
    fn string(&mut self) -> Result<(usize, usize)> {
        let size = self.u32()? as usize;
        let packed = self.take(size)?;
        let (bytes, align, length) = text::encode(self.encoding, packed)?;
        let offset = self.cx.realloc(0, 0, align, bytes.len())?;
        match bytes {
            Cow::Borrowed(bytes) => self.write_later(offset, bytes)?,
            Cow::Owned(bytes) => self.write(offset, &bytes)?,
        }
        Ok((offset, length))
    }

    /// Puts a list into memory that the guest gives for it; where it lies, and how many elements it has.
    fn list(&mut self, element: InterfaceType) -> Result<(usize, usize)> {
        let length = self.u32()? as usize;
        let abi = self.types.canonical_abi(&element);
        // Each element has a byte at least, so that a length that lies takes no memory.
        let Some(size) = length.checked_mul(abi.size32 as usize).filter(|_| length <= self.rest.len()) else {
            return ended();
        };
        let offset = self.cx.realloc(0, 0, abi.align32, size)?;
        self.elements(element, length, offset)?;
        Ok((offset, length))
    }

    /// Elements that lie one behind the other, as many at a time as can be staged, and one at least. What lies between the parts of an
    /// element is no part of it, and may have been a part of the one before.
    fn elements(&mut self, element: InterfaceType, length: usize, offset: usize) -> Result<()> {
        if let Some(width) = integer(element) {
            let bytes = self.take(length.saturating_mul(width))?;
            return self.write_later(offset, bytes);
        }
        // Many lists may be empty whose elements would be large: nothing is made ready for those.
        if length == 0 {
            return Ok(());
        }
        let size = self.types.canonical_abi(&element).size32 as usize;
        let (mut own, mut large) = ([0; STAGED], Vec::new());
        let room = if size <= STAGED {
            own.as_mut_slice()
        } else {
            large.resize(size, 0);
            &mut large
        };
        let most = room.len() / size.max(1);
        let (mut left, mut offset) = (length, offset);
        while left > 0 {
            let count = left.min(most);
            let Some(staged) = room.get_mut(..count * size) else { return unsupported() };
            staged.chunks_exact_mut(size.max(1)).try_for_each(|place| self.memory(element, place))?;
            self.write(offset, staged)?;
            (left, offset) = (left - count, offset.saturating_add(staged.len()));
        }
        Ok(())
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<()> {
        write(self.cx.as_slice_mut(), offset, bytes)
    }

    /// Writes it with what else is written later, and all of that now if there is much of it.
    fn write_later(&mut self, offset: usize, bytes: &'p [u8]) -> Result<()> {
        if self.n_waiting == AT_ONCE {
            self.write_waiting()?;
        }
        if let Some(place) = self.waiting.get_mut(self.n_waiting) {
            *place = (offset, bytes);
            self.n_waiting += 1;
        }
        Ok(())
    }

    fn write_waiting(&mut self) -> Result<()> {
        let count = std::mem::take(&mut self.n_waiting);
        if count == 0 {
            return Ok(());
        }
        let memory = self.cx.as_slice_mut();
        self.waiting.iter().take(count).try_for_each(|(offset, bytes)| write(memory, *offset, bytes))
    }
}

fn write(memory: &mut [u8], offset: usize, bytes: &[u8]) -> Result<()> {
    match memory.get_mut(offset..).and_then(|rest| rest.get_mut(..bytes.len())) {
        Some(place) => place.copy_from_slice(bytes),
        None => bail!("the guest's memory does not reach where a value of the call belongs"),
    }
    Ok(())
}

/// Writes to where a value is staged, which has as much room as the value needs.
fn stage(place: &mut [u8], bytes: &[u8]) -> Result<()> {
    match place.get_mut(..bytes.len()) {
        Some(place) => {
            place.copy_from_slice(bytes);
            Ok(())
        }
        None => unsupported(),
    }
}

/// The same for where a string or list lies, and how long it is.
fn stage_pair(place: &mut [u8], start: usize, length: usize) -> Result<()> {
    let pair = (start as u64 & u64::from(u32::MAX)) | ((length as u64) << 32);
    stage(place, &pair.to_le_bytes())
}

fn put(slots: &mut Slots<'_>, bits: u64) -> Result<()> {
    match slots.next() {
        Some(slot) => {
            // Narrower values are the low bits, as wasmtime reads them.
            slot.write(ValRaw::u64(bits));
            Ok(())
        }
        None => unsupported(),
    }
}

/// Flat values that stand for nothing are read all the same.
fn clear(slots: Slots<'_>) {
    for slot in slots {
        slot.write(ValRaw::u64(0));
    }
}

fn put_pair(slots: &mut Slots<'_>, offset: usize, length: usize) -> Result<()> {
    put(slots, offset as u64)?;
    put(slots, length as u64)
}

fn ended<T>() -> Result<T> {
    bail!("the values of the call end too early")
}

fn unsupported<T>() -> Result<T> {
    bail!("values of this type cannot cross between services")
}
