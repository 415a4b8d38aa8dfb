//! The allocator: mimalloc, asked in the shortest way.
//!
//! # Why this is unsafe, and ours
//! The crate `mimalloc` asks for every piece of memory with its alignment, also where any alignment will do. Of what is larger
//! than a kilobyte and no power of two mimalloc then takes some more and looks for a place in it that is aligned, and has to find
//! the beginning again when it is given back. The futures of a call are such pieces: it is 3 % of a typed call.
//!
//! What is relied on is what mimalloc promises of `mi_malloc` and its like: a piece is aligned to [`ALIGNED`] bytes, or to its
//! size where that is less. Everything else goes the long way. All functions give null where there is no memory left, as
//! [`GlobalAlloc`] wants it, and `mi_free` takes what any of them gave.

#![allow(unsafe_code, reason = "see the argument above")]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// How every piece is aligned that is no smaller, in bytes.
const ALIGNED: usize = 16;

/// The allocator of the program.
pub(crate) struct Allocator;

/// Whether a piece of `size` bytes is aligned to `align` in any case.
const fn is_aligned(size: usize, align: usize) -> bool {
    align <= ALIGNED && align <= size
}

// SAFETY: the argument at the top of this file.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size and any power of two will do.
        unsafe { if is_aligned(size, align) { mi_malloc(size) } else { mi_malloc_aligned(size, align) } }.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        unsafe { if is_aligned(size, align) { mi_zalloc(size) } else { mi_zalloc_aligned(size, align) } }.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, piece: *mut u8, _: Layout) {
        // SAFETY: the caller has it from one of these functions.
        unsafe { mi_free(piece.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        // SAFETY: as above, both.
        unsafe {
            if is_aligned(size, align) {
                mi_realloc(piece.cast(), size)
            } else {
                mi_realloc_aligned(piece.cast(), size, align)
            }
        }
        .cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_relied_on_is_so_for_every_size() {
        let sizes = (1..2_048).chain((0..200).map(|step| 2_048 + step * 1_021)).chain([1 << 20, (1 << 20) + 24]);
        for size in sizes {
            for align in [1, 2, 4, 8, 16, 32, 64, 4_096] {
                let layout = Layout::from_size_align(size, align).unwrap();
                // Several, so that they do not all stand where a page begins.
                let pieces: [_; 3] = std::array::from_fn(|_| unsafe { Allocator.alloc_zeroed(layout) });
                for piece in pieces {
                    assert!(!piece.is_null() && piece.addr().is_multiple_of(align), "{size} bytes, aligned to {align}");
                    let last = unsafe { piece.add(size - 1) };
                    assert_eq!(unsafe { last.read() }, 0);
                    unsafe { last.write(7) };
                    let grown = unsafe { Allocator.realloc(piece, layout, size * 2) };
                    assert!(!grown.is_null() && grown.addr().is_multiple_of(align), "{size} bytes, aligned to {align}");
                    assert_eq!(unsafe { grown.add(size - 1).read() }, 7);
                    unsafe { Allocator.dealloc(grown, Layout::from_size_align(size * 2, align).unwrap()) };
                }
            }
        }
    }
}
