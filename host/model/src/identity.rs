//! Who is calling, and what proves it.

mod credential;
mod principal;
mod user;

pub use credential::{AuthError, AuthErrorKind, Credential};
pub use principal::Principal;
pub use user::{Proof, User};
