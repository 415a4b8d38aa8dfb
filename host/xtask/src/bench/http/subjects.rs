//! What is measured: which servers answer which requests.

/// Requests of one kind, and the servers that answer them.
pub(super) struct Workload {
    pub(super) name: &'static str,
    /// The path of the request; that of the subject's own name if there is none.
    pub(super) path: Option<&'static str>,
    /// The size of the body that goes there and back, in bytes.
    pub(super) echo: Option<usize>,
    /// Connections that it is measured on if no others are asked for.
    pub(super) connections: &'static [u32],
    /// Whether it is about one core against two.
    pub(super) scaling: bool,
    /// The servers; others are compared with the first of them.
    pub(super) subjects: &'static [Subject],
}

/// A server with one service.
pub(super) struct Subject {
    pub(super) name: &'static str,
    /// The component it serves.
    pub(super) guest: Option<&'static str>,
    pub(super) host: Host,
}

/// What serves it.
pub(super) enum Host {
    /// axum, without WebAssembly: the limit.
    Native,
    /// Patchbay, with this instance policy and otherwise with its defaults; all limits are on.
    Patchbay(&'static str),
    /// `wasmtime serve`, with these flags.
    Wasmtime(&'static [&'static [&'static str]]),
}

impl Subject {
    pub(super) fn is_patchbay(&self) -> bool {
        matches!(self.host, Host::Patchbay(_))
    }

    pub(super) fn is_rival(&self) -> bool {
        matches!(self.host, Host::Wasmtime(_))
    }
}

/// Without these, a service that reads its environment or its configuration does not start.
const IMPORTS: &[&str] = &["-Scli", "-Sconfig"];

/// What makes fresh instances cheap: memory that stays resident, and the kernel's help to find what was written to.
const TUNED: &[&str] = &[
    "-Opooling-allocator=y",
    "-Opooling-memory-keep-resident=2097152",
    "-Opooling-table-keep-resident=524288",
    "-Opooling-async-stack-keep-resident=131072",
    "-Opooling-pagemap-scan=auto",
];

/// What Patchbay's `reuse` and `concurrent` do by default, nearly: 1024 calls.
const REUSED: &[&str] = &["--max-instance-reuse-count=1000"];

const fn native() -> Subject {
    Subject { name: "native-axum", guest: None, host: Host::Native }
}

const fn patchbay(name: &'static str, guest: &'static str, instances: &'static str) -> Subject {
    Subject { name, guest: Some(guest), host: Host::Patchbay(instances) }
}

const fn wasmtime(name: &'static str, guest: &'static str, flags: &'static [&'static [&'static str]]) -> Subject {
    Subject { name, guest: Some(guest), host: Host::Wasmtime(flags) }
}

const SMALLEST: &[Subject] = &[
    native(),
    patchbay("patchbay-0.2-fresh", "bench2", "fresh"),
    wasmtime("wasmtime-0.2-fresh", "bench2", &[IMPORTS]),
    wasmtime("wasmtime-0.2-fresh-tuned", "bench2", &[IMPORTS, TUNED]),
    patchbay("patchbay-0.2-reuse", "bench2", "reuse"),
    wasmtime("wasmtime-0.2-reuse-tuned", "bench2", &[IMPORTS, TUNED, REUSED]),
    patchbay("patchbay-0.3-fresh", "bench3", "fresh"),
    patchbay("patchbay-0.3-reuse", "bench3", "reuse"),
    patchbay("patchbay-0.3-concurrent", "bench3", "concurrent"),
    wasmtime("wasmtime-0.3-concurrent", "bench3", &[IMPORTS]),
    wasmtime("wasmtime-0.3-concurrent-tuned", "bench3", &[IMPORTS, TUNED, REUSED]),
];

/// All of them. A language is measured in the best mode that each server has for it.
pub(super) const WORKLOADS: &[Workload] = &[
    Workload { name: "hello", path: None, echo: None, connections: &[1, 50, 256], scaling: false, subjects: SMALLEST },
    Workload { name: "echo", path: None, echo: Some(64 << 10), connections: &[50], scaling: false, subjects: SMALLEST },
    Workload {
        name: "typescript",
        path: Some("/api/payments/pay-1-0123456789abcdef"),
        echo: None,
        connections: &[50],
        scaling: false,
        subjects: &[
            wasmtime("wasmtime-typescript-fresh-tuned", "payments", &[IMPORTS, TUNED]),
            patchbay("patchbay-typescript-fresh", "payments", "fresh"),
        ],
    },
    Workload {
        name: "python",
        path: Some("/api/shipping/rates?weight=1200&country=DE"),
        echo: None,
        connections: &[50],
        scaling: false,
        // It reacts to messages, and `wasmtime serve` runs nothing that imports what only Patchbay has.
        subjects: &[patchbay("patchbay-python-reuse", "shipping", "reuse")],
    },
    Workload {
        name: "go",
        path: Some("/api/inventory/tea"),
        echo: None,
        connections: &[50],
        scaling: false,
        subjects: &[
            wasmtime("wasmtime-go-reuse-tuned", "inventory", &[IMPORTS, TUNED, REUSED]),
            patchbay("patchbay-go-reuse", "inventory", "reuse"),
        ],
    },
    Workload {
        name: "c",
        path: Some("/api/pricing/quote?sku=tea&quantity=12&sku=mug&quantity=1&currency=CHF"),
        echo: None,
        connections: &[50],
        scaling: false,
        subjects: &[
            wasmtime("wasmtime-c-fresh-tuned", "pricing", &[IMPORTS, TUNED]),
            patchbay("patchbay-c-fresh", "pricing", "fresh"),
        ],
    },
    Workload {
        name: "scaling",
        path: None,
        echo: None,
        connections: &[50],
        scaling: true,
        subjects: &[
            native(),
            patchbay("patchbay-0.2-fresh", "bench2", "fresh"),
            wasmtime("wasmtime-0.2-fresh-tuned", "bench2", &[IMPORTS, TUNED]),
            patchbay("patchbay-0.2-reuse", "bench2", "reuse"),
            wasmtime("wasmtime-0.2-reuse-tuned", "bench2", &[IMPORTS, TUNED, REUSED]),
            patchbay("patchbay-0.3-concurrent", "bench3", "concurrent"),
            wasmtime("wasmtime-0.3-concurrent", "bench3", &[IMPORTS]),
        ],
    },
];
