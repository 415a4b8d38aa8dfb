//! What every thread keeps for itself of what all of them share: counters, numbers, places, references.
//!
//! A counter that two cores write costs each of them the way of its cache line from one to the other, some fifty times what
//! the addition takes, and so does the reference count of an `Arc` that both clone. A call touches a dozen of those. Here each
//! thread writes memory of its own, and whoever wants to know the whole adds it up: writing is common, reading is rare.

mod count;
mod lent;
mod numbers;
mod places;
mod stripe;
mod striped;

pub use count::Count;
pub use lent::{Known, Lent, Spread};
pub use numbers::Numbers;
pub use places::{Places, Waiting};
pub use stripe::{count as stripe_count, own as own_stripe};
pub use striped::{Copies, Striped};
