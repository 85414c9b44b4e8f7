//! The road under a truck and the air around it.

use super::interpolate;

/// What the truck meets at one place and time. Look it up per road segment, not per step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Road {
    /// Rise over run, +0.06 is 6 % up: −0.3 to 0.3.
    pub grade: f64,
    /// Displacement spectral density `G_d(n₀)` at 0.1 cycles/m, m³ (ISO 8608): 0 to 0.02.
    pub roughness_m3: f64,
    /// International roughness index, m/km: 0.5 to 20.
    pub iri_m_per_km: f64,
    /// Density of the air, kg/m³, e.g. of [`air_density_kgpm3`].
    pub air_density_kgpm3: f64,
    /// Temperature of the air, °C: −40 to 55.
    pub ambient_c: f64,
    /// Water on the road.
    pub wet: bool,
}

impl Road {
    /// A level, dry road of class B (IRI 2 m/km) at sea level.
    ///
    /// ```
    /// use fleet_core::physics::Road;
    /// assert_eq!((Road::level(15.0).air_density_kgpm3 * 1e3).round(), 1_225.0);
    /// ```
    pub fn level(ambient_c: f64) -> Self {
        Self::of_class(IsoClass::B, 0.0, ambient_c)
    }

    /// A level, dry road of `class` at `altitude_m` (−500 to 9 000) in air of `ambient_c`.
    ///
    /// ```
    /// use fleet_core::physics::{IsoClass, Road};
    /// assert_eq!(Road::of_class(IsoClass::B, 0.0, 30.0), Road::level(30.0));
    /// ```
    pub fn of_class(class: IsoClass, altitude_m: f64, ambient_c: f64) -> Self {
        Self {
            grade: 0.0,
            roughness_m3: class.roughness_m3(),
            iri_m_per_km: class.iri_m_per_km(),
            air_density_kgpm3: air_density_kgpm3(altitude_m, ambient_c),
            ambient_c,
            wet: false,
        }
    }

    /// Factor on rolling resistance: 1 at IRI 2 m/km, +3.5 % per m/km, within 0.95 to 1.5 (Zaabar
    /// and Chatti, LPCB 2015: +2 to +3 % fuel at 56 km/h); wet 1.05 more (estimate).
    pub fn rolling_factor(&self) -> f64 {
        let surface = (1.0 + 0.035 * (self.iri_m_per_km - 2.0)).clamp(0.95, 1.5);
        if self.wet { surface * 1.05 } else { surface }
    }

    /// Share of full torque a turbo diesel keeps in this air: 1 up to 2 000 m, then −1 % per 100 m
    /// (estimate). Told by pressure, ρ·R·T, since that is what the compressor feels.
    pub(super) fn altitude_torque_factor(&self) -> f64 {
        const HIGHEST_PA: f64 = 79_495.2; // at 2 000 m
        let pressure_pa = self.air_density_kgpm3 * GAS_CONSTANT * (self.ambient_c + ZERO_CELSIUS_K);
        if pressure_pa >= HIGHEST_PA {
            return 1.0;
        }
        // Pressures of the standard atmosphere at 6, 5, 4, 3 and 2 km.
        const CURVE: [(f64, f64); 5] =
            [(47_181.0, 0.6), (54_019.9, 0.7), (61_640.2, 0.8), (70_108.5, 0.9), (HIGHEST_PA, 1.0)];
        interpolate(&CURVE, pressure_pa)
    }
}

/// Of dry air, J/(kg K).
const GAS_CONSTANT: f64 = 287.05;
const ZERO_CELSIUS_K: f64 = 273.15;

/// Density of dry air, kg/m³, at `altitude_m` (−500 to 9 000; clamped) and `ambient_c` °C: pressure
/// of the International Standard Atmosphere (ISO 2533) over R·T. About 50 ns.
///
/// ```
/// use fleet_core::physics::air_density_kgpm3;
/// assert!((air_density_kgpm3(0.0, 15.0) - 1.225).abs() < 1e-3);
/// assert!((air_density_kgpm3(3_000.0, 10.0) - 0.863).abs() < 1e-3);
/// ```
pub fn air_density_kgpm3(altitude_m: f64, ambient_c: f64) -> f64 {
    // (1 − x)^5.25588 by its binomial series: the same bits everywhere, unlike powf; with x ≤ 0.21
    // sixteen terms are exact to 1e-12.
    const FACTORS: [f64; 16] = binomial_factors(5.255_88);
    let x = 2.255_77e-5 * altitude_m.clamp(-500.0, 9_000.0);
    let (mut term, mut sum) = (1.0, 1.0);
    for factor in FACTORS {
        term *= factor * -x;
        sum += term;
    }
    101_325.0 * sum / (GAS_CONSTANT * (ambient_c + ZERO_CELSIUS_K))
}

/// What each term of the binomial series is of the one before it, without x.
const fn binomial_factors(exponent: f64) -> [f64; 16] {
    let (mut factors, mut i, mut at) = ([0.0; 16], 0.0, 0);
    while at < factors.len() {
        factors[at] = (exponent - i) / (i + 1.0);
        (i, at) = (i + 1.0, at + 1);
    }
    factors
}

/// Roughness `G_d(n₀)`, m³, of a road of this IRI: √G ≈ 1.81e-3 · IRI (after Kropáč and Múčka).
pub fn roughness_from_iri(iri_m_per_km: f64) -> f64 {
    let root = 1.81e-3 * iri_m_per_km.max(0.0);
    root * root
}

/// Classes of road profile, smooth to rough (ISO 8608).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the standard's own letters")]
pub enum IsoClass {
    A,
    B,
    C,
    D,
    E,
}

impl IsoClass {
    /// Smooth to rough.
    pub const ALL: [Self; 5] = [Self::A, Self::B, Self::C, Self::D, Self::E];

    /// Geometric mean of the class, `G_d(n₀)` in m³: A 16e-6, four times as much per class.
    pub const fn roughness_m3(self) -> f64 {
        match self {
            Self::A => 16e-6,
            Self::B => 64e-6,
            Self::C => 256e-6,
            Self::D => 1_024e-6,
            Self::E => 4_096e-6,
        }
    }

    /// Roughness index that roads of this class commonly have, m/km (estimates: new four-lane, other
    /// good, hill and worn, broken, quarry): what tyres feel of it.
    pub const fn iri_m_per_km(self) -> f64 {
        match self {
            Self::A => 1.5,
            Self::B => 2.0,
            Self::C => 4.5,
            Self::D => 8.0,
            Self::E => 12.0,
        }
    }

    /// The class `roughness_m3` falls into; rougher than E is E.
    pub fn of(roughness_m3: f64) -> Self {
        let within = |class: &Self| roughness_m3 <= 2.0 * class.roughness_m3();
        Self::ALL.into_iter().find(within).unwrap_or(Self::E)
    }
}

impl std::str::FromStr for IsoClass {
    type Err = crate::Error;

    /// From its letter, `A` to `E`, small or capital.
    fn from_str(letter: &str) -> crate::Result<Self> {
        let is = |class: &Self| format!("{class:?}").eq_ignore_ascii_case(letter);
        Self::ALL.into_iter().find(is).ok_or_else(|| {
            crate::Error::invalid(format!("road class {letter:?} is none of A, B, C, D, E"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_falls_as_the_standard_atmosphere_says() {
        for (altitude_m, pressure_pa) in
            [(0.0, 101_325.0), (1_000.0, 89_874.6), (3_000.0, 70_108.5), (5_000.0, 54_019.9)]
        {
            let density = air_density_kgpm3(altitude_m, 15.0);
            assert!((density * 287.05 * 288.15 / pressure_pa - 1.0).abs() < 1e-5, "{altitude_m} m");
        }
    }

    #[test]
    fn torque_falls_one_percent_per_hundred_metres_above_two_thousand() {
        for ambient_c in [-5.0, 20.0, 40.0] {
            for altitude_m in (0..=55).map(|i| f64::from(i) * 100.0) {
                let air_density_kgpm3 = air_density_kgpm3(altitude_m, ambient_c);
                let road = Road { air_density_kgpm3, ..Road::level(ambient_c) };
                let expected = 1.0 - ((altitude_m - 2_000.0) / 10_000.0).max(0.0);
                let factor = road.altitude_torque_factor();
                assert!((factor - expected).abs() < 0.002, "{altitude_m} m: {factor}");
            }
        }
    }

    #[test]
    fn rolling_follows_roughness_and_rain_within_bounds() {
        let factor = |iri_m_per_km: f64, wet: bool| {
            Road { iri_m_per_km, wet, ..Road::level(20.0) }.rolling_factor()
        };
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(near(factor(2.0, false), 1.0) && near(factor(3.0, false), 1.035));
        assert!(near(factor(0.5, false), 0.95) && near(factor(20.0, false), 1.5));
        assert!(near(factor(3.0, true), 1.035 * 1.05));
        assert_eq!(IsoClass::of(roughness_from_iri(2.0)), IsoClass::A);
        assert_eq!(IsoClass::of(roughness_from_iri(5.0)), IsoClass::B);
        assert_eq!(IsoClass::of(1.0), IsoClass::E);
        assert_eq!("c".parse::<IsoClass>().expect("a letter"), IsoClass::C);
        assert!("F".parse::<IsoClass>().is_err() && "".parse::<IsoClass>().is_err());
    }
}
