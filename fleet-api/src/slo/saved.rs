//! Histories as they are kept in the state store: a value for each day of the month, replaced as the
//! day goes on.

use std::collections::BTreeMap;

use bytes::Bytes;
use fleet_core::{
    Error, Result,
    slo::{Counts, Histories},
    state::StateStore,
    time::Time,
};
use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 86_400_000;
const BUCKET_MS: i64 = 300_000;
/// Values: as many days as the window touches. A later one takes the place of the oldest.
const DAYS: i64 = 31;

/// One day of all service levels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    /// Days since the epoch: the value of another month may still stand there.
    day: i64,
    /// By level: number of the bucket within the day, good, bad.
    levels: BTreeMap<String, Vec<(u16, u64, u64)>>,
    /// By level, for counters that others keep: what they showed when this was saved.
    seen: BTreeMap<String, Counts>,
}

fn key(day: i64) -> String {
    format!("slo/day/{:02}", day.rem_euclid(DAYS))
}

const fn day_of(at: Time) -> i64 {
    at.as_ms().div_euclid(DAY_MS)
}

/// Saves the days from the one that holds `from` to the one that holds `now`.
///
/// # Errors
/// `Unavailable`: it may be saved again.
pub(super) async fn save(
    state: &dyn StateStore,
    histories: &Histories,
    names: &[&'static str],
    seen: &BTreeMap<String, Counts>,
    (from, now): (Time, Time),
) -> Result<()> {
    // A clock that was set right meanwhile may have gone over years.
    for day in day_of(from).max(day_of(now) - DAYS + 1)..=day_of(now) {
        let begin = Time::from_ms(day * DAY_MS);
        let end = Time::from_ms(((day + 1) * DAY_MS - 1).min(now.as_ms()));
        let mut levels = BTreeMap::new();
        for name in names {
            let buckets = histories.with(name, |history| history.buckets(begin, now))?;
            let within = buckets.into_iter().filter(|(at, _)| *at <= end);
            let row = |(at, counts): (Time, Counts)| {
                let number = u16::try_from(at.ms_since(begin) / BUCKET_MS).ok()?;
                Some((number, counts.good, counts.bad))
            };
            levels.insert((*name).to_owned(), within.filter_map(row).collect());
        }
        let saved = Day { day, levels, seen: seen.clone() };
        let text = serde_json::to_vec(&saved)
            .map_err(|error| Error::internal("slo history does not encode").with_source(error))?;
        state.replace(&key(day), Bytes::from(text)).await?;
    }
    Ok(())
}

/// Adds what was saved to `histories`, and returns what the counters of others showed last. A day that
/// this never wrote is logged and left out.
///
/// # Errors
/// `Unavailable`; then nothing was added, and it may be loaded again.
pub(super) async fn load(
    state: &dyn StateStore,
    histories: &Histories,
    now: Time,
) -> Result<BTreeMap<String, Counts>> {
    // All are read before the first is added: what is tried again must not count twice.
    let mut days = Vec::new();
    for day in day_of(now) - DAYS + 1..=day_of(now) {
        let Some(value) = state.get(&key(day)).await? else { continue };
        match serde_json::from_slice::<Day>(&value) {
            Ok(saved) if saved.day == day => days.push(saved),
            Ok(_) => {} // of a month ago
            Err(error) => tracing::error!(%error, key = key(day), "a day of SLO history is lost"),
        }
    }
    let mut seen = BTreeMap::new();
    for saved in days {
        let day = saved.day;
        seen = saved.seen;
        for (name, buckets) in saved.levels {
            // A level that is not known any more is left out.
            drop(histories.with(&name, |history| {
                for (number, good, bad) in buckets {
                    let at = Time::from_ms(day * DAY_MS + i64::from(number) * BUCKET_MS);
                    history.restore(at, Counts { good, bad });
                }
            }));
        }
    }
    Ok(seen)
}
