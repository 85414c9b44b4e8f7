//! Noisy traces of known ways on the same roads: our matcher finds at least as much as OSRM's.

use std::{collections::BTreeMap, fmt, sync::Arc};

use fleet_core::{
    ErrorKind, domain,
    geo::{Position, destination, flat_distance_m},
    matching::{Matcher, Settings},
    random::Stream,
    route::{
        BuiltinRouter, Network, NodeIx, Route, SegmentIx,
        osm::made::Made,
        osrm::{Fix, Geometry, MatchQuery, OsrmClient, OsrmSettings},
    },
    time::Time,
};

use crate::{bundled, client, own, same_city};

/// How traces are made.
#[derive(Clone, Copy, Debug)]
struct Making {
    noise_m: f64,
    every_s: u32,
    speed_kmh: f64,
    /// Shares of fixes that are lost, and that lie 150 to 1,000 m off.
    lost: f64,
    wild: f64,
}

/// One fix every 30 s on the highway.
const SPARSE: Making =
    Making { noise_m: 20.0, every_s: 30, speed_kmh: 45.0, lost: 0.05, wild: 0.02 };
/// Through town.
const DENSE: Making = Making { noise_m: 10.0, every_s: 5, speed_kmh: 30.0, ..SPARSE };
/// What a server takes at once.
const FIXES_MAX: u32 = 100;

/// Where an edge of the roads begins and ends, in millionths of a degree.
type Edge = [(i64, i64); 2];
/// Metres on each edge, by direction.
type Metres = BTreeMap<Edge, f64>;

fn point(place: Position) -> (i64, i64) {
    let e6 = |degrees: f64| (degrees * 1e6).round() as i64;
    (e6(place.lat), e6(place.lon))
}

/// Adds a stretch of a road, driven backwards if `to_m` is less.
fn add(metres: &mut Metres, network: &Network, segment: SegmentIx, (from_m, to_m): (f64, f64)) {
    let line = network.line(segment);
    let drawn_m: f64 = line.windows(2).map(|edge| flat_distance_m(edge[0], edge[1])).sum();
    let scale = network.segments()[segment.index()].length_m / drawn_m;
    let mut start_m = 0.0;
    for edge in line.windows(2) {
        let end_m = start_m + flat_distance_m(edge[0], edge[1]) * scale;
        let on_m = end_m.min(from_m.max(to_m)) - f64::max(start_m, from_m.min(to_m));
        if on_m > 0.0 {
            let ends = [point(edge[0]), point(edge[1])];
            let edge = if from_m < to_m { ends } else { [ends[1], ends[0]] };
            *metres.entry(edge).or_default() += on_m;
        }
        start_m = end_m;
    }
}

/// What a route between nodes drives in its first `until_m` metres: whole roads, but for the last.
fn driven(network: &Network, route: &Route, until_m: f64) -> Metres {
    let mut metres = Metres::new();
    let pieces: Vec<_> = route.pieces.iter().collect();
    for road in pieces.chunk_by(|a, b| a.segment == b.segment) {
        let (segment, start_m) = (road[0].segment, road[0].start_m);
        let length_m = network.segments()[segment.index()].length_m;
        let part_m = (until_m - start_m).clamp(0.0, length_m);
        let from = network.node_at(network.segments()[segment.index()].from).position;
        let is_forward = flat_distance_m(from, road[0].from) < 1.0;
        let part = if is_forward { (0.0, part_m) } else { (length_m, length_m - part_m) };
        add(&mut metres, network, segment, part);
    }
    metres
}

/// The fixes of a truck on a route, and the metres that it drove.
fn trace(
    network: &Network,
    route: &Route,
    making: &Making,
    seed: u64,
) -> (Vec<domain::Fix>, Metres) {
    let random = Stream::new(seed, "trace", "same traces");
    let step_m = making.speed_kmh / 3.6 * f64::from(making.every_s);
    let fits = |ix: &u32| f64::from(*ix) * step_m <= route.length_m;
    let count = (0..FIXES_MAX).take_while(fits).count() as u64;
    let mut fixes = Vec::new();
    for ix in 0..count {
        let draw = |what: u64| random.uniform(ix * 10 + what);
        let is_inner = ix > 0 && ix + 1 < count;
        if is_inner && draw(0) < making.lost {
            continue;
        }
        let at_m = ix as f64 * step_m;
        let (on_road, _) = route.position_at(at_m, route.piece_at(at_m, 0));
        let north_m = random.normal(ix * 10 + 1) * making.noise_m;
        let east_m = random.normal(ix * 10 + 2) * making.noise_m;
        let mut place = destination(destination(on_road, 0.0, north_m), 90.0, east_m);
        if is_inner && draw(3) < making.wild {
            place = destination(place, draw(4) * 360.0, 150.0 + draw(5) * 850.0);
        }
        let at = Time::from_secs(1_767_571_200 + (ix * u64::from(making.every_s)) as i64);
        let fix = domain::Fix::new(at, 0, place).unwrap();
        fixes.push(domain::Fix { accuracy_m: Some(making.noise_m), ..fix });
    }
    let driven = driven(network, route, (count - 1) as f64 * step_m);
    (fixes, driven)
}

/// The same roads in our matcher and in a server.
struct Roads {
    matcher: Matcher,
    osrm: OsrmClient,
    /// Where the server's nodes lie.
    nodes: BTreeMap<u64, (i64, i64)>,
}

impl Roads {
    fn new(network: Arc<Network>, xml: &str, url: &str) -> Self {
        let node = |line: &str| {
            let value = |name: &str| line.split_once(name)?.1.split('"').nth(1);
            let (lat, lon) = (value(" lat=")?.parse().ok()?, value(" lon=")?.parse().ok()?);
            Some((value(" id=")?.parse().ok()?, point(Position { lat, lon })))
        };
        let nodes = xml.lines().filter(|line| line.contains("<node")).filter_map(node).collect();
        let matcher = Matcher::new(network, Settings::default()).unwrap();
        Self { matcher, osrm: client(OsrmSettings::new(url)), nodes }
    }

    fn ours(&self, trace: &[domain::Fix]) -> Metres {
        let mut metres = Metres::new();
        let matched = self.matcher.match_trace(trace).unwrap();
        for stretch in matched.matchings.iter().flat_map(|matching| &matching.path) {
            let part = (stretch.from_m, stretch.to_m);
            add(&mut metres, self.matcher.network(), stretch.segment, part);
        }
        metres
    }

    async fn theirs(&self, trace: &[domain::Fix]) -> Metres {
        let fix = |fix: &domain::Fix| Fix {
            position: fix.position,
            accuracy_m: fix.accuracy_m.unwrap(),
            at_s: Some(fix.key.at.as_secs().cast_unsigned()),
        };
        let fixes = trace.iter().map(fix).collect();
        let query = MatchQuery { fixes, geometry: Geometry::None, annotations: true };
        let mut metres = Metres::new();
        let matched = match self.osrm.matching(&query).await {
            Ok(matched) => matched,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                return metres;
            }
        };
        for leg in matched.matchings.iter().flat_map(|matching| &matching.way.legs) {
            let told = leg.annotation.as_ref().unwrap();
            for (ends, on_m) in told.nodes.windows(2).zip(&told.distance_m) {
                let edge = [self.nodes[&ends[0]], self.nodes[&ends[1]]];
                *metres.entry(edge).or_default() += on_m;
            }
        }
        metres
    }

    /// What we and they make of a trace on each route.
    async fn compare(&self, what: &str, routes: &[Arc<Route>], making: &Making) -> [Score; 2] {
        let mut scores = [Score::default(); 2];
        for (seed, route) in (0..).zip(routes) {
            let (fixes, driven) = trace(self.matcher.network(), route, making, seed);
            let found = [self.ours(&fixes), self.theirs(&fixes).await];
            scores.iter_mut().zip(&found).for_each(|(score, found)| score.add(&driven, found));
        }
        let [ours, theirs] = &scores;
        print(&format!("{what}, {} traces: {making:?}: {ours}; OSRM: {theirs}", routes.len()));
        scores
    }
}

/// Metres of many traces.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    right: f64,
    driven: f64,
    /// What was driven or what was found, whichever is more.
    most: f64,
}

impl Score {
    fn add(&mut self, driven: &Metres, found: &Metres) {
        let both = driven.iter().map(|(edge, m)| m.min(*found.get(edge).unwrap_or(&0.0)));
        self.right += both.sum::<f64>();
        let [driven, found] = [driven, found].map(|metres| metres.values().sum::<f64>());
        self.driven += driven;
        self.most += driven.max(found);
    }

    /// The share of what was driven that was found.
    fn of_driven(&self) -> f64 {
        self.right / self.driven
    }

    /// The share that is right where what is too much counts like what is missing.
    fn of_all(&self) -> f64 {
        self.right / self.most
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (driven, all) = (self.of_driven() * 100.0, self.of_all() * 100.0);
        write!(f, "{driven:.2} % of what was driven, {all:.2} % right")
    }
}

#[expect(clippy::print_stdout, reason = "the shares are what one wants to see")]
fn print(text: &str) {
    println!("{text}");
}

#[track_caller]
fn hold([ours, theirs]: [Score; 2], making: &Making) {
    assert!(ours.of_all() >= 0.97, "{making:?}: {ours}");
    assert!(ours.of_all() >= theirs.of_all(), "{making:?}: {ours}; OSRM: {theirs}");
    assert!(ours.of_driven() >= theirs.of_driven(), "{making:?}: {ours}; OSRM: {theirs}");
}

/// Routes between nodes drawn by lot that are longer than `least_m`.
fn routes(network: &Arc<Network>, count: usize, least_m: f64) -> Vec<Arc<Route>> {
    let router = BuiltinRouter::new(Arc::clone(network));
    let random = Stream::new(5, "pairs", "same traces");
    let nodes = network.nodes().len() as u64;
    let draw = |ix| NodeIx(u32::try_from(random.below(ix, nodes)).unwrap());
    let pairs = (0_u64..).map(|ix| (draw(2 * ix), draw(2 * ix + 1)));
    let routes = pairs.filter_map(|(from, to)| router.route_nodes(from, to).ok());
    routes.filter(|route| route.length_m > least_m).take(count).collect()
}

#[tokio::test]
async fn on_the_bundled_roads_we_match_as_much_right_as_osrm_and_nearly_all() {
    let folder = tempfile::tempdir().unwrap();
    let extract = folder.path().join("ne.osm");
    bundled(&extract);
    let Some(server) = own(&extract) else { return };
    let xml = std::fs::read_to_string(&extract).unwrap();
    let network = Network::ne_india();
    let roads = Roads::new(Arc::clone(network), &xml, server.url());
    let routes = routes(network, 40, 10_000.0);
    for making in [
        SPARSE,
        Making { noise_m: 10.0, ..SPARSE },
        Making { noise_m: 50.0, ..SPARSE },
        Making { every_s: 60, lost: 0.2, ..SPARSE },
        Making { every_s: 5, ..SPARSE },
    ] {
        hold(roads.compare("bundled roads", &routes, &making).await, &making);
    }
}

#[tokio::test]
async fn in_a_city_of_small_blocks_we_match_as_much_right_as_osrm_and_nearly_all() {
    let xml = Made::city(40, 1).xml();
    let folder = tempfile::tempdir().unwrap();
    let extract = folder.path().join("city.osm");
    std::fs::write(&extract, &xml).unwrap();
    let Some(server) = own(&extract) else { return };
    let network = Arc::new(same_city::read(&xml).network);
    let roads = Roads::new(Arc::clone(&network), &xml, server.url());
    let routes = routes(&network, 30, 1_500.0);
    for making in [
        DENSE,
        Making { noise_m: 5.0, ..DENSE },
        Making { noise_m: 20.0, ..DENSE },
        Making { noise_m: 10.0, every_s: 10, ..DENSE },
    ] {
        hold(roads.compare("a city", &routes, &making).await, &making);
    }
}
