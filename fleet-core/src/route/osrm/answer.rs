//! What the server says, checked: by its `code` first, and by its shape before it is indexed.

use serde::{Deserialize, de::DeserializeOwned};

use super::{fault::Fault, http::Answer, query::Geometry};
use crate::geo::{Position, polyline};

/// A place that was asked for, moved to a road.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapped {
    /// The place on the road.
    pub position: Position,
    /// How far it lies from where it was asked for, metres.
    pub snapped_m: f64,
    /// The roads' names there, joined: for people, never a key. Often empty.
    pub name: String,
}

/// An answer to a [`RouteQuery`](super::RouteQuery).
#[derive(Clone, Debug, PartialEq)]
pub struct RouteAnswer {
    /// The fastest first; at least one.
    pub routes: Vec<Way>,
    /// Where each waypoint was moved to.
    pub waypoints: Vec<Snapped>,
    /// The version of the server's data, if `osrm-extract -d` gave it one.
    pub data_version: Option<String>,
}

/// A way through waypoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Length, metres.
    pub distance_m: f64,
    /// Time, seconds.
    pub duration_s: f64,
    /// The line, if it was asked for; else empty.
    pub line: Vec<Position>,
    /// One from each waypoint to the next.
    pub legs: Vec<WayLeg>,
}

/// The part of a way between two waypoints.
#[derive(Clone, Debug, PartialEq)]
pub struct WayLeg {
    /// Length, metres.
    pub distance_m: f64,
    /// Time, seconds.
    pub duration_s: f64,
    /// What each edge of the line is like, if it was asked for.
    pub annotation: Option<Annotation>,
}

/// The edges of a leg, in driving order: `nodes` has one entry more than the others.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Annotation {
    /// Lengths, metres; the first or last may be 0.
    #[serde(rename = "distance")]
    pub distance_m: Vec<f64>,
    /// Times, seconds.
    #[serde(rename = "duration")]
    pub duration_s: Vec<f64>,
    /// Speeds, m/s, to 0.1.
    #[serde(rename = "speed")]
    pub speed_mps: Vec<f64>,
    /// OSM ids of the nodes.
    pub nodes: Vec<u64>,
}

/// An answer to a [`TableQuery`](super::TableQuery): rows are sources.
#[derive(Clone, Debug, PartialEq)]
pub struct TableAnswer {
    /// Seconds; `None` where there is no way.
    pub durations_s: Vec<Vec<Option<f64>>>,
    /// Metres; `None` where there is no way.
    pub distances_m: Vec<Vec<Option<f64>>>,
    /// Where each source was moved to.
    pub sources: Vec<Snapped>,
    /// Where each destination was moved to.
    pub destinations: Vec<Snapped>,
    /// The version of the server's data.
    pub data_version: Option<String>,
}

/// An answer to a [`MatchQuery`](super::MatchQuery).
#[derive(Clone, Debug, PartialEq)]
pub struct MatchAnswer {
    /// Parts of the path, in order: a trace with gaps has several, so sum over them.
    pub matchings: Vec<Matching>,
    /// For each fix where it was on the road; `None` for an outlier.
    pub fixes: Vec<Option<MatchedFix>>,
    /// The version of the server's data.
    pub data_version: Option<String>,
}

/// A part of a matched path.
#[derive(Clone, Debug, PartialEq)]
pub struct Matching {
    /// How dense the trace was, 0 to 1: it says little of how good the match is.
    pub confidence: f64,
    /// The path.
    pub way: Way,
}

/// Where a fix was on the road.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchedFix {
    /// Its place in the list of matchings.
    pub matching: usize,
    /// Which waypoint of that matching it is.
    pub waypoint: usize,
    /// The place on the road.
    pub snapped: Snapped,
    /// Other roads it could have been on.
    pub alternatives: u32,
}

#[derive(Deserialize)]
struct Head {
    code: Option<String>,
    message: Option<String>,
    data_version: Option<String>,
}

#[derive(Deserialize)]
struct RawSnap {
    location: [f64; 2],
    distance: Option<f64>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct RawRoutes {
    routes: Vec<RawWay>,
    waypoints: Vec<RawSnap>,
}

#[derive(Deserialize)]
struct RawWay {
    distance: f64,
    duration: f64,
    geometry: Option<String>,
    legs: Vec<RawLeg>,
}

#[derive(Deserialize)]
struct RawLeg {
    distance: f64,
    duration: f64,
    annotation: Option<Annotation>,
}

#[derive(Deserialize)]
struct RawTable {
    durations: Vec<Vec<Option<f64>>>,
    distances: Vec<Vec<Option<f64>>>,
    sources: Vec<RawSnap>,
    destinations: Vec<RawSnap>,
}

#[derive(Deserialize)]
struct RawNearest {
    waypoints: Vec<RawSnap>,
}

#[derive(Deserialize)]
struct RawMatch {
    matchings: Vec<RawMatching>,
    tracepoints: Vec<Option<RawTrace>>,
}

#[derive(Deserialize)]
struct RawMatching {
    confidence: f64,
    #[serde(flatten)]
    way: RawWay,
}

#[derive(Deserialize)]
struct RawTrace {
    matchings_index: usize,
    waypoint_index: usize,
    alternatives_count: u32,
    #[serde(flatten)]
    snap: RawSnap,
}

/// The payload of an answer whose code is `Ok`, with the version of the server's data.
fn payload<T: DeserializeOwned>(
    answer: &Answer,
    expected: Option<&str>,
) -> Result<(T, Option<String>), Fault> {
    let head = serde_json::from_slice::<Head>(&answer.body);
    let is_ill = answer.status.is_server_error();
    let Head { code: Some(code), message, data_version } = head.map_err(|error| match is_ill {
        true => Fault::ServerError(answer.status.as_u16()),
        false => Fault::NotOsrm(format!("status {}, {error}", answer.status.as_u16())),
    })?
    else {
        return Err(match is_ill {
            true => Fault::ServerError(answer.status.as_u16()),
            false => Fault::NotOsrm("JSON without a code".to_owned()),
        });
    };
    if code != "Ok" {
        let fault = Fault::of_code(&code, message.as_deref().unwrap_or_default());
        let is_unknown = matches!(fault, Fault::Other { .. });
        return Err(if is_ill && is_unknown {
            Fault::ServerError(answer.status.as_u16())
        } else {
            fault
        });
    }
    if let Some(expected) = expected
        && data_version.as_deref() != Some(expected)
    {
        return Err(Fault::WrongData { expected: expected.to_owned(), found: data_version });
    }
    let payload = serde_json::from_slice(&answer.body);
    Ok((payload.map_err(|error| Fault::NotOsrm(error.to_string()))?, data_version))
}

fn shape(ok: bool, what: &str) -> Result<(), Fault> {
    if ok { Ok(()) } else { Err(Fault::NotOsrm(format!("{what} does not fit the question"))) }
}

/// A length or time: OSRM never tells a negative or an infinite one.
fn amount(value: f64) -> Result<f64, Fault> {
    shape(value.is_finite() && value >= 0.0, "a number")?;
    Ok(value)
}

impl RawSnap {
    fn checked(self) -> Result<Snapped, Fault> {
        let [lon, lat] = self.location;
        let position =
            Position::new(lat, lon).map_err(|error| Fault::NotOsrm(error.to_string()))?;
        let snapped_m = amount(self.distance.unwrap_or(0.0))?;
        Ok(Snapped { position, snapped_m, name: self.name.unwrap_or_default() })
    }
}

fn snaps(raw: Vec<RawSnap>) -> Result<Vec<Snapped>, Fault> {
    raw.into_iter().map(RawSnap::checked).collect()
}

impl RawWay {
    fn checked(self, geometry: Geometry) -> Result<Way, Fault> {
        let line = match (&self.geometry, geometry) {
            (_, Geometry::None) => Vec::new(),
            (Some(text), _) => polyline::decode(text, geometry.precision())
                .map_err(|error| Fault::NotOsrm(error.to_string()))?,
            (None, _) => return Err(Fault::NotOsrm("a route without its line".to_owned())),
        };
        let legs = self.legs.into_iter().map(RawLeg::checked).collect::<Result<_, _>>()?;
        let (distance_m, duration_s) = (amount(self.distance)?, amount(self.duration)?);
        Ok(Way { distance_m, duration_s, line, legs })
    }
}

impl RawLeg {
    fn checked(self) -> Result<WayLeg, Fault> {
        if let Some(annotation) = &self.annotation {
            let Annotation { distance_m, duration_s, speed_mps, nodes } = annotation;
            let edges = distance_m.len();
            let fits = [duration_s.len(), speed_mps.len(), nodes.len().saturating_sub(1)];
            shape(fits.iter().all(|count| *count == edges), "an annotation")?;
            for value in distance_m.iter().chain(duration_s).chain(speed_mps) {
                amount(*value)?;
            }
        }
        let (distance_m, duration_s) = (amount(self.distance)?, amount(self.duration)?);
        Ok(WayLeg { distance_m, duration_s, annotation: self.annotation })
    }
}

/// Reads the answer to a question for routes through `points` waypoints.
pub(super) fn routes(
    answer: &Answer,
    points: usize,
    geometry: Geometry,
    expected: Option<&str>,
) -> Result<RouteAnswer, Fault> {
    let (RawRoutes { routes, waypoints }, data_version) = payload(answer, expected)?;
    shape(!routes.is_empty() && waypoints.len() == points, "the number of routes or waypoints")?;
    shape(routes.iter().all(|route| route.legs.len() + 1 == points), "the number of legs")?;
    let routes = routes.into_iter().map(|way| way.checked(geometry)).collect::<Result<_, _>>()?;
    Ok(RouteAnswer { routes, waypoints: snaps(waypoints)?, data_version })
}

/// Reads the answer to a question for a table of `rows` by `columns`.
pub(super) fn table(
    answer: &Answer,
    (rows, columns): (usize, usize),
    expected: Option<&str>,
) -> Result<TableAnswer, Fault> {
    let (raw, data_version) = payload::<RawTable>(answer, expected)?;
    let fits = |cells: &[Vec<Option<f64>>]| {
        cells.len() == rows && cells.iter().all(|row| row.len() == columns)
    };
    shape(fits(&raw.durations) && fits(&raw.distances), "the table")?;
    shape(raw.sources.len() == rows && raw.destinations.len() == columns, "the table's places")?;
    for cell in raw.durations.iter().chain(&raw.distances).flatten().flatten() {
        amount(*cell)?;
    }
    Ok(TableAnswer {
        durations_s: raw.durations,
        distances_m: raw.distances,
        sources: snaps(raw.sources)?,
        destinations: snaps(raw.destinations)?,
        data_version,
    })
}

/// Reads the answer to a question for the nearest places.
pub(super) fn nearest(answer: &Answer, expected: Option<&str>) -> Result<Vec<Snapped>, Fault> {
    let (RawNearest { waypoints }, _) = payload(answer, expected)?;
    shape(!waypoints.is_empty(), "the number of places")?;
    snaps(waypoints)
}

/// Reads the answer to a question for the path of a trace of `fixes`.
pub(super) fn matching(
    answer: &Answer,
    fixes: usize,
    geometry: Geometry,
    expected: Option<&str>,
) -> Result<MatchAnswer, Fault> {
    let (RawMatch { matchings, tracepoints }, data_version) = payload(answer, expected)?;
    shape(tracepoints.len() == fixes, "the number of fixes")?;
    let count = matchings.len();
    let place = |raw: RawTrace| {
        shape(raw.matchings_index < count, "the number of matchings")?;
        Ok(MatchedFix {
            matching: raw.matchings_index,
            waypoint: raw.waypoint_index,
            snapped: raw.snap.checked()?,
            alternatives: raw.alternatives_count,
        })
    };
    let part = |raw: RawMatching| {
        let confidence = amount(raw.confidence)?;
        Ok(Matching { confidence, way: raw.way.checked(geometry)? })
    };
    Ok(MatchAnswer {
        matchings: matchings.into_iter().map(part).collect::<Result<_, Fault>>()?,
        fixes: tracepoints
            .into_iter()
            .map(|raw| raw.map(place).transpose())
            .collect::<Result<_, Fault>>()?,
        data_version,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::StatusCode;

    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer { status: StatusCode::from_u16(status).expect("a status"), body: Bytes::from(body) }
    }

    fn fault(status: u16, body: &'static str) -> Fault {
        routes(&answer(status, body), 2, Geometry::None, None).expect_err("no route in it")
    }

    const GOOD: &str = r#"{"data_version":"v7","code":"Ok",
        "routes":[{"legs":[{"steps":[],"weight":1,"summary":"","duration":7944.4,"distance":100001.5}],
            "weight_name":"routability","weight":1,"duration":7944.4,"distance":100001.5}],
        "waypoints":[{"distance":0,"name":"A","location":[91.7458,26.1844]},
            {"distance":2.5,"name":"","location":[91.8831,25.5689]}]}"#;

    #[test]
    fn a_good_answer_is_read_whole() {
        let good = routes(&answer(200, GOOD), 2, Geometry::None, Some("v7")).expect("good");
        assert_eq!(good.data_version.as_deref(), Some("v7"));
        assert!((good.routes[0].distance_m - 100_001.5).abs() < 1e-9);
        assert_eq!(good.waypoints[0].position, Position { lat: 26.184_4, lon: 91.745_8 });
        assert!((good.waypoints[1].snapped_m - 2.5).abs() < 1e-9);
    }

    #[test]
    fn the_code_decides_and_never_the_status() {
        let unreachable = r#"{"code":"NoRoute","message":"Impossible route between points"}"#;
        for status in [200, 400, 404, 500, 503] {
            assert_eq!(fault(status, unreachable), Fault::NoRoute, "{status}");
        }
        assert!(routes(&answer(400, GOOD), 2, Geometry::None, None).is_ok());
        assert_eq!(fault(503, "<html>"), Fault::ServerError(503));
        assert_eq!(fault(502, r#"{"error":"bad gateway"}"#), Fault::ServerError(502));
        assert_eq!(fault(500, r#"{"code":"Oops"}"#), Fault::ServerError(500));
        assert!(matches!(fault(400, r#"{"code":"Oops"}"#), Fault::Other { .. }));
    }

    #[test]
    fn what_is_no_answer_of_osrm_is_told_so() {
        for body in [
            "",
            "<html>welcome</html>",
            "{",
            "[]",
            "{\"code\":7}",
            r#"{"routes":[]}"#,
            r#"{"code":"Ok"}"#,
            r#"{"code":"Ok","routes":[],"waypoints":[]}"#,
            &GOOD[..GOOD.len() - 40],
        ] {
            assert!(matches!(fault(200, body), Fault::NotOsrm(_)), "{body:?}");
        }
        let three = routes(&answer(200, GOOD), 3, Geometry::None, None).expect_err("two points");
        assert!(matches!(three, Fault::NotOsrm(_)), "{three}");
        let lineless =
            routes(&answer(200, GOOD), 2, Geometry::Polyline6, None).expect_err("no line");
        assert!(lineless.to_string().contains("line"), "{lineless}");
    }

    #[test]
    fn other_data_than_was_asked_for_is_refused() {
        let other = routes(&answer(200, GOOD), 2, Geometry::None, Some("v8")).expect_err("v7");
        let expected = "v8".to_owned();
        assert_eq!(other, Fault::WrongData { expected, found: Some("v7".to_owned()) });
    }

    #[test]
    fn a_table_of_another_shape_is_refused_and_null_is_no_way() {
        let body = r#"{"code":"Ok","durations":[[0,null]],"distances":[[0,null]],
            "sources":[{"location":[91.7,26.1]}],
            "destinations":[{"location":[91.7,26.1]},{"location":[91.8,26.1]}]}"#;
        let read = table(&answer(200, body), (1, 2), None).expect("good");
        assert_eq!(read.durations_s, [[Some(0.0), None]]);
        for shape in [(2, 2), (1, 1), (2, 1)] {
            assert!(table(&answer(200, body), shape, None).is_err(), "{shape:?}");
        }
    }

    #[test]
    fn outliers_of_a_trace_stay_in_their_place() {
        let body = r#"{"code":"Ok","matchings":[{"confidence":1e-6,"legs":[],"distance":1,"duration":1}],
            "tracepoints":[{"waypoint_index":0,"matchings_index":0,"alternatives_count":2,"name":"",
                "location":[91.8,26.1],"distance":1.9},null]}"#;
        let read = matching(&answer(200, body), 2, Geometry::None, None).expect("good");
        assert!(read.fixes[0].is_some() && read.fixes[1].is_none());
        assert!(matching(&answer(200, body), 3, Geometry::None, None).is_err());
    }
}
