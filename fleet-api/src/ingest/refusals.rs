//! Senders that send again what can never be accepted.
//!
//! A phone keeps its oldest report until it is answered with 2xx, so one that is refused holds up all
//! behind it, for ever. After some refusals the report is kept as a dead letter, with what was wrong,
//! and answered as taken.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use fleet_core::{
    Result,
    stream::{
        Topic,
        dead_letter::{self, Reason, Refusal},
    },
};
use sha2::{Digest, Sha256};

use super::Form;
use crate::Service;

/// So many refusals of one report, then it is set aside.
const REFUSALS_MAX: u32 = 5;
/// Reports whose refusals are counted; beyond, the count begins anew.
const REPORTS_MAX: usize = 10_000;
/// What is kept of a name that nobody can have, characters.
const SENDER_CHARS_MAX: usize = 64;
/// Who sets aside, as dead letters tell it.
const DOOR: &str = "fleet-ingest";

/// How often each report was refused of late.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<[u8; 32], u32>>);

impl Refusals {
    /// Counts one more; returns how many there were by now.
    fn count(&self, report: [u8; 32]) -> u32 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= REPORTS_MAX && !counts.contains_key(&report) {
            counts.clear();
        }
        let count = counts.entry(report).or_default();
        *count += 1;
        *count
    }

    fn forget(&self, report: &[u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(report);
    }
}

/// What is to be said of a refused report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// That it is refused.
    Refuse,
    /// That it is taken: it is a dead letter now.
    SetAside,
}

impl Service {
    /// Counts a refusal of `sent` by `sender`; after the fifth one it is set aside, durably.
    ///
    /// # Errors
    /// Those of the log.
    pub(crate) async fn refused(&self, sender: &str, sent: &str, why: &str) -> Result<Repeated> {
        let report: [u8; 32] = Sha256::digest(format!("{sender}\n{sent}").as_bytes()).into();
        let count = self.ingest.refusals.count(report);
        if count < REFUSALS_MAX {
            return Ok(Repeated::Refuse);
        }
        let sender: String = sender.chars().take(SENDER_CHARS_MAX).collect();
        let original = (Bytes::from(sender.clone()), Bytes::from(sent.to_owned()));
        let now = self.parts.clock.now();
        let refusal = Refusal::new(Reason::OutOfRange, why);
        let said = (&refusal, count);
        let letter = dead_letter::refused(&Topic::TELEMETRY, original, DOOR, said, now);
        self.parts.log.publish(vec![letter]).await?;
        self.ingest.refusals.forget(&report);
        self.count_ingested(Form::Osmand, "dead_lettered");
        tracing::warn!(?sender, why, "a report that was refused again and again is set aside");
        Ok(Repeated::SetAside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_report_within_a_bound() {
        let refusals = Refusals::default();
        let report = |number: usize| -> [u8; 32] { Sha256::digest(number.to_string()).into() };
        for turn in 1..=3 {
            assert_eq!(refusals.count(report(0)), turn);
        }
        refusals.forget(&report(0));
        assert_eq!(refusals.count(report(0)), 1);
        for number in 1..=REPORTS_MAX + 5 {
            refusals.count(report(number));
        }
        assert!(refusals.0.lock().expect("sound").len() <= REPORTS_MAX);
    }
}
