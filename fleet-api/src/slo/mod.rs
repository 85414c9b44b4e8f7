//! Service levels: what is counted, what is asked of it, and what is told.
//!
//! Each [`Level`] is a [`Tally`] of good and bad that its owner counts where it happens: requests here,
//! events in the pipeline. A watch reads the tallies every ten seconds into histories of 30 days
//! and five minutes, and keeps them in the state store; a Prometheus may be asked instead.

mod saved;
mod shown;
mod watch;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use fleet_core::{
    Result,
    settings::Values,
    slo::{
        CountSource, Objective, Tally,
        prometheus::{PrometheusCounts, PrometheusSettings},
    },
};

pub(crate) use shown::{Slo, SloAlert, SloBurn, SloOutage, SloWindow};
pub(crate) use watch::{Watch, run};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Requests that were not answered by our own fault.
    Availability,
    /// Answers that began in time.
    Latency,
    /// Trucks that were heard of lately, each half minute.
    Freshness,
    /// Accepted events that could soon be asked for.
    Queryable,
    /// Reports without a gap in the numbers of their truck.
    Completeness,
    /// Records that could be handled.
    Correctness,
    /// Trips that ended when promised.
    OnTime,
}

impl Level {
    /// Every one, in the order that they are told.
    pub const ALL: [Self; 7] = [
        Self::Availability,
        Self::Latency,
        Self::Freshness,
        Self::Queryable,
        Self::Completeness,
        Self::Correctness,
        Self::OnTime,
    ];

    /// Its name in paths, settings and metrics, e.g. `on_time`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Availability => "availability",
            Self::Latency => "latency",
            Self::Freshness => "freshness",
            Self::Queryable => "queryable",
            Self::Completeness => "completeness",
            Self::Correctness => "correctness",
            Self::OnTime => "on_time",
        }
    }

    /// What is good, and what of: a sentence for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Availability => "requests and calls that did not fail by the server's fault",
            Self::Latency => "answers that began within the limit, of those that were no failure",
            Self::Freshness => "trucks heard of lately, of all that are known, each half minute",
            Self::Queryable => "accepted events that the store had within 5 s",
            Self::Completeness => "reports that came, of those their numbers say were made",
            Self::Correctness => "records handled, of all that were not set aside",
            Self::OnTime => "trips that ended when promised, of all that ended",
        }
    }

    /// The objective unless told otherwise, parts per million that may fail.
    pub const fn default_budget_ppm(self) -> u32 {
        match self {
            Self::Availability | Self::Completeness | Self::Correctness => 1_000,
            Self::Latency | Self::Freshness => 10_000,
            Self::Queryable => 50_000,
            Self::OnTime => 100_000,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is asked of the service levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SloSettings {
    /// By level, in the order of [`Level::ALL`].
    pub objectives: [Objective; 7],
    /// An answer that begins later is slow.
    pub latency: Duration,
    /// A truck that was not heard of for so long, platform time, is not fresh.
    pub fresh_within: Duration,
    /// A Prometheus to ask for the counts; absent: what this process counts.
    pub source: Option<String>,
}

impl Default for SloSettings {
    /// The objectives of [`Level::default_budget_ppm`], 250 ms, and 60 s.
    fn default() -> Self {
        Self {
            objectives: Level::ALL.map(|level| {
                let budget_ppm = level.default_budget_ppm();
                Objective::from_budget_ppm(budget_ppm).expect("the defaults are in range")
            }),
            latency: Duration::from_millis(250),
            fresh_within: Duration::from_secs(60),
            source: None,
        }
    }
}

impl SloSettings {
    /// What is said about them; the defaults where nothing is.
    pub(crate) fn read(values: &mut Values) -> Self {
        let mut slo = Self::default();
        for level in Level::ALL {
            let rule = "percent with at most four decimals, above 0 and below 100, like 99.9";
            let objective = values.get(&format!("slo_{level}"), rule, |text| text.parse().ok());
            slo.objectives[level as usize] = objective.unwrap_or(slo.objective(level));
        }
        let ms = |text: &str| text.parse().ok().filter(|ms| (1..=60_000).contains(ms));
        if let Some(ms) = values.get("slo_latency_ms", "1 to 60000", ms) {
            slo.latency = Duration::from_millis(ms);
        }
        let source = |text: &str| match text {
            "in-process" => Some(None),
            url => PrometheusSettings::check_url(url).ok().map(|()| Some(url.to_owned())),
        };
        let rule = "in-process, or the address of a Prometheus like http://127.0.0.1:9090";
        slo.source = values.get("slo_source", rule, source).flatten();
        slo
    }

    /// Trucks that are simulated slower than time goes, by a factor below 1, report less often, so
    /// they are given more of it.
    pub fn at_speed(&mut self, factor: f64) {
        self.fresh_within = Duration::from_secs(60).div_f64(factor.clamp(0.001, 1.0));
    }

    /// What is asked of `level`.
    pub const fn objective(&self, level: Level) -> Objective {
        self.objectives[level as usize]
    }

    /// Why some alerts can never fire at these objectives, a line each.
    pub fn unreachable(&self) -> Vec<String> {
        let reasons = |level: Level| {
            let objective = self.objective(level);
            let reasons = fleet_core::slo::Alert::ALL.into_iter();
            reasons.filter_map(move |alert| {
                alert.why_unreachable(objective).map(|why| format!("slo {level}: {why}"))
            })
        };
        Level::ALL.into_iter().flat_map(reasons).collect()
    }
}

/// Where the settings say that counts come from; `None`: what this process counts.
///
/// # Errors
/// `Invalid` for an address that is none.
pub fn source(settings: &SloSettings) -> Result<Option<Arc<dyn CountSource>>> {
    let Some(url) = &settings.source else { return Ok(None) };
    let names = Level::ALL.map(Level::as_str);
    Ok(Some(Arc::new(PrometheusCounts::new(&PrometheusSettings::new(url), names)?)))
}

/// Tallies that are counted outside of the API. A level that is missing is not watched: it is told as
/// `no_data`, not as a good one.
pub type Tallies = BTreeMap<Level, Tally>;
