//! Packed values in the memory of guests: the arguments and results of typed calls, lifted out of one instance and
//! lowered into another, as the bytes that `patchbay_contract::packed` specifies.
//!
//! A host that forwards a call with wasmtime's `Val` makes a tree of boxes out of every value. [`Packed`] implements the
//! traits that wasmtime's own derive macros expand to, and goes by the types of the component instead of those of a Rust
//! type. So there is one Rust type for all functions of all services, and numbers in lists move in one copy.
//!
//! # What this rests on
//!
//! wasmtime says of `wasmtime::component::__internal` that it is for its macros, and of the methods of these traits that
//! they are hidden. The version of wasmtime is therefore pinned, all that touches them is in this folder, and the tests
//! hold each step against what `Val` does with the same component.
//!
//! # Why it is safe
//!
//! [`ComponentType`], [`ComponentNamedList`], [`Lift`] and [`Lower`] are unsafe to implement, because wasmtime reads and
//! writes the flat values of a call as if they were `Self::Lower`, and trusts `typecheck`.
//!
//! - `Self::Lower` is an array of `FLAT` raw values: every bit pattern of it is one, and it has the size that wasmtime
//!   asserts for `FLAT` flat values. A `Packed` of a larger count than there is room for would fail that assertion, and one
//!   of a smaller count would be an error of the walk; what defines and calls functions takes the count from the
//!   function's own type ([`Arity`]). Parameters of a call may have more room than the function has of them: wasmtime hands
//!   over as much itself where it goes by `Val`, and the guest takes what it has. What it does not take is written, too.
//! - Parameters that are too many to go flat are one flat value, the address of memory that the guest's own allocator gave
//!   for their type: what wasmtime makes of them by `Val`.
//! - `typecheck` accepts every type. Nothing here believes that a value has some type: the walk goes by the type that
//!   wasmtime hands to it, each access to guest memory is checked against the length of that memory, and what is lifted
//!   is validated as it is by wasmtime itself. The types of the two ends of a call are compared before they are linked.
//! - The only unsafe operation beside the declarations is to see the flat values to be written as a slice of that length.

mod arity;
mod cases;
mod lift;
mod lower;
#[cfg(test)]
mod tests;
mod text;

use std::mem::MaybeUninit;

use bytes::Bytes;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift, Lower};
use wasmtime::{Result, ValRaw};

pub(crate) use arity::{Arity, ByArity};

/// The largest packed value that is lifted, in bytes: what one call may make the host keep.
pub(crate) const MAX_BYTES: usize = (64 << 20) + (64 << 10);

/// Flat parameters that a function may have; wasmtime and the canonical ABI put more of them into memory.
pub(crate) const MAX_FLAT_PARAMS: usize = 16;

/// The parameters of a call, or its results, with `FLAT` flat values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Packed<const FLAT: usize>(pub(crate) Bytes);

const fn abi(flat: usize) -> CanonicalAbiInfo {
    // The size in memory is that of the function's own types, which only the walk knows: see `lift.rs`.
    let flat_count = if flat <= MAX_FLAT_PARAMS { Some(flat as u8) } else { None };
    CanonicalAbiInfo { size32: 0, align32: 1, size64: 0, align64: 1, flat_count }
}

#[allow(unsafe_code, reason = "see the argument at the top of this file")]
// SAFETY: as argued at the top of this file.
unsafe impl<const FLAT: usize> ComponentType for Packed<FLAT> {
    type Lower = [ValRaw; FLAT];

    const ABI: CanonicalAbiInfo = abi(FLAT);

    fn typecheck(_ty: &InterfaceType, _types: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

#[allow(unsafe_code, reason = "see the argument at the top of this file")]
// SAFETY: as argued at the top of this file.
unsafe impl<const FLAT: usize> ComponentNamedList for Packed<FLAT> {}

#[allow(unsafe_code, reason = "see the argument at the top of this file")]
// SAFETY: as argued at the top of this file.
unsafe impl<const FLAT: usize> Lift for Packed<FLAT> {
    fn linear_lift_from_flat(cx: &mut LiftContext<'_>, ty: InterfaceType, src: &Self::Lower) -> Result<Self> {
        lift::from_flat(cx, ty, src).map(Self)
    }

    fn linear_lift_from_memory(cx: &mut LiftContext<'_>, ty: InterfaceType, bytes: &[u8]) -> Result<Self> {
        // An empty part of the memory, of which only the beginning counts.
        let offset = (bytes.as_ptr() as usize).wrapping_sub(cx.memory().as_ptr() as usize);
        lift::from_memory(cx, ty, offset).map(Self)
    }
}

#[allow(unsafe_code, reason = "see the argument at the top of this file")]
// SAFETY: as argued at the top of this file.
unsafe impl<const FLAT: usize> Lower for Packed<FLAT> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        // SAFETY: an array of `FLAT` values that may be uninitialized is `FLAT` such values.
        let flat = unsafe { std::slice::from_raw_parts_mut(dst.as_mut_ptr().cast::<MaybeUninit<ValRaw>>(), FLAT) };
        lower::to_flat(cx, ty, &self.0, flat)
    }

    fn linear_lower_to_memory<T>(&self, cx: &mut LowerContext<'_, T>, ty: InterfaceType, offset: usize) -> Result<()> {
        lower::to_memory(cx, ty, &self.0, offset)
    }
}
