//! The real OSRM, asked over HTTP. Feature `osrm`.
//!
//! [`OsrmClient`] asks for routes, tables, the nearest roads and the path of a trace. It is bounded
//! in every respect (time, size of answers, questions at once), asks again where that may help, and
//! leaves a server that keeps failing alone for a while. Every place is sent with a radius: OSRM
//! itself moves a place in Germany to a road in India, and says `Ok`.
//!
//! [`OsrmRouter`] is the [`Router`](super::Router) made of it: what OSRM draws is laid upon a
//! [`Network`](super::Network), from which it takes what OSRM does not know.
//!
//! The shapes of questions and answers are those of OSRM 26, and tested against the real server.
//!
//! ```no_run
//! # async fn example() -> fleet_core::Result<()> {
//! use std::sync::Arc;
//! use fleet_core::{geo::Position, random::Stream, time::SystemClock};
//! use fleet_core::route::osrm::{Fault, OsrmClient, OsrmSettings, RouteQuery};
//! let settings = OsrmSettings::new("http://127.0.0.1:5000");
//! let jitter = Stream::new(1, "my program", "osrm");
//! let osrm = OsrmClient::new(settings, Arc::new(SystemClock::new()), jitter)?;
//! let (guwahati, shillong) =
//!     (Position::new(26.1844, 91.7458)?, Position::new(25.5689, 91.8831)?);
//! match osrm.route(&RouteQuery::between(guwahati, shillong)).await {
//!     Ok(answer) => assert!(answer.routes[0].distance_m > 99_000.0),
//!     Err(error) if Fault::of(&error) == Some(&Fault::NoRoute) => {} // an island?
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod breaker;
mod fault;
mod http;
mod query;
mod router;
mod settings;
mod stats;

use std::sync::Arc;

use hyper::Uri;

use self::http::{Answer, Http};
pub use self::{
    answer::{
        Annotation, MatchAnswer, MatchedFix, Matching, RouteAnswer, Snapped, TableAnswer, Way,
        WayLeg,
    },
    breaker::Circuit,
    fault::Fault,
    query::{Bearing, Fix, Geometry, MatchQuery, RouteQuery, TableQuery, Waypoint},
    router::OsrmRouter,
    settings::OsrmSettings,
    stats::{LATENCY_BOUNDS_S, OsrmStats},
};
use crate::{Error, Result, random::Stream, time::Clock};

/// The longest address, bytes: a server with OSRM's usual limits reads 25,024 of a request's head,
/// and closes the connection without a word beyond that.
const ADDRESS_BYTES_MAX: usize = 24_000;

/// A client of one OSRM server. Questions may be asked from many tasks at once.
#[derive(Debug)]
pub struct OsrmClient {
    settings: OsrmSettings,
    base: String,
    http: Http,
}

impl OsrmClient {
    /// A client of the server that `settings` name; nothing is asked yet. `clock` measures how long
    /// answers take, `jitter` spreads attempts.
    ///
    /// # Errors
    /// `Invalid`, naming the setting and the rule.
    pub fn new(settings: OsrmSettings, clock: Arc<dyn Clock>, jitter: Stream) -> Result<Self> {
        let base = settings.check()?;
        let http = Http::new(&settings, clock, jitter);
        Ok(Self { settings, base, http })
    }

    /// How it asks.
    pub fn settings(&self) -> &OsrmSettings {
        &self.settings
    }

    /// What it has done so far.
    pub fn stats(&self) -> OsrmStats {
        self.http.stats()
    }

    /// The fastest way through waypoints, and others if the question wants them.
    ///
    /// # Errors
    /// `NotFound` if there is no way, or no road near a waypoint; `Invalid` for a question that the
    /// server refuses, and for a server that is none; `Conflict` if its data is of another version
    /// than the settings want; `Unavailable` if it does not answer now. [`Fault::of`] tells more.
    pub async fn route(&self, query: &RouteQuery) -> Result<RouteAnswer> {
        let address = query.address(&self.base, &self.settings)?;
        let points = query.waypoints.len();
        let answer = self.ask("route", &address, |answer, expected| {
            answer::routes(answer, points, query.geometry, expected)
        });
        let answer = answer.await?;
        self.http.counts.data_is(answer.data_version.as_deref());
        Ok(answer)
    }

    /// Durations and lengths from every source to every destination.
    ///
    /// # Errors
    /// As [`route`](Self::route); a pair without a way is `None` in the table, not an error.
    pub async fn table(&self, query: &TableQuery) -> Result<TableAnswer> {
        let address = query.address(&self.base, &self.settings)?;
        self.ask("table", &address, |answer, expected| {
            answer::table(answer, query.shape(), expected)
        })
        .await
    }

    /// The `number` nearest places on roads (100 at most, unless the server allows more), nearest
    /// first.
    ///
    /// # Errors
    /// As [`route`](Self::route).
    pub async fn nearest(&self, place: Waypoint, number: u8) -> Result<Vec<Snapped>> {
        let address = query::nearest(&self.base, &self.settings, place, number)?;
        self.ask("nearest", &address, answer::nearest).await
    }

    /// The path that a trace follows.
    ///
    /// # Errors
    /// As [`route`](Self::route).
    pub async fn matching(&self, query: &MatchQuery) -> Result<MatchAnswer> {
        let address = query.address(&self.base, &self.settings)?;
        let fixes = query.fixes.len();
        self.ask("match", &address, |answer, expected| {
            answer::matching(answer, fixes, query.geometry, expected)
        })
        .await
    }

    async fn ask<T: Send>(
        &self,
        service: &str,
        address: &str,
        read: impl Fn(&Answer, Option<&str>) -> Result<T, Fault> + Send + Sync,
    ) -> Result<T> {
        let failed = |fault: Fault| {
            let base = &self.base;
            Error::new(fault.kind(), format!("OSRM at {base}, {service}")).with_source(fault)
        };
        if address.len() > ADDRESS_BYTES_MAX {
            let said = format!("the address would have {} bytes", address.len());
            return Err(failed(Fault::TooBig(said)));
        }
        let uri: Uri = address
            .parse()
            .map_err(|error| Error::internal("an address of OSRM").with_source(error))?;
        let expected = self.settings.data_version.as_deref();
        self.http.get(&uri, |answer| read(answer, expected)).await.map_err(failed)
    }
}
