//! The embedded bus does what every bus has to do, and more.

mod damage;
mod killed;
mod medium;

pub(in crate::bus::embedded) use medium::message;

use medium::Directory;

crate::bus_conformance!(Directory::new());
