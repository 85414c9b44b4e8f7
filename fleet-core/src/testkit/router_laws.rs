//! The laws of the router: one suite that every backend passes.
//!
//! A backend earns its name with one macro call and a function that makes its [`Subject`]. Laws
//! speak only through the port; the tests below hand the suite broken routers, since a suite that
//! has never failed proves nothing.
#![allow(clippy::missing_panics_doc, reason = "a panic is how a law fails")]

use std::sync::Arc;

use crate::{
    ErrorKind,
    geo::{Position, flat_distance_m, great_circle_m},
    route::{Network, Plan, Route, Router},
};

/// A router under test, and places that it must or must not know.
#[derive(Debug)]
pub struct Subject {
    /// The router.
    pub router: Box<dyn Router>,
    /// Pairs of places near roads, with a way between them; at least one.
    pub pairs: Vec<(Position, Position)>,
    /// A place farther from any road than the router snaps.
    pub nowhere: Position,
    /// The roads that its routes speak of.
    pub network: Arc<Network>,
}

impl Subject {
    /// A router on the bundled roads: the published routes, there and back, are its pairs, and a
    /// place in the Bay of Bengal is nowhere.
    pub fn ne_india(router: Box<dyn Router>) -> Self {
        let network = Network::ne_india();
        let place = |ix| network.node_at(ix).position;
        let there = network.reference_routes().iter().map(|r| (place(r.from), place(r.to)));
        let pairs = there.flat_map(|(from, to)| [(from, to), (to, from)]).collect();
        let nowhere = Position { lat: 15.0, lon: 88.0 };
        Self { router, pairs, nowhere, network: Arc::clone(network) }
    }

    /// Every pair with its route.
    async fn routes(&self) -> Vec<(Position, Position, Arc<Route>)> {
        assert!(!self.pairs.is_empty(), "laws need pairs to speak of");
        let mut routes = Vec::with_capacity(self.pairs.len());
        for (from, to) in &self.pairs {
            let route = self.router.route(*from, *to).await;
            routes.push((*from, *to, route.expect("the pairs have a way between them")));
        }
        routes
    }
}

/// No road is shorter than the great circle (0.5 % of it are the difference of two rulers).
pub async fn a_route_is_at_least_the_great_circle(subject: Subject) {
    for (from, to, route) in subject.routes().await {
        let straight_m = great_circle_m(route.from.position, route.to.position);
        assert!(route.length_m >= 0.995 * straight_m, "{from:?} to {to:?}: {}", route.length_m);
        assert!(route.duration_s >= route.length_m / (150.0 / 3.6), "faster than 150 km/h");
    }
}

/// Ends lie on the road, as far from where they were asked for as they say.
pub async fn ends_lie_where_they_were_asked_for(subject: Subject) {
    for (from, to, route) in subject.routes().await {
        for (asked, end) in [(from, &route.from), (to, &route.to)] {
            let off_m = flat_distance_m(asked, end.position);
            assert!((off_m - end.snapped_m).abs() < 1.0, "{asked:?}: {off_m} m off, {end:?}");
        }
    }
}

/// The pieces make one line from end to end, and add up to the length.
pub async fn pieces_join_and_add_up(subject: Subject) {
    for (from, to, route) in subject.routes().await {
        let (mut at_m, mut place) = (0.0, route.from.position);
        for piece in &route.pieces {
            assert!(piece.length_m > 0.0, "{from:?} to {to:?}: {piece:?}");
            assert!((piece.start_m - at_m).abs() < 0.01, "{from:?} to {to:?}: gap at {at_m} m");
            assert!(flat_distance_m(place, piece.from) < 1.0, "{from:?} to {to:?}: {piece:?}");
            (at_m, place) = (piece.end_m(), piece.to);
        }
        assert!((at_m - route.length_m).abs() < 0.01, "{from:?} to {to:?}: {at_m} m of pieces");
        assert!(flat_distance_m(place, route.to.position) < 1.0, "{from:?} to {to:?}: {place:?}");
    }
}

/// What stands along the way is told in driving order, and stands along the way.
pub async fn stops_come_in_driving_order(subject: Subject) {
    for (from, to, route) in subject.routes().await {
        for stops in [&route.stations, &route.rest_areas, &route.tolls] {
            let sorted = stops.is_sorted_by(|a, b| a.at_m <= b.at_m);
            let within = stops.iter().all(|stop| (0.0..=route.length_m).contains(&stop.at_m));
            assert!(sorted && within, "{from:?} to {to:?}: {stops:?}");
        }
    }
}

/// The same question has the same answer.
pub async fn asking_again_gives_the_same(subject: Subject) {
    let (first, again) = (subject.routes().await, subject.routes().await);
    for ((from, to, first), (.., again)) in first.iter().zip(&again) {
        assert!(first == again, "{from:?} to {to:?}");
    }
}

/// A plan, kept as bytes and read again, becomes the route that was answered.
pub async fn a_plan_that_was_kept_becomes_the_route_again(subject: Subject) {
    for (from, to, route) in subject.routes().await {
        let plan = subject.router.plan(from, to).await.expect("there is a way");
        let kept = Plan::decode(&plan.encode()).expect("it was encoded a moment ago");
        assert_eq!(kept, plan, "{from:?} to {to:?}");
        let again = kept.route(&subject.network).expect("its line can be read");
        let off_m = (again.length_m - route.length_m).abs();
        assert!(off_m < 2.0, "{from:?} to {to:?}: {off_m} m off");
        let same = again.pieces.iter().map(|piece| piece.segment);
        let is_same = same.eq(route.pieces.iter().map(|piece| piece.segment));
        assert!(is_same, "{from:?} to {to:?}: other roads");
        let stops = |route: &Route| [route.stations.len(), route.tolls.len(), route.towns.len()];
        assert_eq!(stops(&again), stops(&route), "{from:?} to {to:?}");
    }
}

/// A place far from any road is not found, at either end.
pub async fn far_places_are_not_found(subject: Subject) {
    let here = subject.pairs[0].0;
    for (from, to) in [(here, subject.nowhere), (subject.nowhere, here)] {
        let error = subject.router.route(from, to).await.expect_err("nowhere has no road");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}

/// What is no place on the globe is refused as such.
pub async fn impossible_places_are_invalid(subject: Subject) {
    let here = subject.pairs[0].0;
    for (lat, lon) in [(91.0, 0.0), (0.0, 181.0), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
        let error = subject.router.route(here, Position { lat, lon }).await;
        let error = error.expect_err("this is not on the globe");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}

/// Makes every law a test of its own, under the law's name. `$subject` is an `Option<Subject>`:
/// `None` says that the server is absent: the law is skipped, or with `FLEET_TEST_REQUIRE=1`
/// broken.
#[macro_export]
macro_rules! router_laws {
    ($subject:expr) => {
        $crate::router_laws!(
            $subject,
            a_route_is_at_least_the_great_circle,
            ends_lie_where_they_were_asked_for,
            pieces_join_and_add_up,
            stops_come_in_driving_order,
            asking_again_gives_the_same,
            a_plan_that_was_kept_becomes_the_route_again,
            far_places_are_not_found,
            impossible_places_are_invalid
        );
    };
    ($subject:expr, $($law:ident),+) => {$(
        #[tokio::test]
        async fn $law() {
            match $subject {
                Some(subject) => $crate::testkit::router_laws::$law(subject).await,
                None => assert!(!$crate::testkit::required(), "no server, and it is required"),
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use async_trait::async_trait;

    use super::{Arc, Plan, Position, Route, Router, Subject};
    use crate::{Result, route::BuiltinRouter};

    crate::router_laws!(Some(Subject::ne_india(Box::new(BuiltinRouter::ne_india()))));

    /// How a router may be broken.
    #[derive(Clone, Copy, Debug)]
    enum Fault {
        ShortCuts,
        Gaps,
        SnapsSilently,
        StopsOutOfOrder,
        Wavers,
        PlansTheWayBack,
        SnapsAnywhere,
        BelievesAnything,
    }

    #[derive(Debug)]
    struct Broken(BuiltinRouter, Fault, AtomicU64);

    #[async_trait]
    impl Router for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }

        async fn route(&self, from: Position, to: Position) -> Result<Arc<Route>> {
            let place = |at: Position| match Position::new(at.lat, at.lon) {
                Err(_) if matches!(self.1, Fault::BelievesAnything) => {
                    Position { lat: 26.0, lon: 92.0 }
                }
                _ => at,
            };
            let mut route = (*self.0.route(place(from), place(to)).await?).clone();
            match self.1 {
                Fault::ShortCuts => route.length_m /= 10.0,
                Fault::Gaps => route.pieces = route.pieces.iter_from(1).collect(),
                Fault::SnapsSilently => route.to.position.lat += 0.1,
                Fault::StopsOutOfOrder => route.stations.reverse(),
                Fault::Wavers => route.duration_s += self.2.fetch_add(1, Relaxed) as f64,
                Fault::PlansTheWayBack | Fault::SnapsAnywhere | Fault::BelievesAnything => {}
            }
            Ok(Arc::new(route))
        }

        async fn plan(&self, from: Position, to: Position) -> Result<Plan> {
            match self.1 {
                Fault::PlansTheWayBack => self.0.plan(to, from).await,
                _ => self.0.plan(from, to).await,
            }
        }
    }

    fn broken(fault: Fault) -> Subject {
        let snap_max_m = match fault {
            Fault::SnapsAnywhere | Fault::BelievesAnything => f64::INFINITY,
            _ => 5_000.0,
        };
        let router = BuiltinRouter::ne_india().with_snap_max_m(snap_max_m);
        Subject::ne_india(Box::new(Broken(router, fault, AtomicU64::new(0))))
    }

    /// Each law with the router that it must reject.
    #[tokio::test]
    async fn every_law_rejects_a_router_that_breaks_it() {
        let laws = [
            tokio::spawn(super::a_route_is_at_least_the_great_circle(broken(Fault::ShortCuts))),
            tokio::spawn(super::ends_lie_where_they_were_asked_for(broken(Fault::SnapsSilently))),
            tokio::spawn(super::pieces_join_and_add_up(broken(Fault::Gaps))),
            tokio::spawn(super::stops_come_in_driving_order(broken(Fault::StopsOutOfOrder))),
            tokio::spawn(super::asking_again_gives_the_same(broken(Fault::Wavers))),
            tokio::spawn(super::a_plan_that_was_kept_becomes_the_route_again(broken(
                Fault::PlansTheWayBack,
            ))),
            tokio::spawn(super::far_places_are_not_found(broken(Fault::SnapsAnywhere))),
            tokio::spawn(super::impossible_places_are_invalid(broken(Fault::BelievesAnything))),
        ];
        for (ix, law) in laws.into_iter().enumerate() {
            assert!(law.await.is_err(), "law {ix} passes a broken router, so it is no law");
        }
    }
}
