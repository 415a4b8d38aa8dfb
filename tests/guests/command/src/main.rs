//! A component of the `wasi:cli/command` kind. It is a fine program and no service: the host must say so.

fn main() {
    println!("This component is a command, not a service.");
}
