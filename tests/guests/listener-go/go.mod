// The name that the generated bindings expect.
module wit_component

go 1.27.1

require go.bytecodealliance.org/pkg v0.4.0

// What the bindings need at run time. It comes with their generator; `cargo xtask` puts it there.
replace go.bytecodealliance.org/pkg => ./pkg
