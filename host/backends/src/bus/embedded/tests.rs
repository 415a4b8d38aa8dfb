//! The embedded bus does what every bus has to do, and more.

mod damage;
mod killed;
mod medium;

use medium::Directory;

crate::bus_conformance!(Directory::new());
