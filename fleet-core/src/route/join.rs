//! Several routes driven one after another.

use super::path::{Route, StopOnRoute};
use crate::{Error, Result};

impl Route {
    /// One route over all of `parts`, each of which starts where the one before it ends.
    ///
    /// ```
    /// use fleet_core::route::{BuiltinRouter, Route};
    /// let router = BuiltinRouter::ne_india();
    /// let node = |id| router.network().node(id).ok_or("no such place");
    /// let there = router.route_nodes(node("guwahati")?, node("shillong")?)?;
    /// let on = router.route_nodes(node("shillong")?, node("dawki")?)?;
    /// let both = Route::join([&*there, &*on])?;
    /// assert_eq!(both.length_m, there.length_m + on.length_m);
    /// assert!(Route::join([&*on, &*there]).is_err(), "Dawki is not Guwahati");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Invalid` if there is no part, if one starts elsewhere than the one before it ends, or if
    /// they are of different versions of a network.
    pub fn join<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Result<Self> {
        let mut parts = parts.into_iter();
        let first = parts.next().ok_or_else(|| Error::invalid("route: nothing to join"))?;
        let mut whole = first.clone();
        for part in parts {
            if part.from.position != whole.to.position {
                return Err(Error::invalid(
                    "route: a part starts elsewhere than the last one ends",
                ));
            }
            if part.version != whole.version {
                return Err(Error::invalid("route: parts of different versions of the network"));
            }
            whole.append(part);
        }
        Ok(whole)
    }

    fn append(&mut self, part: &Self) {
        let base_m = self.length_m;
        let moved = |stops: &[StopOnRoute]| -> Vec<StopOnRoute> {
            let stops = stops.iter();
            stops.map(|stop| StopOnRoute { at_m: stop.at_m + base_m, ..*stop }).collect()
        };
        let stations = moved(&part.stations);
        append_new(&mut self.stations, stations, base_m);
        append_new(&mut self.rest_areas, moved(&part.rest_areas), base_m);
        append_new(&mut self.tolls, moved(&part.tolls), base_m);
        self.pieces.extend(&part.pieces, base_m);
        let is_new = |node| self.towns.last() != Some(&(node, base_m));
        let towns = part.towns.iter().map(|(node, at_m)| (*node, at_m + base_m));
        let towns: Vec<_> = towns.filter(|(node, at_m)| *at_m > base_m || is_new(*node)).collect();
        self.towns.extend(towns);
        self.length_m += part.length_m;
        self.duration_s += part.duration_s;
        self.to = part.to;
    }
}

/// Appends what stands behind the seam: what stands on it is in the part before already.
fn append_new(stops: &mut Vec<StopOnRoute>, more: Vec<StopOnRoute>, seam_m: f64) {
    let here: Vec<usize> =
        stops.iter().rev().take_while(|stop| stop.at_m >= seam_m).map(|stop| stop.index).collect();
    let is_new = |stop: &StopOnRoute| stop.at_m > seam_m || !here.contains(&stop.index);
    stops.extend(more.into_iter().filter(is_new));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geo::Position, route::BuiltinRouter};

    fn joined(ids: &[&str]) -> Route {
        let router = BuiltinRouter::ne_india();
        let node = |id: &str| router.network().node(id).unwrap();
        let parts: Vec<_> = ids
            .windows(2)
            .map(|pair| router.route_nodes(node(pair[0]), node(pair[1])).unwrap())
            .collect();
        Route::join(parts.iter().map(|part| &**part)).unwrap()
    }

    #[test]
    fn a_way_joined_at_a_place_it_passes_is_the_way_itself() {
        let (whole, parts) =
            (joined(&["guwahati", "silchar"]), joined(&["guwahati", "shillong", "silchar"]));
        assert_eq!(whole, parts);
    }

    #[test]
    fn pieces_of_a_detour_join_and_add_up() {
        let route = joined(&["guwahati", "shillong", "guwahati", "guwahati", "tezpur"]);
        let mut at_m = 0.0;
        for piece in &route.pieces {
            assert!((piece.start_m - at_m).abs() < 1e-9, "{at_m}");
            at_m = piece.end_m();
        }
        assert!((at_m - route.length_m).abs() < 1e-9);
        assert!(route.towns.windows(2).all(|pair| pair[0].1 < pair[1].1), "{:?}", route.towns);
        assert!(route.stations.is_sorted_by_key(|stop| stop.at_m));
        assert_eq!(route.line().len(), route.pieces.len() + 1);
    }

    #[test]
    fn a_seam_on_a_road_or_at_a_pump_counts_once() {
        let router = BuiltinRouter::ne_india();
        let network = router.network();
        let site = network.fuel_stations()[0].site;
        let node = |id: &str| network.node_at(network.node(id).unwrap()).position;
        let route = |from: Position, to: Position| router.route_between(from, to).unwrap();
        let (a, b) = (route(node("guwahati"), site.position), route(site.position, node("tezpur")));
        let both = Route::join([&*a, &*b]).unwrap();
        let here = both.stations.iter().filter(|stop| stop.index == 0);
        assert!((1..=2).contains(&here.count()), "passed on the way there and back at most");
        assert!((both.length_m - a.length_m - b.length_m).abs() < 1e-9);
    }

    #[test]
    fn parts_that_do_not_join_are_refused() {
        assert!(Route::join([]).is_err());
        let (a, b) = (joined(&["guwahati", "tezpur"]), joined(&["guwahati", "tezpur"]));
        assert!(Route::join([&a, &b]).is_err());
        let back = Route { version: 99, ..joined(&["tezpur", "guwahati"]) };
        assert!(Route::join([&a, &back]).is_err());
    }
}
