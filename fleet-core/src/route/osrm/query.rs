//! What can be asked, and how it is written into an address.
//!
//! Longitude comes first, as plain decimals: OSRM refuses exponents. Nothing is percent-encoded,
//! for `;` and `,` must stay as they are, and nothing else occurs.

use std::fmt::{self, Write};

use super::settings::OsrmSettings;
use crate::{Error, Result, geo::Position, route::Ferries};

/// How a line is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Geometry {
    /// Not at all.
    #[default]
    None,
    /// Five decimals, 1 m.
    Polyline,
    /// Six decimals, 0.1 m.
    Polyline6,
}

impl Geometry {
    fn parameters(self) -> &'static str {
        match self {
            Self::None => "overview=false",
            Self::Polyline => "overview=full&geometries=polyline",
            Self::Polyline6 => "overview=full&geometries=polyline6",
        }
    }

    /// Decimals of a polyline.
    pub(super) const fn precision(self) -> u8 {
        match self {
            Self::Polyline => 5,
            Self::None | Self::Polyline6 => 6,
        }
    }
}

/// The direction of travel at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearing {
    /// Degrees clockwise from north, 0 to 360.
    pub degrees: u16,
    /// How far the road's direction may be off, degrees, 0 to 180.
    pub range: u16,
}

/// A point of a question, and which roads may stand for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waypoint {
    /// Where it is.
    pub position: Position,
    /// How far from a road it may lie, metres; `None` takes that of the settings.
    pub radius_m: Option<f64>,
    /// The direction of travel; `None`: any.
    pub bearing: Option<Bearing>,
}

impl From<Position> for Waypoint {
    fn from(position: Position) -> Self {
        Self { position, radius_m: None, bearing: None }
    }
}

/// A question for routes: the fastest way along the waypoints, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteQuery {
    /// Two or more; a server takes 500 unless told otherwise.
    pub waypoints: Vec<Waypoint>,
    /// How lines are told.
    pub geometry: Geometry,
    /// Whether length, time, speed and OSM nodes of every edge are told.
    pub annotations: bool,
    /// How many other routes are wanted, 0 to 3 unless the server allows more; fewer may come.
    pub alternatives: u8,
}

impl RouteQuery {
    /// From one place to another: no line, no annotations, no alternatives.
    pub fn between(from: Position, to: Position) -> Self {
        Self {
            waypoints: vec![from.into(), to.into()],
            geometry: Geometry::None,
            annotations: false,
            alternatives: 0,
        }
    }
}

/// A question for the durations and lengths from every source to every destination.
#[derive(Clone, Debug, PartialEq)]
pub struct TableQuery {
    /// The places; a server takes 100 unless told otherwise.
    pub waypoints: Vec<Waypoint>,
    /// Places in the list that are rows; empty: all.
    pub sources: Vec<usize>,
    /// Places in the list that are columns; empty: all.
    pub destinations: Vec<usize>,
}

/// A question for the path that a trace follows.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchQuery {
    /// The fixes in order of time; a server takes 100 unless told otherwise.
    pub fixes: Vec<Fix>,
    /// How lines are told.
    pub geometry: Geometry,
    /// Whether length, time, speed and OSM nodes of every edge are told.
    pub annotations: bool,
}

/// A position as a receiver told it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// Where it was.
    pub position: Position,
    /// One standard deviation of its error, metres. OSRM would take 5 m, and drop good fixes.
    pub accuracy_m: f64,
    /// When, seconds since any moment; must not fall. All or none of a trace has it.
    pub at_s: Option<u64>,
}

impl RouteQuery {
    pub(super) fn address(&self, base: &str, settings: &OsrmSettings) -> Result<String> {
        let mut address = Address::new(base, "route", settings, &self.waypoints, 2)?;
        address.parameter(self.geometry.parameters());
        if self.annotations {
            address.parameter("annotations=true");
        }
        if self.alternatives > 0 {
            address.parameter(format_args!("alternatives={}", self.alternatives));
        }
        address.exclude(settings.ferries);
        address.ends(&self.waypoints, settings.radius_m)
    }
}

impl TableQuery {
    pub(super) fn address(&self, base: &str, settings: &OsrmSettings) -> Result<String> {
        let count = self.waypoints.len();
        if let Some(ix) = self.sources.iter().chain(&self.destinations).find(|ix| **ix >= count) {
            return Err(Error::invalid(format!("table: place {ix} of {count}")));
        }
        let mut address = Address::new(base, "table", settings, &self.waypoints, 1)?;
        address.parameter("annotations=duration,distance");
        for (name, list) in [("sources", &self.sources), ("destinations", &self.destinations)] {
            if !list.is_empty() {
                address.parameter(format_args!("{name}={}", Joined(list)));
            }
        }
        address.exclude(settings.ferries);
        address.ends(&self.waypoints, settings.radius_m)
    }

    /// Rows and columns that the answer must have.
    pub(super) fn shape(&self) -> (usize, usize) {
        let count =
            |list: &[usize]| if list.is_empty() { self.waypoints.len() } else { list.len() };
        (count(&self.sources), count(&self.destinations))
    }
}

impl MatchQuery {
    pub(super) fn address(&self, base: &str, settings: &OsrmSettings) -> Result<String> {
        let mut waypoints = Vec::with_capacity(self.fixes.len());
        for Fix { position, accuracy_m, .. } in self.fixes.iter().copied() {
            waypoints.push(Waypoint { position, radius_m: Some(accuracy_m), bearing: None });
        }
        let times: Vec<u64> = self.fixes.iter().filter_map(|fix| fix.at_s).collect();
        if !times.is_empty() && times.len() != self.fixes.len() {
            return Err(Error::invalid("fixes: expected a time with each of them, or with none"));
        }
        if !times.is_sorted() {
            return Err(Error::invalid("fixes: their times fall"));
        }
        let mut address = Address::new(base, "match", settings, &waypoints, 2)?;
        address.parameter(self.geometry.parameters());
        if self.annotations {
            address.parameter("annotations=true");
        }
        if !times.is_empty() {
            address.parameter(format_args!("timestamps={}", Joined(&times)));
        }
        address.ends(&waypoints, settings.radius_m)
    }
}

/// The address of the nearest `number` places on roads.
pub(super) fn nearest(
    base: &str,
    settings: &OsrmSettings,
    waypoint: Waypoint,
    number: u8,
) -> Result<String> {
    let mut address = Address::new(base, "nearest", settings, &[waypoint], 1)?;
    address.parameter(format_args!("number={number}"));
    address.ends(&[waypoint], settings.radius_m)
}

struct Address(String);

impl Address {
    fn new(
        base: &str,
        service: &str,
        settings: &OsrmSettings,
        waypoints: &[Waypoint],
        least: usize,
    ) -> Result<Self> {
        if waypoints.len() < least {
            let count = waypoints.len();
            return Err(Error::invalid(format!(
                "{service}: {count} points, expected {least} at least"
            )));
        }
        for (ix, point) in waypoints.iter().enumerate() {
            point.check().map_err(|error| {
                Error::invalid(format!("{service}: point {ix}")).with_source(error)
            })?;
        }
        let profile = &settings.profile;
        let points = Joined(waypoints);
        Ok(Self(format!("{base}/{service}/v1/{profile}/{points}?generate_hints=false")))
    }

    fn parameter(&mut self, text: impl fmt::Display) {
        write!(self.0, "&{text}").expect("a string takes it");
    }

    fn exclude(&mut self, ferries: Ferries) {
        if ferries == Ferries::LeftOut {
            self.parameter("exclude=ferry");
        }
    }

    /// Radii always, bearings where there are any.
    fn ends(mut self, waypoints: &[Waypoint], radius_m: f64) -> Result<String> {
        let radii: Vec<_> =
            waypoints.iter().map(|point| Radius(point.radius_m.unwrap_or(radius_m))).collect();
        self.parameter(format_args!("radiuses={}", Joined(&radii)));
        if waypoints.iter().any(|point| point.bearing.is_some()) {
            let bearings: Vec<_> = waypoints.iter().map(|point| Bearings(point.bearing)).collect();
            self.parameter(format_args!("bearings={}", Joined(&bearings)));
        }
        Ok(self.0)
    }
}

impl Waypoint {
    fn check(&self) -> Result<()> {
        Position::new(self.position.lat, self.position.lon)?;
        if let Some(radius_m) = self.radius_m
            && !(radius_m.is_finite() && radius_m > 0.0)
        {
            return Err(Error::invalid(format!("radius: {radius_m}, expected more than 0 m")));
        }
        match self.bearing {
            Some(Bearing { degrees, range }) if degrees > 360 || range > 180 => {
                Err(Error::invalid(format!(
                    "bearing: {degrees} ± {range}, expected 0 to 360 and 0 to 180 degrees"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// A list between semicolons.
struct Joined<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Joined<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ix, item) in self.0.iter().enumerate() {
            let between = if ix > 0 { ";" } else { "" };
            write!(f, "{between}{item}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Waypoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6},{:.6}", self.position.lon, self.position.lat)
    }
}

struct Radius(f64);

impl fmt::Display for Radius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0.max(0.01))
    }
}

struct Bearings(Option<Bearing>);

impl fmt::Display for Bearings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Bearing { degrees, range }) => write!(f, "{degrees},{range}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> OsrmSettings {
        OsrmSettings::new("http://h")
    }

    fn at(lat: f64, lon: f64) -> Position {
        Position { lat, lon }
    }

    #[test]
    fn longitude_comes_first_in_plain_decimals() {
        let query = RouteQuery::between(at(1e-7, -0.000_000_4), at(26.184_4, 91.745_8));
        let address = query.address("http://h", &settings()).expect("good");
        let start = "http://h/route/v1/driving/-0.000000,0.000000;91.745800,26.184400?";
        assert!(address.starts_with(start), "{address}");
        assert!(!address.contains('e') || !address.contains("e-"), "{address}");
    }

    #[test]
    fn each_option_is_spelled_as_the_server_knows_it() {
        let bearing = Some(Bearing { degrees: 150, range: 40 });
        let first = Waypoint { radius_m: Some(20.0), bearing, ..at(26.0, 91.0).into() };
        let query = RouteQuery {
            waypoints: vec![first, at(25.0, 92.0).into()],
            geometry: Geometry::Polyline6,
            annotations: true,
            alternatives: 2,
        };
        let with_ferries = OsrmSettings { ferries: Ferries::Allowed, ..settings() };
        assert_eq!(
            query.address("http://h/p", &with_ferries).expect("good"),
            "http://h/p/route/v1/driving/91.000000,26.000000;92.000000,25.000000?generate_hints=false\
             &overview=full&geometries=polyline6&annotations=true&alternatives=2\
             &radiuses=20.00;5000.00&bearings=150,40;"
        );
        let table = TableQuery {
            waypoints: vec![first, at(25.0, 92.0).into()],
            sources: vec![0],
            destinations: vec![0, 1],
        };
        let address = table.address("http://h", &settings()).expect("good");
        let options = "&annotations=duration,distance&sources=0&destinations=0;1&exclude=ferry&";
        assert!(address.contains(options), "{address}");
        assert_eq!(table.shape(), (1, 2));
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_it_is_asked() {
        let route =
            |waypoints| RouteQuery { waypoints, ..RouteQuery::between(at(0.0, 0.0), at(0.0, 0.0)) };
        let here = Waypoint::from(at(26.0, 91.0));
        let steep = Some(Bearing { degrees: 361, range: 10 });
        for (waypoints, said) in [
            (vec![here], "expected 2"),
            (vec![here, at(91.0, 26.0).into()], "point 1"),
            (vec![Waypoint { radius_m: Some(f64::NAN), ..here }, here], "radius"),
            (vec![here, Waypoint { bearing: steep, ..here }], "bearing"),
        ] {
            let error = route(waypoints).address("http://h", &settings()).expect_err(said);
            assert!(error.to_string().contains(said), "{error}");
        }
        let fix = |at_s| Fix { position: at(26.0, 91.0), accuracy_m: 10.0, at_s };
        for (times, said) in [([Some(1), None], "with each"), ([Some(2), Some(1)], "fall")] {
            let fixes = times.map(fix).to_vec();
            let query = MatchQuery { fixes, geometry: Geometry::None, annotations: false };
            let error = query.address("http://h", &settings()).expect_err(said);
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
