//! Tests of messages on the wire.
