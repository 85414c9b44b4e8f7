//! The one place where units of the contract (km/h, km, l) meet those of the kernels (SI).

/// Metres per second from kilometres per hour.
#[inline]
pub const fn mps_from_kmh(kmh: f64) -> f64 {
    kmh / 3.6
}

/// Kilometres per hour from metres per second.
#[inline]
pub const fn kmh_from_mps(mps: f64) -> f64 {
    mps * 3.6
}

/// `value` rounded to `decimals` places, half away from zero, as a sensor's resolution would.
///
/// Uses only arithmetic that is the same on every machine (no `powi`, no libm).
pub fn round_to(value: f64, decimals: u8) -> f64 {
    const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
    let power = POWERS[usize::from(decimals.min(9))];
    (value * power).round() / power
}
