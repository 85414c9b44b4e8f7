//! Counting while the world goes on.

use std::collections::BTreeMap;

use fleet_core::{
    domain::{Counters, Eta, LateReason, Sla, TripId, TripStatus, TripSummary, TruckId},
    eta::ServiceClass,
    route::Terrain,
    time::Time,
};

use super::{
    ByTerrain, Coverage, CoverageAhead, FleetReport, LateTrips, Line, Promises, ReportSettings,
};
use crate::{Output, World, world::service_class};

/// Hours ahead at which forecasts are counted apart.
const AHEAD_H: [f64; 13] =
    [0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0, 25.0, 35.0, 48.0, f64::INFINITY];
/// Lengths of hauls whose promises are counted apart, km.
const HAULS_KM: [f64; 6] = [0.0, 150.0, 300.0, 450.0, 700.0, f64::INFINITY];

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
    empty_m: u64,
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
    promises: Vec<Promises>,
    ahead: [Ahead; AHEAD_H.len() - 1],
}

/// Forecasts that looked about as far ahead.
#[derive(Clone, Debug, Default)]
struct Ahead {
    eta: Coverage,
    hours: f64,
    off_min: Vec<f64>,
}

impl Ahead {
    fn row(mut self, from_h: f64, to_h: f64) -> CoverageAhead {
        self.off_min.sort_by(f64::total_cmp);
        let count = self.off_min.len();
        let at = |percent: usize| self.off_min[(count - 1) * percent / 100];
        let is_empty = count == 0;
        CoverageAhead {
            from_h,
            to_h,
            eta: self.eta,
            mean_h: (!is_empty).then(|| self.hours / count as f64),
            off_min: (!is_empty).then(|| [5, 50, 95].map(at)),
        }
    }
}

fn no_promises() -> Vec<Promises> {
    let classes = [false, true].into_iter();
    let of_class = |is_express| {
        HAULS_KM.windows(2).map(move |ends| Promises {
            from_km: ends[0],
            to_km: ends[1],
            is_express,
            trips: 0,
            on_time: 0,
        })
    };
    classes.flat_map(of_class).collect()
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
            promises: no_promises(),
            ahead: Default::default(),
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
        if trip.payload_kg > 0.0 {
            self.hear_delivery(trip);
        } else if let Some(sums) = self.trucks.get_mut(&trip.truck_id) {
            sums.empty_m += trip.distance_m;
        }
        self.score(trip);
    }

    /// A trip with a load has ended.
    fn hear_delivery(&mut self, trip: &TripSummary) {
        let Some(sums) = self.trucks.get_mut(&trip.truck_id) else { return };
        let on_time = u64::from(trip.sla == Some(Sla::OnTime));
        sums.trips += 1;
        sums.on_time += on_time;
        if let Some(Sla::Late { reason, .. }) = trip.sla {
            *self.late.entry(reason).or_default() += 1;
        }
        let km = trip.planned_distance_m as f64 * 1e-3;
        let is_express = service_class(&trip.commodity) == ServiceClass::Express;
        let is_of = |row: &&mut Promises| {
            row.is_express == is_express && (row.from_km..row.to_km).contains(&km)
        };
        if let Some(row) = self.promises.iter_mut().find(is_of) {
            row.trips += 1;
            row.on_time += on_time;
        }
    }

    /// Holds the forecasts of a trip against its arrival.
    fn score(&mut self, trip: &TripSummary) {
        let (Some(forecasts), Some(arrived_at), Some(sums)) = (
            self.under_way.remove(&trip.trip_id),
            trip.arrived_at,
            self.trucks.get_mut(&trip.truck_id),
        ) else {
            return;
        };
        for (nth, (told_at, eta)) in forecasts.iter().enumerate() {
            let inside = u64::from((eta.earliest..=eta.latest).contains(&arrived_at));
            let hours = eta.arrival.ms_since(*told_at) as f64 / 3_600e3;
            let bucket = AHEAD_H.partition_point(|from_h| *from_h <= hours).saturating_sub(1);
            let mut scored = vec![&mut sums.eta];
            if let Some(ahead) = self.ahead.get_mut(bucket) {
                ahead.hours += hours;
                ahead.off_min.push(arrived_at.ms_since(eta.arrival) as f64 / 60e3);
                scored.push(&mut ahead.eta);
            }
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
        let ahead = AHEAD_H.windows(2).zip(self.ahead);
        FleetReport {
            settings,
            fleet: fleet.line("fleet", days * trucks),
            trucks: lines.map(|(id, sums)| sums.line(id.as_str(), days)).collect(),
            promises: self.promises,
            late: self
                .late
                .into_iter()
                .map(|(reason, trips)| LateTrips { reason, trips })
                .collect(),
            coverage: ahead.map(|(ends, ahead)| ahead.row(ends[0], ends[1])).collect(),
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
        self.empty_m += other.empty_m;
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
            empty: (km > 0.0).then(|| self.empty_m as f64 * 1e-3 / km),
            trips: self.trips,
            on_time: (self.trips > 0).then(|| self.on_time as f64 / self.trips as f64),
            refuels: self.refuels,
            refuelled_l: self.refuelled_ml as f64 * 1e-3,
            eta: self.eta,
            eta_at_departure: self.eta_at_departure,
        }
    }
}
