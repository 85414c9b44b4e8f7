//! What one truck did in a window, bucket by bucket.

use std::collections::BTreeMap;

use super::{
    BUCKET_MS, DRIVING_KMH, LONG_DAILY_DRIVING_BUCKETS, LONG_DRIVING_BUCKETS, RUN_KMH, Window, Zone,
};
use crate::{
    domain::{Status, TelemetryEvent},
    time::Time,
};

/// Ten minutes of one truck.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    reports: u32,
    broken: u32,
    speeds: u32,
    speed_sum_kmh: f64,
}

impl Bucket {
    /// Mean of the speeds reported, km/h; `None` if none was.
    pub fn mean_speed_kmh(&self) -> Option<f64> {
        (self.speeds > 0).then(|| self.speed_sum_kmh / f64::from(self.speeds))
    }

    /// Whether it was driven: a mean speed above 1 km/h.
    pub fn is_driving(&self) -> bool {
        self.mean_speed_kmh().is_some_and(|mean| mean > DRIVING_KMH)
    }

    /// Whether it was out of order: at least half of the reports say so.
    pub const fn is_broken(&self) -> bool {
        self.reports > 0 && self.broken * 2 >= self.reports
    }

    fn is_run(&self) -> bool {
        self.mean_speed_kmh().is_some_and(|mean| mean > RUN_KMH)
    }
}

/// Unbroken driving: neighbouring buckets, each with a mean speed above 5 km/h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrivingRun {
    /// When its first bucket begins.
    pub start: Time,
    /// Its length, ms.
    pub length_ms: i64,
    /// Whether it may have begun before the window.
    pub is_first: bool,
    /// Whether it may go on after the window.
    pub is_open: bool,
}

/// Fuel burned while moving.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Consumption {
    /// Litres per 100 km; `None` if no distance was measured.
    pub l_per_100km: Option<f64>,
    /// Litres per hour of moving.
    pub l_per_h: f64,
    /// Fuel burned, l.
    pub fuel_l: f64,
    /// Time moving, h: what the means are weighed by.
    pub moving_h: f64,
}

/// The cumulative readings of a report.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Time,
    burned_ml: u64,
    odometer_km: Option<f64>,
}

/// What one truck did in a window.
#[derive(Clone, Debug)]
pub struct Activity {
    window: Window,
    buckets: BTreeMap<i64, Bucket>,
    reports: u64,
    payload_sum_kg: f64,
    payloads: u64,
    odometer_km: Option<(f64, f64)>,
    last: Option<Reading>,
    moving_ms: i64,
    moving_ml: u64,
    moving_km: f64,
}

impl Activity {
    /// Nothing yet.
    pub const fn new(window: Window) -> Self {
        Self {
            window,
            buckets: BTreeMap::new(),
            reports: 0,
            payload_sum_kg: 0.0,
            payloads: 0,
            odometer_km: None,
            last: None,
            moving_ms: 0,
            moving_ml: 0,
            moving_km: 0.0,
        }
    }

    /// Takes a report in; one outside the window changes nothing. Reports may come in any order,
    /// each once; only consumption wants them by event time, and passes over one that is late.
    pub fn take(&mut self, event: &TelemetryEvent) {
        if !self.window.contains(event.event_time) {
            return;
        }
        let signals = &event.signals;
        self.reports += 1;
        let number = event.event_time.as_ms().div_euclid(BUCKET_MS);
        let bucket = self.buckets.entry(number).or_default();
        bucket.reports += 1;
        bucket.broken += u32::from(event.status == Status::Breakdown);
        if let Some(speed) = signals.speed_kmh {
            bucket.speeds += 1;
            bucket.speed_sum_kmh += speed;
        }
        if let Some(payload) = signals.payload_kg {
            self.payloads += 1;
            self.payload_sum_kg += payload;
        }
        if let Some(odometer) = signals.odometer_km {
            let (least, most) = self.odometer_km.unwrap_or((odometer, odometer));
            self.odometer_km = Some((least.min(odometer), most.max(odometer)));
        }
        self.burn(event);
    }

    /// What was burned since the report before counts if the truck moves now and was heard of
    /// within a bucket's time.
    fn burn(&mut self, event: &TelemetryEvent) {
        let Some(burned_ml) = event.signals.fuel_burned_ml else { return };
        let odometer_km = event.signals.odometer_km;
        let now = Reading { at: event.event_time, burned_ml, odometer_km };
        let Some(before) = self.last else {
            self.last = Some(now);
            return;
        };
        let passed_ms = now.at.ms_since(before.at);
        if passed_ms <= 0 {
            return;
        }
        self.last = Some(now);
        let is_moving = event.signals.speed_kmh.is_some_and(|speed| speed > DRIVING_KMH);
        let Some(ml) = burned_ml.checked_sub(before.burned_ml) else { return }; // a new meter
        if !is_moving || passed_ms > BUCKET_MS {
            return;
        }
        self.moving_ms += passed_ms;
        self.moving_ml += ml;
        if let (Some(then), Some(now)) = (before.odometer_km, odometer_km) {
            self.moving_km += (now - then).max(0.0);
        }
    }

    /// Reports taken in.
    pub const fn reports(&self) -> u64 {
        self.reports
    }

    /// Buckets by their start, those with reports only.
    pub fn buckets(&self) -> impl Iterator<Item = (Time, &Bucket)> {
        self.buckets.iter().map(|(number, bucket)| (Time::from_ms(number * BUCKET_MS), bucket))
    }

    /// Buckets of the window in which nothing was heard.
    pub fn silent_buckets(&self) -> usize {
        let all = self.window.buckets();
        usize::try_from(all.end - all.start).unwrap_or(0).saturating_sub(self.buckets.len())
    }

    /// The share of the window's buckets with a report, 0 to 1.
    pub fn coverage(&self) -> f64 {
        let heard = self.buckets.len() as f64;
        heard / (heard + self.silent_buckets() as f64).max(1.0)
    }

    /// Mean of all speeds reported, km/h.
    pub fn mean_speed_kmh(&self) -> Option<f64> {
        let (sum, count) = self.buckets.values().fold((0.0, 0_u32), |(sum, count), bucket| {
            (sum + bucket.speed_sum_kmh, count + bucket.speeds)
        });
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Whether it stood: a mean speed below 1 km/h; `None` if no speed was heard.
    pub fn is_stationary(&self) -> Option<bool> {
        self.mean_speed_kmh().map(|mean| mean < DRIVING_KMH)
    }

    /// Buckets driven.
    pub fn driving_buckets(&self) -> usize {
        self.buckets.values().filter(|bucket| bucket.is_driving()).count()
    }

    /// Whether a window of 4 h leaves less than 20 minutes of rest.
    pub fn is_long_driving(&self) -> bool {
        self.driving_buckets() > LONG_DRIVING_BUCKETS
    }

    /// Whether a window of 24 h has more than 10 h of driving.
    pub fn is_long_daily_driving(&self) -> bool {
        self.driving_buckets() > LONG_DAILY_DRIVING_BUCKETS
    }

    /// Hours driven on each local day with reports.
    pub fn driving_h_by_day(&self, zone: Zone) -> BTreeMap<i64, f64> {
        let mut days: BTreeMap<i64, u32> = BTreeMap::new();
        for (start, bucket) in self.buckets() {
            *days.entry(zone.day(start)).or_default() += u32::from(bucket.is_driving());
        }
        days.into_iter().map(|(day, driven)| (day, f64::from(driven) / 6.0)).collect()
    }

    /// Mean hours driven a day, over days with reports.
    pub fn mean_driving_h(&self, zone: Zone) -> Option<f64> {
        super::mean_of_means(self.driving_h_by_day(zone).into_values())
    }

    /// Unbroken driving, in the order of time. A bucket without a report ends a run.
    pub fn driving_runs(&self) -> Vec<DrivingRun> {
        let all = self.window.buckets();
        let mut runs: Vec<(i64, i64)> = Vec::new(); // first bucket, one after the last
        for (number, _) in self.buckets.iter().filter(|(_, bucket)| bucket.is_run()) {
            match runs.last_mut() {
                Some((_, end)) if *end == *number => *end += 1,
                _ => runs.push((*number, number + 1)),
            }
        }
        let run = |(first, end): (i64, i64)| DrivingRun {
            start: Time::from_ms(first * BUCKET_MS),
            length_ms: (end - first) * BUCKET_MS,
            is_first: first == all.start,
            is_open: end == all.end,
        };
        runs.into_iter().map(run).collect()
    }

    /// Mean length of unbroken driving that begins on each local day, ms.
    pub fn mean_run_ms_by_day(&self, zone: Zone) -> BTreeMap<i64, f64> {
        let mut days: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for run in self.driving_runs() {
            days.entry(zone.day(run.start)).or_default().push(run.length_ms as f64);
        }
        days.into_iter()
            .filter_map(|(day, runs)| Some((day, super::mean_of_means(runs)?)))
            .collect()
    }

    /// Mean load reported, kg.
    pub fn mean_payload_kg(&self) -> Option<f64> {
        (self.payloads > 0).then(|| self.payload_sum_kg / self.payloads as f64)
    }

    /// Distance by the odometer, km.
    pub fn distance_km(&self) -> Option<f64> {
        self.odometer_km.map(|(least, most)| most - least)
    }

    /// What was burned while moving; `None` if nothing was measured.
    pub fn consumption(&self) -> Option<Consumption> {
        (self.moving_ms > 0).then(|| {
            let (fuel_l, moving_h) = (self.moving_ml as f64 / 1e3, self.moving_ms as f64 / 3.6e6);
            let per_km = |km: f64| (km > 0.0).then(|| fuel_l / km * 100.0);
            let l_per_100km = per_km(self.moving_km);
            Consumption { l_per_100km, l_per_h: fuel_l / moving_h, fuel_l, moving_h }
        })
    }

    /// Changes from a bucket in order to the next one heard of that is out of order.
    pub fn breakdowns(&self) -> usize {
        let broken: Vec<bool> = self.buckets.values().map(Bucket::is_broken).collect();
        broken.windows(2).filter(|pair| !pair[0] && pair[1]).count()
    }

    /// The same per 10,000 km; `None` without a distance.
    pub fn breakdowns_per_10_000_km(&self) -> Option<f64> {
        let km = self.distance_km().filter(|km| *km > 0.0)?;
        Some(self.breakdowns() as f64 / km * 1e4)
    }

    /// Buckets of a local day with reports and not out of order.
    pub(super) fn active_buckets(&self, zone: Zone, day: i64) -> usize {
        let on_day = self.buckets().filter(|(start, _)| zone.day(*start) == day);
        on_day.filter(|(_, bucket)| !bucket.is_broken()).count()
    }
}
