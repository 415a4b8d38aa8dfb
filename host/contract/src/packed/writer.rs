//! Writing packed values, part by part.

use super::layout::{Integer, NAN32, NAN64, discriminant_width, flags_width};
use super::place::Place;
use super::{MAX_BYTES, PackedError};

/// The bytes that were written.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes were written.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds `bytes` as they are.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), PackedError> {
        if bytes.len() > MAX_BYTES - self.bytes.len().min(MAX_BYTES) {
            return Err(PackedError::TooLarge { limit: MAX_BYTES });
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn bool(&mut self, value: bool) -> Result<(), PackedError> {
        self.put(&[u8::from(value)])
    }

    /// Adds a whole number, if the type has it.
    pub(super) fn integer(&mut self, integer: Integer, number: i128, place: &Place<'_>) -> Result<(), PackedError> {
        if !integer.has(number) {
            return Err(place.wrong(format!("{number}, which is out of its range")));
        }
        self.put(number.to_le_bytes().get(..integer.width).unwrap_or_default())
    }

    pub(super) fn float32(&mut self, value: f32) -> Result<(), PackedError> {
        self.put(&if value.is_nan() { NAN32 } else { value.to_bits() }.to_le_bytes())
    }

    pub(super) fn float64(&mut self, value: f64) -> Result<(), PackedError> {
        self.put(&if value.is_nan() { NAN64 } else { value.to_bits() }.to_le_bytes())
    }

    pub(super) fn char(&mut self, value: char) -> Result<(), PackedError> {
        self.put(&u32::from(value).to_le_bytes())
    }

    pub(super) fn text(&mut self, value: &str) -> Result<(), PackedError> {
        self.length(value.len())?;
        self.put(value.as_bytes())
    }

    /// Adds the length of a string or a list.
    pub(super) fn length(&mut self, length: usize) -> Result<(), PackedError> {
        let length = u32::try_from(length).map_err(|_| PackedError::TooLarge { limit: MAX_BYTES })?;
        self.put(&length.to_le_bytes())
    }

    /// Makes room for a length that is not known yet, and says where it is.
    pub(super) fn length_later(&mut self) -> Result<usize, PackedError> {
        let at = self.len();
        self.length(0)?;
        Ok(at)
    }

    /// Fills in a length.
    pub(super) fn set_length(&mut self, at: usize, length: usize) -> Result<(), PackedError> {
        let length = u32::try_from(length).map_err(|_| PackedError::TooLarge { limit: MAX_BYTES })?;
        let room = self.bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut());
        if let Some(room) = room {
            *room = length.to_le_bytes();
        }
        Ok(())
    }

    /// Adds which of `cases` it is.
    pub(super) fn discriminant(&mut self, index: usize, cases: usize) -> Result<(), PackedError> {
        self.put(index.to_le_bytes().get(..discriminant_width(cases)).unwrap_or_default())
    }

    /// Adds the flags at the positions in `set`, of `count`.
    pub(super) fn flags(&mut self, set: &[usize], count: usize) -> Result<(), PackedError> {
        let mut bytes = vec![0u8; flags_width(count)];
        for index in set {
            if let Some(byte) = bytes.get_mut(index / 8) {
                *byte |= 1 << (index % 8);
            }
        }
        self.put(&bytes)
    }

    /// Takes back what was written from `at` on.
    pub(super) fn take_from(&mut self, at: usize) -> Vec<u8> {
        self.bytes.split_off(at.min(self.bytes.len()))
    }
}
