//! Tests of the hands of a feed.
