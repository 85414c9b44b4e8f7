//! The use cases: one method for each question, whoever asks. What is asked of one resource stands
//! in its own file.

mod fleet;
mod groups;
mod pipeline;
mod telemetry;
mod trips;

use std::sync::Arc;

use fleet_core::{Result, stream::Topic};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::{
    Components, Settings,
    ingest::Ingest,
    keys::Keys,
    limits::Limiter,
    live::Closing,
    metrics::{ApiMetrics, SloMetrics},
    page,
    slo::{Level, Watch},
};

pub(crate) use {fleet::Snapshot, pipeline::KeptLetter, telemetry::entry};

/// The use cases over log, store and state.
#[derive(Debug)]
pub struct Service {
    pub(crate) settings: Settings,
    pub(crate) parts: Components,
    pub(crate) metrics: ApiMetrics,
    pub(crate) keys: Keys,
    pub(crate) limiter: Limiter,
    pub(crate) watch: Watch,
    pub(crate) closing: Closing,
    pub(crate) ingest: Ingest,
    kept: fleet::Kept,
    redriving: pipeline::Redriving,
    /// For requests that are being answered, of both faces.
    pub(crate) places: Semaphore,
}

/// Requests answered at once; streams count until they begin.
const AT_ONCE_MAX: usize = 512;

impl Service {
    pub(crate) fn new(settings: Settings, parts: Components) -> Result<Self> {
        let metrics = ApiMetrics::register(&parts.registry)?;
        let (store, clock) = (Arc::clone(&parts.store), Arc::clone(&parts.clock));
        let keys = Keys::new(store, Arc::clone(&clock), parts.entropy);
        let (first, told) = (Arc::clone(&parts.limiter), metrics.clone());
        let limiter = Limiter::new(first, settings.on_unavailable, &clock, told);
        let own = Watch::OWN.map(Level::as_str);
        let (slo, now) = (SloMetrics::register(&parts.registry, &own)?, parts.clock.now());
        let source = parts.slo_source.clone();
        let watch = Watch::new(settings.slo.clone(), &parts.tallies, source, slo, now);
        let (closing, ingest, kept, redriving) = Default::default();
        Ok(Self {
            settings,
            parts,
            metrics,
            keys,
            limiter,
            watch,
            closing,
            ingest,
            kept,
            redriving,
            places: Semaphore::new(AT_ONCE_MAX),
        })
    }

    /// Whether log, store and state answer.
    pub(crate) async fn ready(&self) -> Result<()> {
        self.parts.store.watermarks().await?;
        self.parts.state.get("readiness").await?; // nothing is there: that it answers is enough
        self.parts.log.extents(&Topic::TELEMETRY).await?;
        Ok(())
    }
}

/// Cuts a list that was read one too far, and makes the token for the rest.
pub(crate) fn cut<T, K: Serialize>(
    items: &mut Vec<T>,
    size: usize,
    filter: &str,
    key: impl Fn(&T) -> K,
) -> String {
    if items.len() <= size {
        return String::new();
    }
    items.truncate(size);
    items.last().map(|last| page::token(filter, &key(last))).unwrap_or_default()
}
