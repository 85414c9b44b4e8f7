//! The status page: what the fleet does now, without a build step or a network.

use std::{fmt::Write, sync::LazyLock};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::{Html, IntoResponse},
    routing::get,
};
use fleet_core::{
    geo::Position,
    route::{Network, RoadClass},
};

use crate::rest::{FRESH, PUBLIC};

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                   connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Width of the map, in its own units; its height follows from the region.
const WIDTH: f64 = 1_000.0;
/// Points of a road that are nearer to one another than this do not show, units.
const STEP: f64 = 2.5;

static MAP: LazyLock<String> = LazyLock::new(|| map(Network::ne_india()));

/// The page and what it loads.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(page))
        .route("/status.js", get(script))
        .route("/status.css", get(style))
        .route("/map.svg", get(async || (asset("image/svg+xml", PUBLIC), MAP.as_str())))
}

async fn page() -> impl IntoResponse {
    let csp = HeaderValue::from_static(CSP);
    let headers = [(header::CONTENT_SECURITY_POLICY, csp), (header::CACHE_CONTROL, FRESH)];
    (headers, Html(include_str!("index.html")))
}

async fn script() -> impl IntoResponse {
    (asset("text/javascript", FRESH), include_str!("status.js"))
}

async fn style() -> impl IntoResponse {
    (asset("text/css", FRESH), include_str!("status.css"))
}

fn asset(kind: &'static str, kept: HeaderValue) -> [(HeaderName, HeaderValue); 2] {
    [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, kept)]
}

/// Degrees to units of the map: equirectangular, true to scale in the middle of the region.
struct Projection {
    west: f64,
    north: f64,
    x_per_deg: f64,
    y_per_deg: f64,
    height: f64,
}

impl Projection {
    /// Every town of the network, with a margin.
    fn of(network: &Network) -> Self {
        const MARGIN_DEG: f64 = 0.3;
        let towns = || network.nodes().iter().map(|node| node.position);
        let west = towns().map(|at| at.lon).fold(f64::MAX, f64::min) - MARGIN_DEG;
        let east = towns().map(|at| at.lon).fold(f64::MIN, f64::max) + MARGIN_DEG;
        let south = towns().map(|at| at.lat).fold(f64::MAX, f64::min) - MARGIN_DEG;
        let north = towns().map(|at| at.lat).fold(f64::MIN, f64::max) + MARGIN_DEG;
        let x_per_deg = WIDTH / (east - west);
        let y_per_deg = x_per_deg / f64::midpoint(south, north).to_radians().cos();
        Self { west, north, x_per_deg, y_per_deg, height: (north - south) * y_per_deg }
    }

    fn to_map(&self, at: Position) -> (f64, f64) {
        ((at.lon - self.west) * self.x_per_deg, (self.north - at.lat) * self.y_per_deg)
    }
}

/// The roads and greater towns as an SVG. The page reads the projection from its data attributes, so
/// that the trucks it draws lie on the roads.
fn map(network: &Network) -> String {
    let projection = Projection::of(network);
    let Projection { west, north, x_per_deg, y_per_deg, height } = projection;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         data-west=\"{west}\" data-north=\"{north}\" data-x=\"{x_per_deg}\" data-y=\"{y_per_deg}\">\n"
    );
    for (class, name) in [
        (RoadClass::Secondary, "secondary"),
        (RoadClass::Primary, "primary"),
        (RoadClass::Trunk, "trunk"),
        (RoadClass::Motorway, "motorway"),
    ] {
        let _ = write!(svg, "<path class=\"{name}\" d=\""); // writing to a String cannot fail
        for (index, segment) in network.segment_indices().zip(network.segments()) {
            if segment.road_class == class {
                road(&mut svg, &projection, &network.line(index));
            }
        }
        svg.push_str("\"/>\n");
    }
    for node in network.nodes().iter().filter(|node| node.population >= Some(250_000)) {
        let (x, y) = projection.to_map(node.position);
        let _ =
            writeln!(svg, "<text class=\"town\" x=\"{x:.0}\" y=\"{y:.0}\">{}</text>", node.name);
    }
    svg.push_str("</svg>\n");
    svg
}

fn road(svg: &mut String, projection: &Projection, line: &[Position]) {
    let mut drawn: Option<(f64, f64)> = None;
    for (index, at) in line.iter().enumerate() {
        let (x, y) = projection.to_map(*at);
        let is_near = drawn.is_some_and(|(x0, y0)| (x - x0).abs() + (y - y0).abs() < STEP);
        if is_near && index + 1 < line.len() {
            continue;
        }
        let _ = write!(svg, "{}{x:.1} {y:.1}", if drawn.is_some() { 'L' } else { 'M' });
        drawn = Some((x, y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_town_lies_on_the_map_and_every_road_is_drawn() {
        let network = Network::ne_india();
        let projection = Projection::of(network);
        for node in network.nodes() {
            let (x, y) = projection.to_map(node.position);
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=projection.height).contains(&y));
        }
        let svg = map(network);
        assert_eq!(svg.matches('M').count(), network.segments().len());
        assert!(svg.contains(">Guwahati<") && svg.len() < 150_000, "{} bytes", svg.len());
    }
}
