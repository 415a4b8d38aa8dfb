//! Components made by hand, for what no compiler of a language would make. Their handlers never answer.

/// How a component handles requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wasi {
    P2,
    P3,
}

/// What is in a component, in the text format. Everything else is the same for all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Crafted {
    /// Definitions before the module that handles requests.
    pub(super) before: &'static str,
    /// What the module is given: `(with ...)`.
    pub(super) with: &'static str,
    /// Imports of the module.
    pub(super) imports: &'static str,
    /// Body of the function that handles a request.
    pub(super) handle: &'static str,
    /// Body of the start function.
    pub(super) start: &'static str,
    /// Further definitions in the module.
    pub(super) definitions: &'static str,
    /// Further options of the lifted function (WASI 0.2).
    pub(super) options: &'static str,
}

/// A loop without an end.
pub(super) const ENDLESS: &str = "(loop br 0)";

/// A type of resource whose destructor never ends, and the functions to make one and to drop it.
pub(super) const ENDLESS_DESTRUCTOR: &str = r#"
    (core module $destructor (func (export "drop") (param i32) (loop br 0)))
    (core instance $destructor (instantiate $destructor))
    (alias core export $destructor "drop" (core func $destroy))
    (type $thing (resource (rep i32) (dtor (func $destroy))))
    (core func $new (canon resource.new $thing))
    (core func $drop (canon resource.drop $thing))"#;

/// What a module needs to use them.
pub(super) const WITH_THINGS: &str =
    r#"(with "thing" (instance (export "new" (func $new)) (export "drop" (func $drop))))"#;

/// The same, as the module sees it.
pub(super) const THINGS: &str = r#"
    (import "thing" "new" (func $new (param i32) (result i32)))
    (import "thing" "drop" (func $drop (param i32)))"#;

/// A memory and a `realloc` that never ends, and a function of the host whose result it has to take.
pub(super) const ENDLESS_REALLOC: &str = r#"
    (import "wasi:random/random@0.2.0" (instance $random
        (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
    (core module $libc
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (loop br 0) unreachable))
    (core instance $libc (instantiate $libc))
    (core func $bytes (canon lower (func $random "get-random-bytes")
        (memory $libc "memory") (realloc (func $libc "realloc"))))"#;

/// A clock to wait for, and a function that waits for many at once.
const POLL: &str = r#"
    (import "wasi:io/poll@0.2.0" (instance $poll
        (export "pollable" (type $pollable (sub resource)))
        (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
        (alias outer 1 $pollable (type $outer))
        (export "pollable" (type $pollable (eq $outer)))
        (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
    (core module $libc
        (memory (export "memory") 128)
        (global $next (mut i32) (i32.const 0x500000))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            global.get $next
            (global.set $next (i32.add (global.get $next) (local.get 3)))))
    (core instance $libc (instantiate $libc))
    (core func $subscribe (canon lower (func $clock "subscribe-duration")))
    (core func $poll (canon lower (func $poll "poll") (memory $libc "memory") (realloc (func $libc "realloc"))))"#;

impl Crafted {
    /// The component.
    pub(super) fn build(&self, wasi: Wasi) -> Vec<u8> {
        let text = self.text(wasi);
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn text(&self, wasi: Wasi) -> String {
        let Self { before, with, imports, handle, start, definitions, options } = self;
        let module = |signature: &str| {
            format!(
                "(core module $guest
                    {imports}
                    (memory (export \"own-memory\") 1)
                    (func (export \"own-realloc\") (param i32 i32 i32 i32) (result i32) unreachable)
                    {definitions}
                    (func (export \"handle\") {signature} {handle} unreachable)
                    (func $start {start})
                    (start $start))
                (core instance $guest (instantiate $guest {with}))"
            )
        };
        match wasi {
            Wasi::P2 => format!(
                "(component
                    (import \"wasi:http/types@0.2.0\" (instance $http
                        (export \"incoming-request\" (type (sub resource)))
                        (export \"response-outparam\" (type (sub resource)))))
                    (alias export $http \"incoming-request\" (type $request))
                    (alias export $http \"response-outparam\" (type $outparam))
                    {before}
                    {}
                    (func $handle (param \"request\" (own $request)) (param \"response-out\" (own $outparam))
                        (canon lift (core func $guest \"handle\") {options}))
                    (instance $handler (export \"handle\" (func $handle)))
                    (export \"wasi:http/incoming-handler@0.2.0\" (instance $handler)))",
                module("(param i32 i32)")
            ),
            Wasi::P3 => format!(
                "(component
                    {HTTP_TYPES}
                    (alias export $http \"request\" (type $request))
                    (alias export $http \"response\" (type $response))
                    (alias export $http \"error-code\" (type $code))
                    {before}
                    {}
                    (func $handle async (param \"request\" (own $request)) (result (result (own $response) (error $code)))
                        (canon lift (core func $guest \"handle\")
                            (memory $guest \"own-memory\") (realloc (func $guest \"own-realloc\"))))
                    (instance $handler (export \"handle\" (func $handle)))
                    (export \"wasi:http/handler@0.3.0\" (instance $handler)))",
                module("(param i32) (result i32)")
            ),
        }
    }
}

/// What the signature of a handler of WASI 0.3 is made of.
const HTTP_TYPES: &str = r#"
    (import "wasi:http/types@0.3.0" (instance $http
        (export "request" (type (sub resource)))
        (export "response" (type (sub resource)))
        (type $dns' (record (field "rcode" (option string)) (field "info-code" (option u16))))
        (export "DNS-error-payload" (type $dns (eq $dns')))
        (type $tls' (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
        (export "TLS-alert-received-payload" (type $tls (eq $tls')))
        (type $field' (record (field "field-name" (option string)) (field "field-size" (option u32))))
        (export "field-size-payload" (type $field (eq $field')))
        (type $code' (variant
            (case "DNS-timeout")
            (case "DNS-error" $dns)
            (case "destination-not-found")
            (case "destination-unavailable")
            (case "destination-IP-prohibited")
            (case "destination-IP-unroutable")
            (case "connection-refused")
            (case "connection-terminated")
            (case "connection-timeout")
            (case "connection-read-timeout")
            (case "connection-write-timeout")
            (case "connection-limit-reached")
            (case "TLS-protocol-error")
            (case "TLS-certificate-error")
            (case "TLS-alert-received" $tls)
            (case "HTTP-request-denied")
            (case "HTTP-request-length-required")
            (case "HTTP-request-body-size" (option u64))
            (case "HTTP-request-method-invalid")
            (case "HTTP-request-URI-invalid")
            (case "HTTP-request-URI-too-long")
            (case "HTTP-request-header-section-size" (option u32))
            (case "HTTP-request-header-size" (option $field))
            (case "HTTP-request-trailer-section-size" (option u32))
            (case "HTTP-request-trailer-size" $field)
            (case "HTTP-response-incomplete")
            (case "HTTP-response-header-section-size" (option u32))
            (case "HTTP-response-header-size" $field)
            (case "HTTP-response-body-size" (option u64))
            (case "HTTP-response-trailer-section-size" (option u32))
            (case "HTTP-response-trailer-size" $field)
            (case "HTTP-response-transfer-coding" (option string))
            (case "HTTP-response-content-coding" (option string))
            (case "HTTP-response-timeout")
            (case "HTTP-upgrade-failed")
            (case "HTTP-protocol-error")
            (case "loop-detected")
            (case "configuration-error")
            (case "internal-error" (option string))))
        (export "error-code" (type (eq $code')))))"#;

/// What a module needs to use them.
const WITH_POLL: &str = r#"(with "libc" (instance $libc))
    (with "host" (instance (export "subscribe" (func $subscribe)) (export "poll" (func $poll))))"#;

/// The same, as the module sees it.
const POLLS: &str = r#"
    (import "libc" "memory" (memory 128))
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "host" "poll" (func $poll (param i32 i32 i32)))"#;

/// Waits for one clock as often as `$times` says, at once.
const POLL_AT_ONCE: &str = r#"
    (func $wait (param $times i32)
        (local $clock i32) (local $at i32)
        (local.set $clock (call $subscribe (i64.const 0)))
        (local.set $at (i32.const 0x1000))
        (loop $next
            (i32.store (local.get $at) (local.get $clock))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br_if $next (i32.lt_u (local.get $at) (i32.add (i32.const 0x1000) (i32.mul (local.get $times) (i32.const 4))))))
        (call $poll (i32.const 0x1000) (local.get $times) (i32.const 0)))"#;

/// A component that waits for many clocks at once: `$wait`, given how many.
pub(super) const POLLING: Crafted = Crafted {
    before: POLL,
    with: WITH_POLL,
    imports: POLLS,
    handle: "",
    start: "",
    definitions: POLL_AT_ONCE,
    options: "",
};
