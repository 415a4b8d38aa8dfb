//! WebAssembly, written down byte by byte: components that no toolchain would make.

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A number in LEB128.
pub(crate) fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// The index of a type where a primitive type could stand, too: a number that is not negative in signed LEB128.
pub(crate) fn index(index: usize) -> Vec<u8> {
    let mut bytes = number(index);
    if let Some(last) = bytes.last_mut().filter(|last| **last & 0x40 != 0) {
        *last |= 0x80;
        bytes.push(0);
    }
    bytes
}

/// A section, or anything else that begins with its id and its length.
pub(crate) fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id][..], &number(body.len()), body].concat()
}

/// Items with their count before them.
pub(crate) fn list<T: AsRef<[u8]>>(items: &[T]) -> Vec<u8> {
    let mut bytes = number(items.len());
    items.iter().for_each(|item| bytes.extend_from_slice(item.as_ref()));
    bytes
}

/// A text with its length before it.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [&number(text.len()), text.as_bytes()].concat()
}

/// A core module of these sections.
pub(crate) fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [MODULE, &sections.concat()].concat()
}

/// A core module of functions without parameters: the number of their locals, all `i32`, and their instructions.
pub(crate) fn functions(functions: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let bodies: Vec<_> = functions
        .iter()
        .map(|(n_locals, code)| {
            let locals =
                if *n_locals == 0 { list::<Vec<u8>>(&[]) } else { list(&[[number(*n_locals), vec![0x7f]].concat()]) };
            let body = [&locals[..], code, &[0x0b]].concat();
            [number(body.len()), body].concat()
        })
        .collect();
    let types = vec![[0]; functions.len()];
    module(&[section(1, &list(&[b"\x60\0\0"])), section(3, &list(&types)), section(10, &list(&bodies))])
}

/// A component of these sections that says that it handles requests, so that it is compiled before it is refused. Type
/// indices begin at 0, and so do those of components, of which the last one is empty.
pub(crate) fn component(sections: &[Vec<u8>]) -> Vec<u8> {
    let n_components = sections.iter().filter(|section| section.first() == Some(&4)).count();
    let n_instances = sections.iter().filter(|section| section.first() == Some(&5)).count();
    let instance = [&b"\0"[..], &number(n_components), b"\0"].concat();
    let export = [&b"\0"[..], &text("wasi:http/incoming-handler@0.2.0"), b"\x05", &number(n_instances), b"\0"].concat();
    let handler = [section(4, COMPONENT), section(5, &list(&[instance])), section(11, &list(&[export]))];
    [COMPONENT, &sections.concat(), &handler.concat()].concat()
}

/// A component that holds this core module.
pub(crate) fn component_of(module: &[u8]) -> Vec<u8> {
    component(&[section(1, module)])
}

/// A component within a component, to this depth; the innermost one has these sections, and each one is instantiated
/// twice by the one around it, if `twice`.
pub(crate) fn nested(depth: usize, innermost: &[Vec<u8>], twice: bool) -> Vec<u8> {
    let mut inner = [COMPONENT, &innermost.concat()].concat();
    let instances = if twice { section(5, &list(&[b"\0\0\0", b"\0\0\0"])) } else { Vec::new() };
    for _ in 0..depth {
        inner = [COMPONENT, &section(4, &inner), &instances].concat();
    }
    let instance = if twice { vec![section(5, &list(&[b"\0\0\0"]))] } else { Vec::new() };
    component(&[vec![section(4, &inner)], instance].concat())
}
