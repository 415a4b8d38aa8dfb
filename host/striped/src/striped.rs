//! One value for each stripe.

use std::sync::OnceLock;

use crossbeam_utils::CachePadded;

use crate::stripe;

/// One `T` for each stripe, which stands beside those of others: for what nobody writes once it is made. It is made when a thread
/// first needs it, so that what nobody uses takes no memory.
#[derive(Debug)]
pub struct Copies<T> {
    first: OnceLock<T>,
    others: OnceLock<Box<[OnceLock<T>]>>,
}

/// One `T` for each stripe, in a cache line of its own: for what is written all the time. Made when it is needed, as
/// [`Copies`] are.
#[derive(Debug)]
pub struct Striped<T>(Copies<Box<CachePadded<T>>>);

impl<T> Default for Copies<T> {
    fn default() -> Self {
        Self { first: OnceLock::new(), others: OnceLock::new() }
    }
}

impl<T> Default for Striped<T> {
    fn default() -> Self {
        Self(Copies::default())
    }
}

impl<T> Copies<T> {
    /// That of this thread, made by `make` if it is not there. A thread may share it with others where there are very many.
    pub fn own_or(&self, make: impl FnOnce() -> T) -> &T {
        self.copy(stripe::own()).get_or_init(make)
    }

    /// Those that were made, in the order of their stripes.
    fn iter(&self) -> impl Iterator<Item = &T> {
        let others = self.others.get().into_iter().flatten();
        std::iter::once(&self.first).chain(others).filter_map(OnceLock::get)
    }

    fn copy(&self, number: usize) -> &OnceLock<T> {
        let Some(place) = number.checked_sub(1) else { return &self.first };
        let others = self.others.get_or_init(|| (1..stripe::count()).map(|_| OnceLock::new()).collect());
        others.get(place).unwrap_or(&self.first)
    }
}

impl<T: Default> Striped<T> {
    /// That of this thread, which it may share with others where there are very many.
    pub fn own(&self) -> &T {
        self.0.own_or(Box::default)
    }
}

impl<T> Striped<T> {
    /// Those that were made, in the order of their stripes.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|value| &***value)
    }

    /// What `read` finds in all of them, added up. A part by itself may be below zero, where one thread takes off what another one
    /// added; their sum is right all the same. It is as of no single moment, but never less than nothing.
    pub fn sum(&self, read: impl Fn(&T) -> u64) -> u64 {
        let sum = self.iter().fold(0_u64, |sum, part| sum.wrapping_add(read(part)));
        if sum > u64::MAX / 2 { 0 } else { sum }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn each_thread_has_its_own_and_all_are_seen() {
        let striped = Striped::<AtomicU64>::default();
        assert_eq!(striped.iter().count(), 0);
        striped.own().fetch_add(1, Ordering::Relaxed);
        let mine: *const AtomicU64 = striped.own();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                striped.own().fetch_add(2, Ordering::Relaxed);
                std::ptr::from_ref(striped.own()) as usize
            });
            let shares = crate::stripe_count() == 1;
            assert_eq!(other.join().unwrap() == mine as usize, shares);
        });
        assert_eq!(striped.iter().map(|value| value.load(Ordering::Relaxed)).sum::<u64>(), 3);
    }

    #[test]
    fn what_is_made_is_aligned_to_lines_of_its_own() {
        let striped = Striped::<u8>::default();
        assert_eq!(std::ptr::from_ref(striped.own()) as usize % align_of::<CachePadded<u8>>(), 0);
    }
}
