//! Any valid value of the contracts, up to the edges of every range.

use std::{fmt::Debug, str::FromStr};

use fleet_core::{
    Error,
    domain::{
        Counters, Delays, Eta, FuelLedger, Genesis, LateReason, Refuelling, RegisteredTruck,
        RouterKind, Signals, Sla, Status, TelemetryEvent, TripEnd, TripStatus, TripSummary,
        ranges::{self, Range},
    },
    geo::Position,
    route::RoadClass,
    time::Time,
};
use proptest::{option, prelude::*};

fn within(range: Range) -> BoxedStrategy<f64> {
    let Range { min, max, .. } = range;
    prop_oneof![8 => min..=max, 1 => Just(min), 1 => Just(max)].boxed()
}

fn id<T: FromStr<Err = Error> + Debug>() -> impl Strategy<Value = T> {
    "[A-Za-z0-9._-]{1,64}".prop_map(|text| text.parse().expect("well formed"))
}

/// Free text: 1 to 128 bytes, of any script, nothing that cannot be printed.
fn text() -> BoxedStrategy<String> {
    prop_oneof!["[ -~]{1,128}", "[अ-ह☃é/:\"\\\\]{1,42}"].boxed()
}

fn time() -> BoxedStrategy<Time> {
    let (min, max) = (Time::MIN.as_ms(), Time::MAX.as_ms() - 1);
    prop_oneof![8 => min..=max, 1 => Just(min), 1 => Just(max)].prop_map(Time::from_ms).boxed()
}

fn counter() -> BoxedStrategy<u64> {
    let max = i64::MAX.cast_unsigned();
    prop_oneof![6 => 0..=1_u64 << 40, 2 => 0..=max, 1 => Just(0), 1 => Just(max)].boxed()
}

fn position() -> impl Strategy<Value = Position> {
    (within(ranges::LATITUDE_DEG), within(ranges::LONGITUDE_DEG))
        .prop_map(|(lat, lon)| Position { lat, lon })
}

fn signals() -> impl Strategy<Value = Signals> {
    let reading = |range| option::of(within(range));
    let first = (
        reading(ranges::ALTITUDE_M),
        reading(ranges::HEADING_DEG),
        reading(ranges::SPEED_KMH),
        reading(ranges::FUEL_L),
        reading(ranges::FUEL_PCT),
        reading(ranges::COOLANT_C),
        reading(ranges::ENGINE_RPM),
    );
    let second = (
        option::of(0..=18_u8),
        reading(ranges::VIBRATION_RMS_MPS2),
        reading(ranges::ODOMETER_KM),
        reading(ranges::PAYLOAD_KG),
        option::of(counter()),
        option::of(counter()),
    );
    (first, second).prop_map(|(first, second)| {
        let (altitude_m, heading_deg, speed_kmh, fuel_l, fuel_pct, coolant_c, engine_rpm) = first;
        let (gear, vibration_rms_mps2, odometer_km, payload_kg, burned, cost) = second;
        Signals {
            altitude_m,
            heading_deg,
            speed_kmh,
            fuel_l,
            fuel_pct,
            coolant_c,
            engine_rpm,
            gear,
            vibration_rms_mps2,
            odometer_km,
            payload_kg,
            fuel_burned_ml: burned,
            diesel_cost_paise: cost,
        }
    })
}

fn refuelling() -> impl Strategy<Value = Refuelling> {
    (1..=2_000_000_u64, 1..=1_000_000_u64, text(), time()).prop_map(
        |(refuelled_ml, price_paise_per_l, station, refuelled_at)| Refuelling {
            refuelled_ml,
            price_paise_per_l,
            station,
            refuelled_at,
        },
    )
}

fn road_class() -> impl Strategy<Value = RoadClass> {
    prop::sample::select(RoadClass::ALL.to_vec())
}

/// Any valid telemetry event, of a source that counts or does not.
pub(crate) fn event() -> impl Strategy<Value = TelemetryEvent> {
    let max = i64::MAX.cast_unsigned();
    let source = prop_oneof![
        (1..=max).prop_map(|seq| (seq, None)),
        text().prop_map(|source_id| (0, Some(source_id))),
    ];
    let who = (id(), source, option::of(id()), option::of(id()));
    let what = (time(), position(), prop::sample::select(Status::ALL.to_vec()), signals());
    let where_ = (option::of(road_class()), option::of(text()), option::of(refuelling()));
    (who, what, where_).prop_map(|(who, what, where_)| {
        let (truck_id, (seq, source_id), trip_id, driver_id) = who;
        let (event_time, position, status, signals) = what;
        let (road_class, zone, refuelling) = where_;
        TelemetryEvent {
            truck_id,
            seq,
            source_id,
            event_time,
            position,
            status,
            signals,
            trip_id,
            driver_id,
            road_class,
            zone,
            refuelling,
        }
    })
}

fn trip_end() -> impl Strategy<Value = TripEnd> {
    (text(), text(), position()).prop_map(|(place, name, position)| TripEnd {
        place,
        name,
        position,
    })
}

/// A fuel book that balances.
fn fuel() -> impl Strategy<Value = FuelLedger> {
    let book = (0..1_u64 << 40, 0..1_u64 << 40, 0..1_u64 << 40, any::<u64>());
    book.prop_map(|(end_ml, burned_ml, drained_ml, word)| {
        let out = end_ml + burned_ml + drained_ml;
        let refuelled_ml = word % (out + 1);
        FuelLedger { start_ml: out - refuelled_ml, refuelled_ml, drained_ml, burned_ml, end_ml }
    })
}

fn sla() -> impl Strategy<Value = Sla> {
    let reason = prop::sample::select(vec![
        LateReason::Traffic,
        LateReason::Rest,
        LateReason::Refuelling,
        LateReason::Weather,
        LateReason::Closure,
        LateReason::Breakdown,
        LateReason::Loading,
    ]);
    let late = (counter(), reason).prop_map(|(late_min, reason)| Sla::Late { late_min, reason });
    prop_oneof![Just(Sla::OnTime), late]
}

/// Any valid forecast.
fn eta() -> impl Strategy<Value = Eta> {
    prop::array::uniform3(time()).prop_map(|mut times| {
        times.sort_unstable();
        let [earliest, arrival, latest] = times;
        Eta { arrival, earliest, latest }
    })
}

fn delays() -> impl Strategy<Value = Delays> {
    prop::array::uniform6(counter()).prop_map(|seconds| {
        let [traffic_s, weather_s, refuelling_s, closure_s, breakdown_s, loading_s] = seconds;
        Delays { traffic_s, weather_s, refuelling_s, closure_s, breakdown_s, loading_s }
    })
}

/// Any valid trip, under way or done.
pub(crate) fn trip() -> impl Strategy<Value = TripSummary> {
    let ids = (id(), 1..=u32::MAX, id(), option::of(id()));
    let load = (trip_end(), trip_end(), text(), within(ranges::PAYLOAD_KG));
    let times = (time(), time(), time(), option::of(sla()));
    let totals = prop::array::uniform6(counter());
    let speeds = (within(ranges::SPEED_KMH), within(ranges::SPEED_KMH));
    let refuellings = prop::collection::vec(refuelling(), 0..4);
    let foreseen = (option::of(eta()), option::of(eta()), delays());
    (ids, load, times, totals, speeds, fuel(), refuellings, foreseen).prop_map(
        |(ids, load, times, totals, speeds, fuel, refuellings, foreseen)| {
            let (trip_id, revision, truck_id, driver_id) = ids;
            let (origin, destination, commodity, payload_kg) = load;
            let (one, two, promised_at, sla) = times;
            let [planned_distance_m, distance_m, diesel_cost_paise, co2_g, idle_s, rest_s] = totals;
            let status = if sla.is_some() { TripStatus::Done } else { TripStatus::Running };
            TripSummary {
                trip_id,
                revision,
                truck_id,
                driver_id,
                status,
                origin,
                destination,
                commodity,
                payload_kg,
                planned_distance_m,
                started_at: one.min(two),
                promised_at,
                arrived_at: sla.map(|_| one.max(two)),
                distance_m,
                fuel,
                diesel_cost_paise,
                co2_g,
                average_speed_kmh: speeds.0,
                max_speed_kmh: speeds.1,
                idle_s,
                rest_s,
                refuellings,
                sla,
                eta_at_departure: foreseen.0,
                eta: foreseen.1.filter(|_| sla.is_none()),
                delays: foreseen.2,
            }
        },
    )
}

/// Any valid entry of the register.
pub(crate) fn truck() -> impl Strategy<Value = RegisteredTruck> {
    let masses =
        (within(ranges::KERB_KG), within(ranges::PAYLOAD_MAX_KG), within(ranges::FUEL_TANK_L));
    (id(), text(), text(), text(), masses).prop_map(
        |(truck_id, model, model_name, depot, (kerb_kg, payload_max_kg, fuel_tank_l))| {
            RegisteredTruck {
                truck_id,
                model,
                model_name,
                depot,
                kerb_kg,
                payload_max_kg,
                fuel_tank_l,
            }
        },
    )
}

/// Any valid beginning of a run.
pub(crate) fn genesis() -> impl Strategy<Value = Genesis> {
    let router = prop_oneof![Just(RouterKind::Builtin), Just(RouterKind::Osrm)];
    (any::<u64>(), time(), any::<i64>(), any::<u32>(), router).prop_map(
        |(seed, start, clock_offset_ms, world_version, router)| Genesis {
            seed,
            start: Time::from_secs(start.as_secs()),
            clock_offset_ms,
            world_version,
            router,
        },
    )
}

/// Any totals.
pub(crate) fn counters() -> impl Strategy<Value = Counters> {
    prop::array::uniform6(any::<u64>()).prop_map(
        |[distance_mm, fuel_burned_ul, diesel_cost_upaise, events, trips, trips_on_time]| {
            Counters {
                distance_mm,
                fuel_burned_ul,
                diesel_cost_upaise,
                events,
                trips,
                trips_on_time,
            }
        },
    )
}
