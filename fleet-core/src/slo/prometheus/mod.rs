//! Counts of service levels from a Prometheus server.
//!
//! Not `increase()`: it extrapolates to fractions, and 30 days of it are either a query over raw
//! samples or a mean of means. Here the samples of the counters themselves are read, once each, and
//! counted as the process counts its own: per series, resets by [`increase`], into the same
//! [`History`]. So the same counters give the same counts, whole numbers, whoever kept them.
//!
//! The first question reads 30 days, a day at a time; later ones what is new since. A series that
//! appears in mid-window began at 0 (ours are born so); one that is there when the window begins has
//! its first sample for its start.

mod http;
mod samples;

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{CountSource, Counts, History, Windows, increase};
use crate::{Error, Result, time::Time};

use http::Http;
use samples::Series;

/// What one question asks for, at most.
const STEP_MS: i64 = 86_400_000;
/// How far back each question reads again: a scrape has the time it began, and is seen when it ends.
const OVERLAP_MS: i64 = 60_000;
/// A series that is there so early in the window was there before it.
const LOOKBACK_MS: i64 = 300_000;
/// Buckets of the five-minute window.
const SHORT_MS: i64 = 10_000;
/// The window, and the bucket that it begins in.
const MONTH_MS: i64 = 30 * 86_400_000;

/// Where a server is and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrometheusSettings {
    /// `http://host[:port][/prefix]`.
    pub url: String,
    /// Further matchers for the counters, like `job="fleet",cluster="north"`; empty: all there are.
    pub matchers: String,
    /// How long until a whole answer is there, at most.
    pub answer_timeout: Duration,
    /// The largest answer, bytes. A day of one process, scraped every 15 s, is about 3 MB.
    pub body_bytes_max: usize,
}

impl PrometheusSettings {
    /// The server at `url`: all counters, 10 s, 256 MiB.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            matchers: String::new(),
            answer_timeout: Duration::from_secs(10),
            body_bytes_max: 256 << 20,
        }
    }

    /// Whether `url` is one that is spoken to.
    ///
    /// # Errors
    /// `Invalid`, with what is wrong with it.
    pub fn check_url(url: &str) -> Result<()> {
        http::base(url).map(drop)
    }
}

/// A [`CountSource`] that reads `fleet_slo_events_total{slo, outcome}` from Prometheus. Feature
/// `prometheus`.
pub struct PrometheusCounts {
    http: Http,
    query: String,
    // Held while a question is under way: others wait for its answer instead of asking the same.
    read: Mutex<Read>,
}

impl fmt::Debug for PrometheusCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusCounts").field("query", &self.query).finish_non_exhaustive()
    }
}

/// What was read so far.
#[derive(Debug)]
struct Read {
    histories: BTreeMap<String, History>,
    /// By the labels of a series: its last sample.
    last: BTreeMap<String, (Time, u64)>,
    /// Where the window began when reading began, and where it ended last.
    from: Option<Time>,
    until: Option<Time>,
}

impl PrometheusCounts {
    /// A source for these service levels. Asks nothing yet.
    ///
    /// # Errors
    /// `Invalid` for a URL that is none, or settings of zero.
    pub fn new<'a>(
        settings: &PrometheusSettings,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self> {
        let comma = if settings.matchers.is_empty() { "" } else { "," };
        let histories = names.into_iter().map(|name| (name.to_owned(), History::new())).collect();
        Ok(Self {
            http: Http::new(settings)?,
            query: format!("fleet_slo_events_total{{slo!=\"\"{comma}{}}}", settings.matchers),
            read: Mutex::new(Read { histories, last: BTreeMap::new(), from: None, until: None }),
        })
    }

    /// Reads on up to `now`.
    async fn read_on(&self, read: &mut Read, now: Time) -> Result<()> {
        if read.until.is_some_and(|until| until >= now) {
            return Ok(());
        }
        // Who was not asked for a month begins anew.
        let begin = now.plus_ms(-MONTH_MS);
        let mut at = read.until.filter(|until| *until > begin).unwrap_or(begin);
        while at < now {
            let to = at.plus_ms(STEP_MS).min(now);
            let reach_ms = to.ms_since(at) + OVERLAP_MS;
            let body = self.http.query(&format!("{}[{reach_ms}ms]", self.query), to).await?;
            let told = samples::read(&body)?;
            let oldest = told.iter().filter_map(|series| series.samples.first()).map(|(at, _)| *at);
            if let (None, Some(oldest)) = (read.from, oldest.min()) {
                // What a counter showed when the server first looked belongs to no bucket.
                read.from = Some(oldest.max(begin));
            }
            let from = read.from.unwrap_or(begin);
            for series in &told {
                read.take(series, from, now);
            }
            at = to;
            read.until = Some(to);
        }
        // Of a process that is gone for so long nothing new is to be expected.
        read.last.retain(|_, (seen, _)| *seen >= begin);
        Ok(())
    }
}

impl Read {
    /// Counts the samples of a series that are new.
    fn take(&mut self, series: &Series, from: Time, now: Time) {
        let Some(history) = self.histories.get_mut(&series.slo) else { return };
        for &(at, value) in &series.samples {
            let before = match self.last.get(&series.labels).copied() {
                Some((seen, _)) if at <= seen => continue,
                Some((seen, value)) => {
                    // Between two scrapes somebody watches; only the short window can see it.
                    let mut between = seen.plus_ms(SHORT_MS);
                    let is_seen =
                        at.ms_since(seen) <= LOOKBACK_MS && now.ms_since(seen) < 2 * LOOKBACK_MS;
                    while is_seen && between < at {
                        history.record(between, Counts::default());
                        between = between.plus_ms(SHORT_MS);
                    }
                    value
                }
                None if at.ms_since(from) <= LOOKBACK_MS => value,
                None => 0,
            };
            let grown = increase(before, value);
            let (good, bad) = if series.is_good { (grown, 0) } else { (0, grown) };
            history.record(at, Counts { good, bad });
            self.last.insert(series.labels.clone(), (at, value));
        }
    }
}

#[async_trait]
impl CountSource for PrometheusCounts {
    async fn windows(&self, name: &str, now: Time) -> Result<Windows> {
        let mut read = self.read.lock().await;
        if !read.histories.contains_key(name) {
            return Err(Error::not_found(format!("slo {name}: not known")));
        }
        self.read_on(&mut read, now).await?;
        let history = read.histories.get(name);
        let history = history.ok_or_else(|| Error::internal("a history was lost"))?;
        Ok(history.windows(now))
    }
}
