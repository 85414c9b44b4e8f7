//! The live line on a terminal.
#![allow(clippy::print_stderr, reason = "this is the program's face on a terminal")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fleet_core::stream::EventLog;
use fleet_pipeline::ARCHIVER;
use fleet_sim::Progress;
use tokio::time::{MissedTickBehavior, interval};

/// Says where the faces are, and then redraws one line a second until it is dropped.
pub(crate) async fn show(
    progress: Arc<Progress>,
    log: Arc<dyn EventLog>,
    address: SocketAddr,
    grpc_address: String,
) {
    const EVERY: Duration = Duration::from_secs(1);
    eprintln!("REST and status page: http://{address}/ · gRPC: {grpc_address}");
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = progress.events();
    loop {
        ticks.tick().await;
        let (moving, trucks) = progress.trucks();
        let events = progress.events();
        let rate = events.saturating_sub(before);
        before = events;
        let lag = log.lag(ARCHIVER).await.ok();
        let lag = lag.map_or("?".to_owned(), |lag| {
            lag.iter().map(|partition| partition.records).sum::<u64>().to_string()
        });
        let time = progress.world_time();
        eprint!(
            "\r\x1b[2K{moving} of {trucks} trucks moving · {rate} events/s · lag {lag} · {time} · \
             http://{address}/"
        );
    }
}
