//! Counting while the world goes on.

use std::collections::BTreeMap;

use fleet_core::{
    domain::{Counters, Eta, LateReason, Sla, TripId, TripStatus, TripSummary, TruckId},
    route::Terrain,
    time::Time,
};

use super::{ByTerrain, Coverage, CoverageAhead, FleetReport, LateTrips, Line, ReportSettings};
use crate::{Output, World};

/// Hours ahead at which forecasts are counted apart.
const AHEAD_H: [f64; 9] = [0.0, 1.0, 2.0, 4.0, 8.0, 12.0, 18.0, 30.0, f64::INFINITY];

/// Distance and fuel.
#[derive(Clone, Copy, Debug, Default)]
struct Burn {
    mm: u64,
    ul: u64,
}

impl Burn {
    fn add(&mut self, mm: u64, ul: u64) {
        self.mm += mm;
        self.ul += ul;
    }

    /// µl over mm is l over km, times 100 for 100 km.
    fn l_per_100km(self) -> Option<f64> {
        (self.mm > 0).then(|| self.ul as f64 / self.mm as f64 * 100.0)
    }
}

/// What a truck has done so far.
#[derive(Clone, Debug, Default)]
struct Sums {
    model: String,
    seen: Counters,
    all: Burn,
    terrains: [Burn; 4],
    driving_min: u64,
    /// Minutes at the wheel on the IST day under way, and whether two drivers shared it.
    today: (i64, u64, bool),
    days_over_8h: u64,
    trips: u64,
    on_time: u64,
    refuels: u64,
    refuelled_ml: u64,
    eta: Coverage,
    eta_at_departure: Coverage,
}

/// Forecasts of a trip under way, with when they were made.
type Forecasts = Vec<(Time, Eta)>;

pub(super) struct Tally {
    trucks: BTreeMap<TruckId, Sums>,
    under_way: BTreeMap<TripId, Forecasts>,
    late: BTreeMap<LateReason, u64>,
    coverage: [Coverage; AHEAD_H.len() - 1],
}

impl Tally {
    pub(super) fn new(world: &World) -> Self {
        let trucks = world
            .register()
            .into_iter()
            .map(|truck| (truck.truck_id, Sums { model: truck.model, ..Sums::default() }));
        Self {
            trucks: trucks.collect(),
            under_way: BTreeMap::new(),
            late: BTreeMap::new(),
            coverage: [Coverage::default(); AHEAD_H.len() - 1],
        }
    }

    /// Trips and refuellings of a minute.
    pub(super) fn hear(&mut self, sent: &[Output]) {
        for output in sent {
            match output {
                Output::Trip(trip) => self.hear_trip(trip),
                Output::Telemetry(event) => {
                    let Some(sums) = self.trucks.get_mut(&event.truck_id) else { continue };
                    if let Some(refuelling) = &event.refuelling {
                        sums.refuels += 1;
                        sums.refuelled_ml += refuelling.refuelled_ml;
                    }
                }
            }
        }
    }

    fn hear_trip(&mut self, trip: &TripSummary) {
        if trip.status == TripStatus::Running {
            // Revisions come at departure and every hour after it.
            let hours = i64::from(trip.revision) - 1;
            let told_at = trip.started_at.plus_ms(hours * 3_600_000);
            let told = trip.eta.map(|eta| (told_at, eta));
            self.under_way.entry(trip.trip_id.clone()).or_default().extend(told);
            return;
        }
        let Some(sums) = self.trucks.get_mut(&trip.truck_id) else { return };
        sums.trips += 1;
        match trip.sla {
            Some(Sla::OnTime) => sums.on_time += 1,
            Some(Sla::Late { reason, .. }) => *self.late.entry(reason).or_default() += 1,
            None => {}
        }
        let (Some(forecasts), Some(arrived_at)) =
            (self.under_way.remove(&trip.trip_id), trip.arrived_at)
        else {
            return;
        };
        for (nth, (told_at, eta)) in forecasts.iter().enumerate() {
            let inside = u64::from((eta.earliest..=eta.latest).contains(&arrived_at));
            let hours = eta.arrival.ms_since(*told_at) as f64 / 3_600e3;
            let bucket = AHEAD_H.partition_point(|from_h| *from_h <= hours).saturating_sub(1);
            let mut scored = vec![&mut sums.eta];
            scored.extend(self.coverage.get_mut(bucket));
            if nth == 0 {
                scored.push(&mut sums.eta_at_departure);
            }
            for coverage in scored {
                coverage.forecasts += 1;
                coverage.inside += inside;
            }
        }
    }

    /// What each truck did in the minute before `now`, put down to the land it is on.
    pub(super) fn look(&mut self, world: &World, now: Time) {
        for glance in world.glances() {
            let Some(sums) = self.trucks.get_mut(glance.truck_id) else { continue };
            let mm = glance.counters.distance_mm - sums.seen.distance_mm;
            let ul = glance.counters.fuel_burned_ul - sums.seen.fuel_burned_ul;
            sums.seen = glance.counters;
            sums.all.add(mm, ul);
            if !glance.is_driving {
                continue;
            }
            if let Some(terrain) = glance.terrain {
                sums.terrains[place(terrain)].add(mm, ul);
            }
            sums.driving_min += 1;
            let (day, minutes, had_two) = sums.today;
            sums.today = if day == now.ist_day() {
                (day, minutes + 1, had_two || glance.drivers > 1)
            } else {
                (now.ist_day(), 1, glance.drivers > 1)
            };
            // Counted once, when the minute after eight hours begins.
            sums.days_over_8h += u64::from(sums.today.1 == 8 * 60 + 1 && !sums.today.2);
        }
    }

    pub(super) fn report(self, settings: ReportSettings) -> FleetReport {
        let days = f64::from(settings.days);
        let mut fleet = Sums::default();
        for sums in self.trucks.values() {
            fleet.add(sums);
        }
        let trucks = f64::from(settings.trucks);
        let lines = self.trucks.iter();
        let coverage = AHEAD_H.windows(2).zip(self.coverage);
        FleetReport {
            settings,
            fleet: fleet.line("fleet", days * trucks),
            trucks: lines.map(|(id, sums)| sums.line(id.as_str(), days)).collect(),
            late: self
                .late
                .into_iter()
                .map(|(reason, trips)| LateTrips { reason, trips })
                .collect(),
            coverage: coverage
                .map(|(ends, eta)| CoverageAhead { from_h: ends[0], to_h: ends[1], eta })
                .collect(),
        }
    }
}

fn place(terrain: Terrain) -> usize {
    match terrain {
        Terrain::Plain => 0,
        Terrain::Rolling => 1,
        Terrain::Hilly => 2,
        Terrain::Mountainous => 3,
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.all.add(other.all.mm, other.all.ul);
        for (sum, burn) in self.terrains.iter_mut().zip(other.terrains) {
            sum.add(burn.mm, burn.ul);
        }
        self.driving_min += other.driving_min;
        self.days_over_8h += other.days_over_8h;
        self.trips += other.trips;
        self.on_time += other.on_time;
        self.refuels += other.refuels;
        self.refuelled_ml += other.refuelled_ml;
        for (sum, part) in
            [(&mut self.eta, other.eta), (&mut self.eta_at_departure, other.eta_at_departure)]
        {
            sum.forecasts += part.forecasts;
            sum.inside += part.inside;
        }
    }

    fn line(&self, truck: &str, days: f64) -> Line {
        let km = self.all.mm as f64 * 1e-6;
        let [plain, rolling, hilly, mountainous] = self.terrains.map(Burn::l_per_100km);
        Line {
            truck: truck.to_owned(),
            model: self.model.clone(),
            km,
            km_per_day: km / days,
            driving_h_per_day: self.driving_min as f64 / 60.0 / days,
            days_over_8h: self.days_over_8h as f64 / days,
            l_per_100km: self.all.l_per_100km(),
            l_per_100km_by_terrain: ByTerrain { plain, rolling, hilly, mountainous },
            trips: self.trips,
            on_time: (self.trips > 0).then(|| self.on_time as f64 / self.trips as f64),
            refuels: self.refuels,
            refuelled_l: self.refuelled_ml as f64 * 1e-3,
            eta: self.eta,
            eta_at_departure: self.eta_at_departure,
        }
    }
}
