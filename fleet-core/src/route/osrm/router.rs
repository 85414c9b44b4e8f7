//! OSRM as a [`Router`].

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::{
    Geometry, OsrmClient, OsrmSettings, OsrmStats, RouteQuery, Way,
    answer::{RouteAnswer, WayLeg},
};
use crate::{
    Error, Result,
    geo::Position,
    random::Stream,
    route::{Answered, Network, Plan, Route, Router, cache::Cache},
    time::Clock,
};

/// Degrees of both ends times a million: what OSRM tells apart.
type Key = [i32; 4];

/// A kept route, and when it was asked for, microseconds.
type Kept = (Arc<Route>, u64);

/// After that a kept route is asked for again: the server's data may be other data by then.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// [`Router`] on an OSRM server: its ways, laid upon a [`Network`] for what OSRM does not know.
///
/// See [`Plan::route`] for what is taken from where. Routes are kept for ten minutes, up to the
/// number that the settings say, and until the server's data is seen to have another version.
/// [`plan`](Router::plan) always asks.
#[derive(Debug)]
pub struct OsrmRouter {
    client: OsrmClient,
    network: Arc<Network>,
    clock: Arc<dyn Clock>,
    kept: Cache<Key, Kept>,
    hits: AtomicU64,
}

impl OsrmRouter {
    /// A router on the server that `settings` name; nothing is asked yet.
    ///
    /// # Errors
    /// `Invalid`, naming the setting and the rule.
    pub fn new(
        settings: OsrmSettings,
        network: Arc<Network>,
        clock: Arc<dyn Clock>,
        jitter: Stream,
    ) -> Result<Self> {
        let kept = Cache::new(settings.cache_routes);
        let client = OsrmClient::new(settings, Arc::clone(&clock), jitter)?;
        Ok(Self { client, network, clock, kept, hits: AtomicU64::new(0) })
    }

    /// The client behind it, for tables, matching and alternatives.
    pub fn client(&self) -> &OsrmClient {
        &self.client
    }

    /// What it has done so far.
    pub fn stats(&self) -> OsrmStats {
        OsrmStats { cache_hits: self.hits.load(Ordering::Relaxed), ..self.client.stats() }
    }

    /// Asks whether there is an OSRM: for any road, wherever it is.
    ///
    /// # Errors
    /// Those of [`OsrmClient::nearest`], but none because there is no road near.
    pub async fn check(&self) -> Result<()> {
        let place = self.network.nodes().first().map(|node| node.position);
        let place = place.ok_or_else(|| Error::invalid("the network has no place"))?;
        match self.client.nearest(place.into(), 1).await {
            Err(error) if error.kind() != crate::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn key(from: Position, to: Position) -> Key {
    [from.lat, from.lon, to.lat, to.lon].map(|degrees| (degrees * 1e6).round() as i32)
}

/// The speeds on the edges of a way's line, km/h; the mean where the annotation does not follow it.
fn speeds_kmh(way: &Way) -> Vec<f64> {
    let edges = way.line.len().saturating_sub(1);
    let told = |leg: &WayLeg| leg.annotation.as_ref().map(|told| told.speed_mps.clone());
    let told: Option<Vec<f64>> =
        way.legs.iter().map(told).collect::<Option<Vec<_>>>().map(|legs| legs.concat());
    match told {
        Some(speeds_mps) if speeds_mps.len() == edges => {
            speeds_mps.into_iter().map(|speed_mps| round_to_tenth(speed_mps * 3.6)).collect()
        }
        _ => vec![round_to_tenth(way.distance_m * 3.6 / way.duration_s.max(0.1)); edges],
    }
}

/// OSRM tells 0.1 m/s: more decimals would be none.
fn round_to_tenth(kmh: f64) -> f64 {
    (kmh * 10.0).round() / 10.0
}

fn planned(answer: &RouteAnswer) -> Result<Plan> {
    let (way, ends) = (&answer.routes[0], &answer.waypoints);
    Plan::new(&Answered {
        router: "osrm",
        data_version: answer.data_version.as_deref(),
        length_m: way.distance_m,
        duration_s: way.duration_s,
        snapped_m: (ends[0].snapped_m, ends[ends.len() - 1].snapped_m),
        line: &way.line,
        speeds_kmh: &speeds_kmh(way),
    })
}

#[async_trait]
impl Router for OsrmRouter {
    fn name(&self) -> &'static str {
        "osrm"
    }

    async fn route(&self, from: Position, to: Position) -> Result<Arc<Route>> {
        let (key, now_us) = (key(from, to), self.clock.monotonic_us());
        let age = |then_us: u64| Duration::from_micros(now_us.saturating_sub(then_us));
        if let Some((route, _)) = self.kept.get(key).filter(|kept| age(kept.1) < KEPT_FOR) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(route);
        }
        let before = self.client.stats().data_version;
        let plan = self.plan(from, to).await?;
        if before.as_deref() != plan.data_version() {
            self.kept.clear();
        }
        let route = Arc::new(plan.route(&self.network)?);
        self.kept.put(key, &(Arc::clone(&route), now_us));
        Ok(route)
    }

    async fn plan(&self, from: Position, to: Position) -> Result<Plan> {
        let query = RouteQuery {
            geometry: Geometry::Polyline6,
            annotations: true,
            ..RouteQuery::between(from, to)
        };
        planned(&self.client.route(&query).await?)
    }
}
