//! Rolling coefficients from what tyre makers publish, axle by axle.

use super::GRAVITY_MPS2;

/// One axle and its tyres, as VECTO describes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axle {
    /// Share of the truck's weight: 0 to 1; all shares sum to 1.
    pub share: f64,
    /// Coefficient by ISO 28580, e.g. 0.0055.
    pub rrc_iso: f64,
    /// Number of tyres.
    pub tyres: u8,
    /// Load on one tyre at which `rrc_iso` was measured, N.
    pub fz_iso_n: f64,
}

/// The coefficient of the whole truck weighing `mass_kg`:
/// Σ sᵢ·RRCᵢ·(sᵢ·m·g / (wᵢ·Fz,ᵢ))^(β−1), β = 0.9 (VECTO). Gives a [`Tyre::rrc_at_gvw`].
///
/// [`Tyre::rrc_at_gvw`]: super::Tyre::rrc_at_gvw
pub fn mean_rolling_coefficient(mass_kg: f64, axles: &[Axle]) -> f64 {
    let part = |axle: &Axle| {
        let load_n = axle.share * mass_kg * GRAVITY_MPS2;
        let relative = f64::from(axle.tyres) * axle.fz_iso_n / load_n;
        axle.share * axle.rrc_iso * tenth_root(relative)
    };
    axles.iter().map(part).sum()
}

/// x^0.1 for x of 0.5 to 50 by Newton's method: tyres of a light truck roll relatively worse,
/// RRC ∝ m^(−0.1) (VECTO, β = 0.9). Arithmetic only: the mass changes while the world runs.
pub(super) fn tenth_root(x: f64) -> f64 {
    let mut root = 1.0 + (x - 1.0) * 0.1;
    for _ in 0..40 {
        let squared = root * root;
        let ninth = squared * squared * squared * squared * root;
        root = (9.0 * root + x / ninth) * 0.1;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_root_is_the_tenth_root() {
        for x in [0.5, 0.9, 1.0, 1.7, 4.0, 20.0, 50.0_f64] {
            assert!((tenth_root(x) - x.powf(0.1)).abs() < 1e-12, "{x}");
        }
    }
}
