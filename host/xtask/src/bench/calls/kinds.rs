//! What is handed over.

/// Values of one kind and size.
pub(in crate::bench) struct Kind {
    /// What tables call it.
    pub(in crate::bench) name: &'static str,
    /// What the guest calls it.
    pub(in crate::bench) path: &'static str,
    /// How many elements it has, if any.
    pub(in crate::bench) size: u32,
    /// What a request over HTTP has for it: its size in bytes; `None` if there is nothing that compares.
    pub(in crate::bench) body: Option<usize>,
}

const fn bytes(name: &'static str, size: u32) -> Kind {
    Kind { name, path: "bytes", size, body: Some(size as usize) }
}

/// All of them.
pub(in crate::bench) const KINDS: [Kind; 8] = [
    Kind { name: "u32", path: "number", size: 0, body: Some(0) },
    // Three strings, and five: one is the article, and the others are in a list.
    Kind { name: "record", path: "order", size: 2, body: None },
    Kind { name: "record of 5", path: "order", size: 4, body: None },
    Kind { name: "16 strings", path: "strings", size: 16, body: None },
    Kind { name: "100 records", path: "orders", size: 100, body: None },
    bytes("1 KiB", 1 << 10),
    bytes("64 KiB", 64 << 10),
    bytes("1 MiB", 1 << 20),
];
