//! The dashboard over HTTP: how a browser gets in, what it is told, and what a session may do.

mod browser;
mod entering;
mod serving;
