//! Tails the live feed by gRPC. Cut off, it reconnects and goes on right after the last entry it
//! has seen; run it beside `scripts/run --speed 60` and restart that one meanwhile.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

use std::time::Duration;

use clap::Parser;
use fleet_core::{
    backoff::Backoff,
    domain::{TelemetryEvent, TripSummary},
    random::Stream,
};
use fleet_proto::v1::{
    WatchFeedRequest, feed_entry::Item, telemetry_service_client::TelemetryServiceClient,
};
use tonic::{Code, Status, transport::Endpoint};

/// Prints what trucks report as they report it.
#[derive(Parser)]
struct Args {
    /// Where the platform speaks gRPC.
    #[arg(long, default_value = "http://127.0.0.1:50051")]
    address: String,
    /// Stop after so many entries.
    #[arg(long, default_value_t = 20)]
    count: u64,
    /// Only this truck, e.g. TRK-000007; all unless given.
    #[arg(long, default_value = "")]
    truck: String,
}

/// Failures in a row before it gives up.
const FAILURES_MAX: u32 = 8;

/// Where a tail is: entries still wanted, and the cursor after the last one.
struct Tail {
    wanted: u64,
    cursor: String,
    backoff: Backoff,
}

impl Tail {
    /// Follows the feed until there is enough.
    async fn follow(&mut self, args: &Args) -> Result<(), Status> {
        let endpoint = Endpoint::from_shared(args.address.clone())
            .map_err(|error| Status::invalid_argument(error.to_string()))?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(20));
        let channel =
            endpoint.connect().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut client = TelemetryServiceClient::new(channel);
        let request = WatchFeedRequest {
            cursor: self.cursor.clone(),
            truck_id: args.truck.clone(),
            ..Default::default()
        };
        let mut stream = client.watch_feed(request).await?.into_inner();
        while self.wanted > 0 {
            let ended = || Status::unavailable("the stream ended");
            let entry = stream.message().await?.ok_or_else(ended)?;
            entry.cursor.clone_into(&mut self.cursor);
            self.backoff.reset();
            if let Some(item) = entry.item {
                print(item).map_err(|error| Status::data_loss(error.to_string()))?;
                self.wanted -= 1;
            }
        }
        Ok(())
    }
}

fn print(item: Item) -> fleet_core::Result<()> {
    match item {
        Item::Telemetry(message) => {
            let event = TelemetryEvent::try_from(message)?;
            let speed_kmh = event.signals.speed_kmh.unwrap_or_default();
            let (at, truck, status) = (event.event_time, event.truck_id, event.status.as_str());
            let (lat, lon) = (event.position.lat, event.position.lon);
            println!("{at} {truck} {status:<10} {speed_kmh:5.1} km/h at {lat:.4}, {lon:.4}");
        }
        Item::Trip(message) => {
            let trip = TripSummary::try_from(message)?;
            let (truck, from, to) = (trip.truck_id, trip.origin.name, trip.destination.name);
            println!("{} {truck} trip {} from {from} to {to}", trip.started_at, trip.trip_id);
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Status> {
    let args = Args::parse();
    // Many of these programs would not come back together.
    let jitter = Stream::new(std::process::id().into(), "tail_the_fleet", "backoff");
    let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10), jitter);
    let mut tail = Tail { wanted: args.count, cursor: String::new(), backoff };
    while let Err(status) = tail.follow(&args).await {
        match status.code() {
            // The log was made anew: the place is gone, so it begins from now.
            Code::OutOfRange => tail.cursor.clear(),
            Code::Unavailable | Code::Unknown | Code::Internal | Code::ResourceExhausted => {}
            _ => return Err(status),
        }
        if tail.backoff.attempts() == FAILURES_MAX {
            return Err(status);
        }
        let wait = tail.backoff.next_wait();
        eprintln!("{}: going on in {wait:?}", status.message());
        tokio::time::sleep(wait).await;
    }
    Ok(())
}
