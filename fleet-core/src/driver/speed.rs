//! How fast: law, bends, fog, rain and traffic.

/// Where a goods vehicle drives, as the law on its speed sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoadKind {
    /// Access-controlled.
    Expressway,
    /// Four lanes or more, carriageways apart.
    Divided,
    /// Within a town's limits.
    Municipal,
    /// Every other road.
    Other,
    /// A hill road with a limit of its own.
    Ghat,
}

impl RoadKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Expressway, Self::Divided, Self::Municipal, Self::Other, Self::Ghat];

    /// The most a goods vehicle may drive, km/h (S.O. 1522(E) of 6 Apr 2018; in ghats as on the
    /// Mumbai-Pune Expressway since Apr 2024). Cameras tolerate 5 % more.
    pub const fn limit_kmh(self) -> f64 {
        match self {
            Self::Expressway | Self::Divided => 80.0,
            Self::Municipal | Self::Other => 60.0,
            Self::Ghat => 40.0,
        }
    }
}

/// Sideways acceleration that a driver takes a laden truck through a bend with, m/s² (estimate: a
/// hairpin of 14 m then is driven at 16.5 km/h; Indian hill codes ask for 20).
pub const LATERAL_LADEN_MPS2: f64 = 1.5;
/// The same with an empty truck, m/s² (estimate).
pub const LATERAL_EMPTY_MPS2: f64 = 2.0;

/// Speed through a bend of `radius_m` at `lateral_mps2` of sideways acceleration, m/s.
pub fn curve_mps(radius_m: f64, lateral_mps2: f64) -> f64 {
    (lateral_mps2 * radius_m).max(0.0).sqrt()
}

/// Speed from which a truck stops within eight tenths of what its driver sees, m/s:
/// v = −a·t + √(a²·t² + 1.6·a·V), braking a = 2.5 m/s² after t = 2 s.
///
/// ```
/// use fleet_core::driver::sight_mps;
/// assert_eq!((sight_mps(50.0) * 3.6).round(), 36.0);
/// assert_eq!((sight_mps(100.0) * 3.6).round(), 56.0);
/// ```
pub fn sight_mps(visibility_m: f64) -> f64 {
    const BRAKING_MPS2: f64 = 2.5;
    const REACTION_MPS: f64 = BRAKING_MPS2 * 2.0;
    (REACTION_MPS * REACTION_MPS + 1.6 * BRAKING_MPS2 * visibility_m.max(0.0)).sqrt() - REACTION_MPS
}

/// How hard it rains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the variants speak for themselves")]
pub enum Rain {
    None,
    Light,
    Moderate,
    Heavy,
}

impl Rain {
    /// On hill roads rain leaves this much less (estimate).
    pub const ON_HILLS: f64 = 0.9;

    /// Share of the dry speed that is left on a free road (Smith et al. 2004: −3 to −6.5 % in any
    /// rain; Purdue, Vehicles 2023: −8.4 % in very heavy rain).
    pub const fn speed_factor(self) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Light => 0.97,
            Self::Moderate => 0.95,
            Self::Heavy => 0.92,
        }
    }

    /// Share of a road's capacity that is left (Smith et al. 2004).
    pub const fn capacity_factor(self) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Light => 0.93,
            Self::Moderate => 0.85,
            Self::Heavy => 0.72,
        }
    }
}

/// How many times as long a road takes as when it is free, at `volume_over_capacity` (0 to 1.6; more
/// is cut): 1 + 0.15·x⁴ (Bureau of Public Roads 1964, as the FHWA gives it).
///
/// ```
/// assert_eq!(fleet_core::driver::travel_time_factor(1.0), 1.15);
/// ```
pub fn travel_time_factor(volume_over_capacity: f64) -> f64 {
    let x = volume_over_capacity.clamp(0.0, 1.6);
    1.0 + 0.15 * (x * x * x * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_speed_falls_with_what_makes_it_fall() {
        for pair in [Rain::None, Rain::Light, Rain::Moderate, Rain::Heavy].windows(2) {
            assert!(pair[0].speed_factor() > pair[1].speed_factor());
            assert!(pair[0].capacity_factor() > pair[1].capacity_factor());
        }
        for i in 0..100 {
            let (nearer, farther) = (f64::from(i), f64::from(i + 1));
            assert!(sight_mps(nearer) < sight_mps(farther), "{nearer} m");
            assert!(curve_mps(nearer, 1.5) < curve_mps(farther, 1.5), "{nearer} m");
            assert!(
                curve_mps(farther, LATERAL_LADEN_MPS2) < curve_mps(farther, LATERAL_EMPTY_MPS2)
            );
        }
        assert!(sight_mps(0.0).abs() < 1e-12 && sight_mps(-1.0).abs() < 1e-12);
        assert!(travel_time_factor(f64::INFINITY) < 2.0 && travel_time_factor(-1.0) <= 1.0);
    }

    #[test]
    fn a_hairpin_is_driven_at_sixteen_and_a_half() {
        assert!((curve_mps(14.0, LATERAL_LADEN_MPS2) * 3.6 - 16.5).abs() < 0.05);
    }
}
