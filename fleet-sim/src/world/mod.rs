//! All trucks at one time.

mod calendar;
mod dispatch;
mod drive;
mod forecast;
mod halts;
mod job;
mod loads;
mod pumps;
mod quiet;
mod report;
mod truck;
mod ways;
mod weather;

use std::collections::BTreeMap;

use bytes::Bytes;
use fleet_core::{
    Error, Result,
    domain::{
        Counters, Genesis, RegisteredTruck, RouterKind, TelemetryEvent, TripSummary, TruckId,
    },
    route::Terrain,
    time::Time,
};
use serde::{Deserialize, Serialize};

pub(crate) use self::dispatch::service_class;
use self::truck::{Truck, TruckState};
pub use self::ways::{Wanted, Way};

/// Something a truck sends.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants name what they hold")]
pub enum Output {
    Telemetry(Box<TelemetryEvent>),
    Trip(Box<TripSummary>),
}

/// A truck at one moment, as someone beside it sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glance<'a> {
    /// The truck.
    pub truck_id: &'a TruckId,
    /// Its totals.
    pub counters: Counters,
    /// Whether it is being driven.
    pub is_driving: bool,
    /// How many drivers share the wheel.
    pub drivers: u32,
    /// The land under its wheels; `None` off the road.
    pub terrain: Option<Terrain>,
}

/// The fleet at one simulated time.
#[derive(Debug)]
pub struct World {
    genesis: Genesis,
    trucks: Vec<Truck>,
    /// Threads that a large fleet may use.
    threads: usize,
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Trucks below which one thread is faster than several.
const TRUCKS_PER_THREAD_MIN: usize = 1_000;

/// A truck has at most so many bytes in a snapshot.
const TRUCK_BYTES: usize = 450;

#[derive(Serialize, Deserialize)]
struct Snapshot<T> {
    version: u32,
    trucks: Vec<T>,
}

impl World {
    /// Version of the world's rules and data: another one makes another world.
    pub const VERSION: u32 = 5;
    /// The most trucks of a world: a checkpoint of so many, at up to 450 bytes each, stays within
    /// what a state store takes (256 MiB).
    pub const TRUCKS_MAX: u32 = 500_000;

    /// How a world of these rules begins with `seed` at `start`, on the built-in router's ways.
    pub const fn beginning(seed: u64, start: Time) -> Genesis {
        let (world_version, router) = (Self::VERSION, RouterKind::Builtin);
        Genesis { seed, start, clock_offset_ms: 0, world_version, router }
    }

    /// Whether there can be a world with this beginning and so many trucks.
    ///
    /// # Errors
    /// `Invalid` for a number of trucks outside 1 to [`TRUCKS_MAX`](Self::TRUCKS_MAX) or a start off
    /// the one-second grid.
    pub fn check(genesis: &Genesis, trucks: u32) -> Result<()> {
        if !(1..=Self::TRUCKS_MAX).contains(&trucks) {
            let most = Self::TRUCKS_MAX;
            return Err(Error::invalid(format!("--trucks {trucks}: expected 1 to {most}")));
        }
        genesis.validate()
    }

    /// A new world of `trucks` trucks at its beginning.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn new(genesis: Genesis, trucks: u32) -> Result<Self> {
        Self::check(&genesis, trucks)?;
        Self::of(genesis, Vec::new(), trucks)
    }

    /// The world of a snapshot, with at least its trucks; further ones begin at genesis and are
    /// caught up by [`advance`](Self::advance).
    ///
    /// # Errors
    /// `Corrupt` if the bytes are not a snapshot; `Conflict` for fewer trucks than it holds or
    /// another version.
    pub fn restore(genesis: Genesis, snapshot: &[u8], trucks: Option<u32>) -> Result<Self> {
        let corrupt = |e| Error::corrupt("checkpoint: not a state of this program").with_source(e);
        let snapshot: Snapshot<TruckState> = postcard::from_bytes(snapshot).map_err(corrupt)?;
        if snapshot.version != Self::VERSION {
            return Err(Error::conflict(format!(
                "checkpoint: made by world version {}, this program has {}",
                snapshot.version,
                Self::VERSION
            )));
        }
        let known = u32::try_from(snapshot.trucks.len()).unwrap_or(u32::MAX);
        let wanted = trucks.unwrap_or(known);
        Self::check(&genesis, wanted)?;
        if wanted < known {
            return Err(Error::conflict(format!(
                "--trucks {wanted}: this fleet has {known} trucks already; fewer are not possible"
            )));
        }
        Self::of(genesis, snapshot.trucks, wanted)
    }

    /// So many trucks, as checked: those known as they were, the others at their beginning.
    fn of(genesis: Genesis, known: Vec<TruckState>, trucks: u32) -> Result<Self> {
        // A fallible collection does not know its length, and would grow to twice its memory.
        let mut all = Vec::with_capacity(trucks as usize);
        let mut known = known.into_iter();
        for number in 1..=trucks {
            all.push(match known.next() {
                Some(state) => Truck::resume(&genesis, number, state)?,
                None => Truck::new(&genesis, number)?,
            });
        }
        Ok(Self { genesis, trucks: all, threads: cores() })
    }

    /// The state as bytes, every bit of it.
    #[expect(clippy::missing_panics_doc, reason = "plain data always encodes")]
    pub fn snapshot(&self) -> Bytes {
        let trucks = self.trucks.iter().map(|truck| &truck.state).collect();
        let snapshot = Snapshot { version: Self::VERSION, trucks };
        // Room for all at once: a vector that grows needs twice the memory.
        let room = Vec::with_capacity(self.trucks.len() * TRUCK_BYTES);
        postcard::to_extend(&snapshot, room).expect("plain data always encodes").into()
    }

    /// This world on at most so many threads (1 or more) instead of one for each core: nothing that
    /// it sends depends on it.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }

    /// How the world began.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The time up to which every truck has come: all before it is done, nothing at or after it
    /// (trucks that were added later may be behind the others, never ahead of this).
    pub fn now(&self) -> Time {
        self.trucks.iter().map(|truck| truck.state.now).min().unwrap_or(self.genesis.start)
    }

    /// The time up to which the truck that is ahead has come: [`now`](Self::now), unless trucks were
    /// added that have yet to catch up.
    pub fn reached(&self) -> Time {
        self.trucks.iter().map(|truck| truck.state.now).max().unwrap_or(self.genesis.start)
    }

    /// The time up to which the last of those trucks has come that do not wait for a way:
    /// [`now`](Self::now), unless there are others. The end of time if all wait.
    pub fn front(&self) -> Time {
        let free = self.trucks.iter().filter(|truck| !truck.awaits());
        free.map(|truck| truck.state.now).min().unwrap_or(Time::MAX)
    }

    /// The ways that trucks wait for; none unless genesis names an outside router. Each of them
    /// stands still in simulated time until it is told its way.
    pub fn wanted(&self) -> impl Iterator<Item = Wanted> {
        self.trucks.iter().enumerate().filter_map(|(ix, truck)| truck.wanted(ix))
    }

    /// Tells a truck the way it waits for, or that there is none. Whoever answers one question
    /// differently at another time makes another world: keep the answer first.
    ///
    /// # Errors
    /// `Corrupt` if there is no way for a trip that has set out.
    pub fn tell_way(&mut self, wanted: &Wanted, way: Way) -> Result<()> {
        let truck = self.trucks.get_mut(wanted.truck);
        truck.map_or(Ok(()), |truck| truck.tell_way(&wanted.trip_id, way))
    }

    /// Does everything before `to` (rounded down to the grid; no truck goes back) and returns what
    /// was sent, by time and truck. Trucks that wait for a way stand still ([`wanted`](Self::wanted));
    /// those that have been told it catch up. Uses all cores for large fleets, with the same result.
    #[expect(clippy::missing_panics_doc, reason = "passes on a panic of a truck, which has none")]
    pub fn advance(&mut self, to: Time) -> Vec<Output> {
        let threads = self.threads.min(self.trucks.len() / TRUCKS_PER_THREAD_MIN).max(1);
        let share = self.trucks.len().div_ceil(threads).max(1);
        let run = |trucks: &mut [Truck]| {
            let mut sent = Vec::new();
            for truck in trucks {
                truck.advance(to, &mut sent);
            }
            sent
        };
        let mut sent: Vec<(Time, Output)> = if threads == 1 {
            run(&mut self.trucks)
        } else {
            std::thread::scope(|scope| {
                let parts: Vec<_> = self
                    .trucks
                    .chunks_mut(share)
                    .map(|trucks| scope.spawn(move || run(trucks)))
                    .collect();
                parts
                    .into_iter()
                    .flat_map(|part| part.join().expect("trucks never panic"))
                    .collect()
            })
        };
        sent.sort_by_key(|(time, _)| *time); // stable: of one time, by truck
        sent.into_iter().map(|(_, output)| output).collect()
    }

    /// Each truck's totals.
    pub fn counters(&self) -> BTreeMap<TruckId, Counters> {
        self.trucks.iter().map(|truck| (truck.id().clone(), truck.state.counters)).collect()
    }

    /// What each truck is doing now: for reports, without waiting for its next message.
    pub fn glances(&self) -> impl Iterator<Item = Glance<'_>> {
        self.trucks.iter().map(Truck::glance)
    }

    /// The register of the fleet.
    pub fn register(&self) -> Vec<RegisteredTruck> {
        self.trucks.iter().map(Truck::registered).collect()
    }

    /// How many trucks are rolling now, and how many there are.
    pub fn moving(&self) -> (usize, usize) {
        let moving = self.trucks.iter().filter(|truck| truck.state.vehicle.speed_mps > 0.3).count();
        (moving, self.trucks.len())
    }
}
