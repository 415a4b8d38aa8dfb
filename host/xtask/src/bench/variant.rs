//! Components that differ in nothing but their digest.

/// The component with a custom section that nobody reads, which holds this number.
pub(super) fn variant(component: &[u8], number: u32) -> Vec<u8> {
    const NAME: &[u8] = b"variant";
    let section: Vec<u8> = [&[NAME.len() as u8], NAME, &number.to_le_bytes()].concat();
    // Section 0, its length in one byte of LEB128 (WebAssembly core specification, 5.5.3).
    [component, &[0, section.len() as u8], &section].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_differ_and_are_longer_by_one_section() {
        let (one, two) = (variant(b"component", 1), variant(b"component", 2));
        assert_ne!(one, two);
        assert_eq!(one, b"component\0\x0c\x07variant\x01\0\0\0");
    }
}
