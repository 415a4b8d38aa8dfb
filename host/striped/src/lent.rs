//! References that are counted by each thread for itself.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use crate::stripe;
use crate::striped::Copies;

/// Something that many threads want to keep at the same time. An `Arc` of it would be cloned and dropped by all of them, and they
/// would wait for its count in turn. Itself it is such an `Arc`, for those who are not in a hurry.
pub struct Spread<T: ?Sized>(Arc<Spreading<T>>);

struct Spreading<T: ?Sized> {
    handles: Copies<Lent<T>>,
    value: Arc<T>,
}

/// A reference that keeps what it leads to. Whatever thread it goes to, it belongs to the count of the one that lent it, which has
/// a cache line of its own.
pub struct Lent<T: ?Sized>(Arc<Handle<T>>);

/// Where something is that was lent, for whoever wants it again later and does not keep it meanwhile.
pub struct Known<T: ?Sized> {
    handle: Weak<Handle<T>>,
    /// The stripe of the thread that it belongs to.
    stripe: usize,
}

/// Aligned so that the count before it has a cache line of its own, too.
#[repr(align(64))]
struct Handle<T: ?Sized>(Arc<T>);

impl<T: ?Sized> Spread<T> {
    /// Lends what `value` is.
    pub fn new(value: Arc<T>) -> Self {
        Self(Arc::new(Spreading { handles: Copies::default(), value }))
    }

    /// A reference of this thread.
    pub fn lend(&self) -> Lent<T> {
        self.0.handles.own_or(|| Lent(Arc::new(Handle(Arc::clone(&self.0.value))))).clone()
    }

    /// Whether `lent` leads to the same.
    pub fn is_same_as(&self, lent: &Lent<T>) -> bool {
        Arc::ptr_eq(&self.0.value, &lent.0.0)
    }

    /// Whether both are the same.
    pub fn ptr_eq(one: &Self, other: &Self) -> bool {
        Arc::ptr_eq(&one.0, &other.0)
    }
}

impl<T: ?Sized> Lent<T> {
    /// Where it is, for this thread, which it was lent by.
    pub fn known(&self) -> Known<T> {
        Known { handle: Arc::downgrade(&self.0), stripe: stripe::own() }
    }
}

impl<T: ?Sized> Known<T> {
    /// A reference to it again. `None` if it is gone, or if this is not the thread that it belongs to: that one has the count
    /// in its cache, and this one can have a count of its own.
    pub fn lend(&self) -> Option<Lent<T>> {
        if self.stripe == stripe::own() { self.handle.upgrade().map(Lent) } else { None }
    }
}

impl<T> From<T> for Spread<T> {
    fn from(value: T) -> Self {
        Self::new(Arc::new(value))
    }
}

impl<T: ?Sized> Clone for Spread<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for Spread<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: ?Sized> Clone for Lent<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for Lent<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Spread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized> fmt::Debug for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("stripe", &self.stripe).finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Lent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_stays_and_goes_with_the_last_who_has_it() {
        let value = Arc::new(5);
        let weak = Arc::downgrade(&value);
        let spread = Spread::new(value);
        let lent = spread.lend();
        let of_another = std::thread::scope(|scope| scope.spawn(|| spread.lend()).join().unwrap());
        assert_eq!((*lent, *of_another, *spread), (5, 5, 5));
        assert!(spread.is_same_as(&of_another) && !Spread::from(5).is_same_as(&lent));
        let again = lent.clone();
        drop((spread, lent));
        assert_eq!((*again, weak.strong_count()), (5, 2), "one count for each thread, whoever has how many");
        drop((again, of_another));
        assert!(weak.upgrade().is_none());
    }

    #[test]
    fn what_is_known_is_not_kept_and_belongs_to_its_thread() {
        let spread = Spread::from(5);
        let lent = spread.lend();
        let known = lent.known();
        assert_eq!(known.lend().as_deref(), Some(&5));
        std::thread::scope(|scope| {
            let elsewhere = scope.spawn(|| known.lend().is_some()).join().unwrap();
            assert_eq!(elsewhere, crate::stripe_count() == 1);
        });
        drop(lent);
        assert_eq!(known.lend().as_deref(), Some(&5), "there is still somebody to lend it");
        drop(spread);
        assert!(known.lend().is_none());
    }
}
