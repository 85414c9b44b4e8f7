//! Driving a route in the mind, piece by piece.

use super::{
    super::{
        FLOW_MEAN, Pace, Stretch, Usual, barred_until, free_kmh, guarded_zone, road_kind, road_of,
    },
    Halt, Pacing, Planner, Progress, Reason, RestPlace, USUAL_SHARE,
    fuel::FuelStop,
    timetable::Mark,
};
use crate::{
    driver::Due,
    route::{Piece, Route, SegmentIx},
    units::mps_from_kmh,
};

/// However steep, nobody goes down a hill slower than this, km/h.
const DESCENT_KMH: f64 = 25.0;

/// A truck as it will be, somewhere on the way ahead.
pub(super) struct Drive<'p> {
    pub(super) planner: &'p Planner<'p>,
    pub(super) route: &'p Route,
    pub(super) now: Progress,
    elapsed_s: f64,
    burned_ul: f64,
    bought_ml: u64,
    started: Progress,
    /// Part of a second that the duty clock has not seen.
    fraction_s: f64,
    segment: Option<SegmentIx>,
    marks: Vec<Mark>,
    halts: Vec<Halt>,
}

impl Planner<'_> {
    /// Drives from `start` to the end, with these stops for fuel.
    pub(super) fn drive(
        &self,
        route: &Route,
        start: Progress,
        stops: &[FuelStop],
    ) -> (Vec<Mark>, Vec<Halt>) {
        let mut drive = Drive {
            planner: self,
            route,
            now: start,
            elapsed_s: 0.0,
            burned_ul: 0.0,
            bought_ml: 0,
            started: start,
            fraction_s: 0.0,
            segment: segment_under(route, start.at_m),
            marks: Vec::with_capacity(route.pieces.len() + 1),
            halts: Vec::new(),
        };
        drive.mark();
        let tolls = self.tolls(route, start.at_m);
        let mut tolls = tolls.iter().peekable();
        let mut stops = stops.iter().peekable();
        let first = route.pieces.partition_point(|piece| piece.end_m() <= start.at_m);
        for piece in route.pieces.iter_from(first) {
            drive.enter(&piece);
            let end_m = piece.end_m();
            while let Some(stop) = stops.next_if(|stop| stop.at_m <= end_m) {
                drive.go_to(&piece, stop.at_m);
                drive.fill(stop);
            }
            drive.go_to(&piece, end_m);
        }
        drive.now.at_m = route.length_m;
        let Drive { marks, mut halts, .. } = drive;
        let arrives_s = |at_m: f64| Mark::arrives_s(&marks, at_m);
        halts.extend(tolls.by_ref().map(|(at_m, reason)| Halt {
            at_m: *at_m,
            arrives_s: arrives_s(*at_m),
            stands_s: 0.0,
            reason: *reason,
        }));
        halts.sort_by(|a, b| a.at_m.total_cmp(&b.at_m).then(a.arrives_s.total_cmp(&b.arrives_s)));
        (marks, halts)
    }
}

impl Drive<'_> {
    fn is_free(&self) -> bool {
        self.planner.pacing == Pacing::FreeFlow
    }

    fn mark(&mut self) {
        let (elapsed_s, burned_ul) = (self.elapsed_s, self.burned_ul);
        self.marks.push(Mark { progress: self.now, elapsed_s, burned_ul });
    }

    /// Waits before a town that bars trucks, or a road that is shut.
    fn enter(&mut self, piece: &Piece) {
        let network = self.planner.network;
        let town = guarded_zone(network, piece).filter(|_| self.planner.is_heavy());
        if town != self.now.admitted {
            let time = self.now.time.filter(|_| !self.is_free());
            let barred = town.and_then(|town| Some((town, barred_until(network, town, time?)?)));
            if let (Some((zone, until)), Some(time)) = (barred, time) {
                self.stand(until.ms_since(time) as f64 * 1e-3, Reason::Barred { zone });
            }
            self.now.admitted = town;
        }
        if self.segment.replace(piece.segment) == Some(piece.segment) {
            return;
        }
        let Some(road) = network.segments().get(piece.segment.index()) else { return };
        let hours = &road.hours_ist;
        if let Some(time) = self.now.time.filter(|_| !self.is_free()) {
            let opens_min = hours.opens_in_min(time.ist_minute_of_day());
            if opens_min > 0 {
                let into_minute_s = f64::from(time.ist_second_of_day() % 60);
                let wait_s = f64::from(opens_min) * 60.0 - into_minute_s;
                self.stand(wait_s, Reason::Shut { segment: piece.segment });
            }
        }
    }

    /// On to `to_m` on `piece`, with a rest before it if one is due.
    fn go_to(&mut self, piece: &Piece, to_m: f64) {
        while let Some((rest_m, place)) = self.now.rest.filter(|(rest_m, _)| *rest_m <= to_m) {
            self.cross(piece, rest_m);
            self.now.rest = None;
            self.take_rest(place);
        }
        self.cross(piece, to_m);
        let due = self.now.duty.due(&self.planner.rules, self.planner.drivers);
        if self.now.rest.is_none() && due != Due::Nothing {
            self.now.rest = self.place_to_rest();
            if let Some(mark) = self.marks.last_mut() {
                mark.progress.rest = self.now.rest;
            }
        }
    }

    fn take_rest(&mut self, place: RestPlace) {
        let due = self.now.duty.due(&self.planner.rules, self.planner.drivers);
        let stands_s = self.now.duty.stand_s(&self.planner.rules, due);
        if stands_s > 0 {
            self.stand(f64::from(stands_s), Reason::Rest { due, place });
        }
    }

    fn fill(&mut self, stop: &FuelStop) {
        let FuelStop { station, buy_ml, paise_per_l, .. } = *stop;
        let time = self.now.time.filter(|_| !self.is_free());
        let (opens_s, served_s) = self.planner.time_at_pump(station, buy_ml, time);
        self.bought_ml += buy_ml;
        let reason = Reason::Fuel { station, buy_ml, paise_per_l, opens_s };
        self.stand(opens_s + served_s, reason);
    }

    /// Stands; whoever has stood long enough needs no rest that was planned.
    fn stand(&mut self, seconds: f64, reason: Reason) {
        let (at_m, arrives_s) = (self.now.at_m, self.elapsed_s);
        self.halts.push(Halt { at_m, arrives_s, stands_s: seconds, reason });
        self.now.speed_mps = 0.0;
        let rules = &self.planner.rules;
        self.now.duty.stand(rules, whole_s(seconds));
        if self.now.duty.due(rules, self.planner.drivers) == Due::Nothing {
            self.now.rest = None;
        }
        if !self.is_free() {
            self.pass(seconds);
        }
        self.mark();
    }

    fn pass(&mut self, seconds: f64) {
        self.elapsed_s += seconds;
        let since_start_ms = (self.elapsed_s * 1e3).round() as i64;
        self.now.time = self.started.time.map(|time| time.plus_ms(since_start_ms));
    }

    /// Drives to `to_m` on `piece`.
    fn cross(&mut self, piece: &Piece, to_m: f64) {
        let length_m = to_m - self.now.at_m;
        if length_m <= 0.0 {
            return;
        }
        self.now.at_m = to_m;
        if piece.ferry {
            let seconds = length_m / mps_from_kmh(piece.truck_speed_kmh);
            self.now.speed_mps = 0.0;
            self.now.duty.stand(&self.planner.rules, whole_s(seconds));
            self.pass(seconds);
            self.mark();
            return;
        }
        let (stretch, free_s) = self.stretch(piece, length_m);
        let crossing = self.planner.haul.cross(self.now.speed_mps, &stretch);
        self.now.speed_mps = crossing.speed_mps;
        self.burned_ul += crossing.fuel_ul;
        let seconds = free_s.unwrap_or(crossing.duration_s);
        let whole = self.fraction_s + seconds;
        self.fraction_s = whole - whole.floor();
        self.now.duty.drive(whole_s(whole.floor()));
        let (in_ml, out_ml) =
            (self.started.tank_ml + self.bought_ml, whole_s(self.burned_ul * 1e-3));
        self.now.tank_ml = in_ml.saturating_sub(u64::from(out_ml));
        self.pass(seconds);
        self.mark();
    }

    /// The road under the wheels, and how long it takes if the road alone decides that.
    fn stretch(&self, piece: &Piece, length_m: f64) -> (Stretch, Option<f64>) {
        let planner = self.planner;
        let (wet, wanted_kmh, free_s) = match (planner.pacing, self.now.time) {
            (Pacing::FreeFlow, _) => {
                let seconds = length_m / mps_from_kmh(piece.truck_speed_kmh);
                (false, free_kmh(piece), Some(seconds))
            }
            (Pacing::Usual, time) => {
                let pace = match time {
                    Some(time) => Pace::at(&Usual, planner.network, piece, time),
                    None => Pace::at_no_hour(planner.network, piece),
                };
                (pace.wet, pace.speed_kmh * USUAL_SHARE * FLOW_MEAN, None)
            }
        };
        let road = road_of(piece, wet, self.now.time);
        let descent_mps = planner.vehicle.descent_mps(&road).max(mps_from_kmh(DESCENT_KMH));
        let law_mps = mps_from_kmh(road_kind(piece).limit_kmh());
        let wanted_mps = mps_from_kmh(wanted_kmh).min(descent_mps).min(law_mps);
        let stretch = Stretch {
            length_m,
            grade: road.grade,
            rolling_factor: road.rolling_factor(),
            air_density_kgpm3: road.air_density_kgpm3,
            ambient_c: road.ambient_c,
            wanted_mps,
        };
        (stretch, free_s)
    }
}

/// Whole seconds, at most a century.
#[expect(clippy::cast_sign_loss, reason = "times are positive; the cast saturates")]
fn whole_s(seconds: f64) -> u32 {
    seconds as u32
}

/// The road that a truck at `at_m` is on already.
fn segment_under(route: &Route, at_m: f64) -> Option<SegmentIx> {
    let ix = route.pieces.partition_point(|piece| piece.end_m() < at_m);
    route.pieces.get(ix).filter(|_| at_m > 0.0).map(|piece| piece.segment)
}
