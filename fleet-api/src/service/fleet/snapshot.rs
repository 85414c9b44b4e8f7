//! Where every truck was last, kept until that changes.
//!
//! Ten thousand clients may ask for all positions every second, and most of the time they have them
//! already. So the answer is kept, with what decides whether it still holds: the watermarks of
//! telemetry, which the archiver raises in the transaction that writes (so nothing new is there while
//! they stand still), and the first time at which one of the reports shown expires. The revision is a
//! hash of the content: two processes over one store name the same content alike.

use std::sync::Arc;

use bytes::Bytes;
use fleet_core::{
    Result,
    store::{StoredEvent, Watermarks},
    stream::Topic,
    time::Time,
};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::Service;
use crate::messages::{List, TruckPosition};

/// A larger answer is made anew for each who asks, bytes.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// All positions at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// By truck id.
    pub(crate) positions: List<TruckPosition>,
    /// Names the content, in hexadecimal digits.
    pub(crate) revision: String,
    json: Bytes,
}

impl Snapshot {
    fn of(latest: Vec<StoredEvent>) -> Self {
        let items = latest.into_iter().map(|stored| position(stored.event)).collect();
        let positions = List { items };
        let json = serde_json::to_vec(&positions).expect("ids, times and numbers are JSON");
        let digest = Sha256::digest(&json);
        let revision = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { positions, revision, json: json.into() }
    }

    /// As REST shows it.
    pub(crate) fn json(&self) -> Bytes {
        self.json.clone()
    }
}

fn position(event: fleet_core::domain::TelemetryEvent) -> TruckPosition {
    TruckPosition {
        truck_id: event.truck_id,
        event_time: event.event_time,
        position: event.position,
        heading_deg: event.signals.heading_deg,
        speed_kmh: event.signals.speed_kmh,
        status: event.status,
    }
}

/// The newest snapshot, and how long it holds. Held while it is made anew: who asks meanwhile waits
/// for that one instead of making another.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<Held>>);

#[derive(Debug)]
struct Held {
    snapshot: Arc<Snapshot>,
    watermarks: Watermarks,
    expires_at: Time,
}

impl Service {
    /// Where every truck was last. Costs one read of the watermarks as long as nothing has changed.
    pub(crate) async fn snapshot(&self) -> Result<Arc<Snapshot>> {
        let mut kept = self.kept.0.lock().await;
        // Read first: what is written from here on makes them differ the next time.
        let mut watermarks = self.parts.store.watermarks().await?;
        watermarks.retain(|partition, _| partition.topic == Topic::TELEMETRY);
        let now = self.parts.clock.now();
        let holds = |held: &&Held| held.watermarks == watermarks && now < held.expires_at;
        if let Some(held) = kept.as_ref().filter(holds) {
            return Ok(Arc::clone(&held.snapshot));
        }
        let latest = self.parts.store.latest(None).await?;
        let expires_at = latest.iter().map(|stored| stored.expires_at).min().unwrap_or(Time::MAX);
        let snapshot = Arc::new(Snapshot::of(latest));
        *kept = (snapshot.json.len() <= KEPT_BYTES_MAX).then(|| Held {
            snapshot: Arc::clone(&snapshot),
            watermarks,
            expires_at,
        });
        Ok(snapshot)
    }
}
