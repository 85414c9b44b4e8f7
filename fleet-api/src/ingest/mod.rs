//! Telemetry that is sent in: checked at the door, and durable in the log before it is accepted.
//!
//! Every form (JSON, gRPC, the URL of phone trackers) becomes the same event in the same log as the
//! simulator's, so that all behind the door knows of one sort only. A batch is answered report by
//! report. Nothing here looks for duplicates: a report that is sent again has the same identity, and
//! whoever archives it writes it once.

pub(crate) mod osmand;
mod refusals;

use std::sync::Arc;

use bytes::Bytes;
use fleet_core::{
    Error, Result,
    domain::{Signals, Status, TelemetryEvent},
    stream::{NewRecord, Topic},
    time::Time,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;

use crate::{Service, guard::Payer, keys::Class, problem::Problem};

pub(crate) use refusals::{Refusals, Repeated};

/// The most reports in one batch.
const BATCH_MAX: usize = 1_000;
/// How far a sender's clock may be ahead of ours, ms.
const AHEAD_MS_MAX: i64 = 300_000;
/// From this age on a report belongs to the backlog, ms.
const BACKLOG_AGE_MS: i64 = 300_000;
/// Batches that are handled at once; more wait.
const BATCHES_AT_ONCE: usize = 32;
/// Streams of batches that may be open at once.
const STREAMS_MAX: usize = 256;
/// From this speed on a truck that tells no status is on its way, km/h.
const MOVING_KMH: f64 = 3.0;
/// Headers of a record: who sent it, and in which form.
const SENDER: &str = "sender";
const FORM: &str = "form";

/// What the door keeps in mind.
#[derive(Debug)]
pub(crate) struct Ingest {
    batches: Semaphore,
    streams: Arc<Semaphore>,
    pub(crate) refusals: Refusals,
}

impl Default for Ingest {
    fn default() -> Self {
        Self {
            batches: Semaphore::new(BATCHES_AT_ONCE),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            refusals: Refusals::default(),
        }
    }
}

impl Ingest {
    /// One more stream of batches, as long as this is held.
    ///
    /// # Errors
    /// `Unavailable` if all are taken.
    pub(crate) fn open_stream(&self) -> Result<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.streams).try_acquire_owned();
        permit.map_err(|_| Error::unavailable("all streams of telemetry are taken"))
    }
}

/// In which form reports come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    NdJson,
    Protobuf,
    Grpc,
    Osmand,
}

impl Form {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::NdJson => "ndjson",
            Self::Protobuf => "protobuf",
            Self::Grpc => "grpc",
            Self::Osmand => "osmand",
        }
    }
}

/// A report as it came: the event that it is, or why it is none.
pub(crate) type Report = Result<TelemetryEvent>;

/// Reports that came together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) form: Form,
    pub(crate) reports: Vec<Report>,
    /// Events that were paid at the door, before the body was read.
    pub(crate) prepaid: u32,
    /// More headers of their records.
    pub(crate) headers: Vec<(String, Bytes)>,
}

impl Batch {
    pub(crate) const fn new(form: Form, reports: Vec<Report>) -> Self {
        Self { form, reports, prepaid: 1, headers: Vec::new() }
    }
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It is in the log, and will survive whatever happens to this process.
    Accepted,
    /// It breaks a rule, and will break it again.
    Invalid,
    /// Its event time is more than five minutes ahead of the server's clock.
    ClockAhead,
    /// The key is bound to other trucks.
    Forbidden,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Invalid => "invalid",
            Self::ClockAhead => "clock_ahead",
            Self::Forbidden => "forbidden",
        }
    }
}

/// The answer to one report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Receipt {
    pub(crate) outcome: Outcome,
    /// Its identity, the same whenever it is sent; none if the report could not be read.
    #[schema(example = "TRK-A:1767571200000:5f0c6f3c2b7a9d10")]
    pub(crate) event_id: Option<String>,
    /// Why it was not accepted; empty if it was.
    pub(crate) detail: String,
}

/// The event, told apart as the contract says: one whose sender neither counts nor names it is known
/// by its content.
pub(crate) fn identified(mut event: TelemetryEvent) -> Report {
    if event.seq == 0 && event.source_id.is_none() {
        let canonical = serde_json::to_vec(&event)
            .map_err(|e| Error::invalid("report is not JSON").with_source(e))?;
        let digest = Sha256::digest(&canonical);
        event.source_id = Some(digest[..8].iter().map(|byte| format!("{byte:02x}")).collect());
    }
    event.validate()?;
    Ok(event)
}

/// The status of a truck whose sender tells none.
pub(crate) fn derived_status(signals: &Signals) -> Status {
    if signals.speed_kmh.is_some_and(|kmh| kmh >= MOVING_KMH) {
        Status::EnRoute
    } else {
        Status::Idle
    }
}

/// Refuses an empty batch and one too large.
pub(crate) fn bounded(count: usize) -> Result<(), Error> {
    if (1..=BATCH_MAX).contains(&count) {
        return Ok(());
    }
    Err(Error::invalid(format!("events: {count}, expected 1 to {BATCH_MAX} in a batch")))
}

impl Service {
    /// Takes a batch in. When this returns receipts, what they call accepted is durable.
    ///
    /// # Errors
    /// `invalid-request` for an empty batch or one too large; `quota-exceeded`: nothing was taken in;
    /// `unavailable`: anything may have been, send it all again.
    pub(crate) async fn ingest(
        &self,
        payer: &Payer,
        batch: Batch,
    ) -> Result<Vec<Receipt>, Problem> {
        let count = batch.reports.len();
        bounded(count)?;
        let now = self.parts.clock.now();
        self.pay_for(payer, &batch, now).await?;
        let _slot = self.ingest.batches.acquire().await.expect("never closed");
        let Batch { form, reports, headers: more, .. } = batch;
        let mut headers = vec![
            (SENDER.to_owned(), Bytes::from(payer.caller.actor().to_owned())),
            (FORM.to_owned(), Bytes::from_static(form.as_str().as_bytes())),
        ];
        headers.extend(more);
        let (mut records, mut receipts) = (Vec::new(), Vec::with_capacity(count));
        for report in reports {
            let (receipt, record) = receive(payer, report, now);
            receipts.push(receipt);
            records.extend(record.map(|event| NewRecord {
                topic: Topic::TELEMETRY,
                key: Bytes::copy_from_slice(event.truck_id.as_str().as_bytes()),
                headers: headers.clone(),
                payload: fleet_proto::encode_event(&event),
            }));
        }
        if !records.is_empty() {
            self.parts.log.publish(records).await?;
        }
        for receipt in &receipts {
            self.count_ingested(form, receipt.outcome.as_str());
        }
        Ok(receipts)
    }

    pub(crate) fn count_ingested(&self, form: Form, outcome: &str) {
        self.metrics.ingested.with_label_values(&[form.as_str(), outcome]).inc();
    }

    /// Pays for each report, the old ones from a bucket of their own. Neither is touched unless both
    /// suffice.
    async fn pay_for(&self, payer: &Payer, batch: &Batch, now: Time) -> Result<(), Problem> {
        let is_old = |report: &&Report| {
            report.as_ref().is_ok_and(|event| now.ms_since(event.event_time) > BACKLOG_AGE_MS)
        };
        let old = batch.reports.iter().filter(is_old).count() as u32;
        let mut fresh = (batch.reports.len() as u32 - old).saturating_sub(batch.prepaid);
        if old > 0 && fresh > 0 && !self.could_pay(payer, Class::Ingest, fresh).await? {
            self.pay(payer, Class::Ingest, fresh).await?;
            fresh = 0;
        }
        self.pay(payer, Class::Backlog, old).await?;
        self.pay(payer, Class::Ingest, fresh).await
    }
}

/// The answer to a report, and what of it goes into the log.
fn receive(payer: &Payer, report: Report, now: Time) -> (Receipt, Option<TelemetryEvent>) {
    let event = match report {
        Ok(event) => event,
        Err(error) => {
            let detail = error.to_string();
            return (Receipt { outcome: Outcome::Invalid, event_id: None, detail }, None);
        }
    };
    let event_id = Some(event.id().to_string());
    let ahead_ms = event.event_time.ms_since(now);
    let refused = |outcome, detail| (Receipt { outcome, event_id: event_id.clone(), detail }, None);
    if let Err(problem) = payer.caller.may_write_for(&event.truck_id) {
        return refused(Outcome::Forbidden, problem.detail().to_owned());
    }
    if ahead_ms > AHEAD_MS_MAX {
        let detail = format!(
            "event_time: {} is {} s ahead of the server's clock, at most {} s are allowed",
            event.event_time,
            ahead_ms / 1_000,
            AHEAD_MS_MAX / 1_000
        );
        return refused(Outcome::ClockAhead, detail);
    }
    (Receipt { outcome: Outcome::Accepted, event_id, detail: String::new() }, Some(event))
}

#[cfg(test)]
mod tests;
