//! A fingerprint of what a network is made of.

/// FNV-1a, 64 bits (Fowler, Noll, Vo; RFC 9923). Good against mistakes, not against malice.
#[derive(Clone, Copy, Debug)]
pub(in crate::route) struct Fnv(u64);

impl Fnv {
    pub(in crate::route) const fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    pub(in crate::route) fn of(bytes: &[u8]) -> u64 {
        let mut hash = Self::new();
        hash.bytes(bytes);
        hash.finish()
    }

    pub(in crate::route) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }

    pub(in crate::route) fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    pub(in crate::route) fn reals(&mut self, numbers: &[f64]) {
        numbers.iter().for_each(|number| self.number(number.to_bits()));
    }

    /// A text and where it ends.
    pub(in crate::route) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0xFF]);
    }

    pub(in crate::route) const fn finish(self) -> u64 {
        self.0
    }
}
