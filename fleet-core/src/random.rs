//! Randomness without state: a value is a function of a key and a counter.
//!
//! A stream's key is made from the seed, the bytes of an owner's id (a truck's, a place's; never an
//! index) and a purpose, so neither another truck nor another draw shifts it. Nothing has to be
//! saved but counters, and a truck can be computed alone. The mixer is SplitMix64's finaliser
//! (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
//!
//! ```
//! use fleet_core::random::Stream;
//! let stream = Stream::new(7, "TRK-000001", "telemetry jitter");
//! assert_eq!(stream.bits(41), stream.bits(41));
//! assert!((0.0..1.0).contains(&stream.uniform(41)));
//! ```

/// One random stream: the value at each counter is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(u64);

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Stream {
    /// The stream of `owner` (an id) for one `purpose` under `seed`.
    pub fn new(seed: u64, owner: &str, purpose: &str) -> Self {
        let bytes = owner.bytes().chain([0xFF]).chain(purpose.bytes());
        Self(bytes.fold(mix(seed.wrapping_add(GOLDEN)), |key, byte| {
            mix((key ^ u64::from(byte)).wrapping_add(GOLDEN))
        }))
    }

    /// 64 random bits at `counter`.
    #[inline]
    pub const fn bits(self, counter: u64) -> u64 {
        mix(self.0 ^ mix(counter.wrapping_add(GOLDEN)))
    }

    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    #[inline]
    pub const fn uniform(self, counter: u64) -> f64 {
        (self.bits(counter) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// A whole number in [0, `n`); 0 when `n` is 0.
    #[inline]
    pub const fn below(self, counter: u64, n: u64) -> u64 {
        ((self.bits(counter) as u128 * n as u128) >> 64) as u64
    }

    /// Roughly normal with mean 0 and deviation 1, within ±3.46: the sum of four uniforms
    /// (Irwin–Hall), because it needs no logarithm and is the same on every machine.
    #[inline]
    pub fn normal(self, counter: u64) -> f64 {
        let (a, b) = (self.bits(counter), self.bits(counter ^ (1 << 63)));
        let half = |bits: u64| f64::from((bits >> 32) as u32) + f64::from(bits as u32);
        (half(a) + half(b)) * (1.0 / 4_294_967_296.0) * 1.732_050_807_568_877_2
            - 2.0 * 1.732_050_807_568_877_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_other_owners_and_purposes_are_other_streams() {
        let base = Stream::new(1, "TRK-000001", "a");
        for other in [
            Stream::new(2, "TRK-000001", "a"),
            Stream::new(1, "TRK-000002", "a"),
            Stream::new(1, "TRK-000001", "b"),
            Stream::new(1, "TRK-000001a", ""),
        ] {
            assert_ne!(base.bits(0), other.bits(0));
        }
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let stream = Stream::new(9, "x", "moments");
        let n = 100_000_u64;
        let mean = |f: &dyn Fn(u64) -> f64| (0..n).map(f).sum::<f64>() / n as f64;
        assert!((mean(&|i| stream.uniform(i)) - 0.5).abs() < 0.005);
        assert!(mean(&|i| stream.normal(i)).abs() < 0.015);
        assert!((mean(&|i| stream.normal(i).powi(2)) - 1.0).abs() < 0.02);
        assert!((0..n).all(|i| stream.below(i, 7) < 7));
    }
}
