//! The store of a cache: its bounds, and who waits for whom.
