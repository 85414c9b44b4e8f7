//! What has to be done now and then: expiry in the store, retention in the log, lag for operators.

use std::{sync::Arc, time::Duration};

use fleet_core::{
    store::FleetStore,
    stream::{
        EventLog,
        lag::{Board, LagMetrics},
    },
    time::Clock,
};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::PipelineMetrics;

const SWEEP_EVERY_TICKS: u64 = 60;
const TICK: Duration = Duration::from_secs(5);

/// Where how the groups are doing is told: to whoever asks the board, and on `/metrics`.
#[derive(Debug)]
#[allow(missing_docs, reason = "the line above")]
pub struct Lag {
    pub board: Arc<Board>,
    pub metrics: LagMetrics,
}

/// Sweeps and measures until `shutdown`. A failure is told and tried again at the next turn.
pub async fn keep_house(
    log: Arc<dyn EventLog>,
    store: Arc<dyn FleetStore>,
    clock: Arc<dyn Clock>,
    metrics: PipelineMetrics,
    lag: Lag,
    shutdown: impl Future<Output = ()> + Send,
) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(shutdown);
    for turn in 1_u64.. {
        tokio::select! {
            () = &mut shutdown => return,
            _ = ticks.tick() => {}
        }
        let now = clock.now();
        metrics.levels().judge(now);
        lag.board.sample(&*log, now).await;
        lag.metrics.show(&lag.board, now);
        if turn % SWEEP_EVERY_TICKS != 0 {
            continue;
        }
        match store.expire(now).await {
            Ok(0) => {}
            Ok(events) => info!(events, "expired telemetry swept"),
            Err(error) => warn!(%error, "expiry failed; will try again"),
        }
        match log.trim(now).await {
            Ok(0) => {}
            Ok(records) => info!(records, "log trimmed"),
            Err(error) => warn!(%error, "trimming the log failed; will try again"),
        }
    }
}
