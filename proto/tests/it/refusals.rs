//! What breaks a rule is refused, by the name of its field.

use fleet_core::{
    ErrorKind, Result,
    domain::{RegisteredTruck, TelemetryEvent, TripSummary},
};
use fleet_proto::v1;
use proptest::prelude::*;

use crate::values;

/// A way to break a message: the field that the refusal must name, and what is done to it.
type Break<M> = (&'static str, fn(&mut M));

/// Breaks `message` in each way, and checks that the refusal names the field.
fn each_is_refused<M, T>(message: &M, breaks: &[Break<M>])
where
    M: Clone,
    T: TryFrom<M, Error = fleet_core::Error> + std::fmt::Debug,
{
    let decode = |message: M| -> Result<T> { message.try_into() };
    assert!(decode(message.clone()).is_ok(), "the message was valid");
    for (field, damage) in breaks {
        let mut broken = message.clone();
        damage(&mut broken);
        let error = decode(broken).expect_err(field);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{field}: {error}");
        let text = error.to_string();
        assert!(text.starts_with(field), "{text:?} does not name {field}");
    }
}

const EARLY_MS: i64 = 946_684_799_999;
const LATE_MS: i64 = 4_102_444_800_000;

const EVENT: &[Break<v1::TelemetryEvent>] = &[
    ("truck_id", |m| m.truck_id.clear()),
    ("truck_id", |m| m.truck_id = "a truck".into()),
    ("seq", |m| (m.seq, m.source_id) = (0, String::new())),
    ("seq", |m| (m.seq, m.source_id) = (1, "x".into())),
    ("seq", |m| (m.seq, m.source_id) = (1 << 63, String::new())),
    ("source_id", |m| (m.seq, m.source_id) = (0, "x".repeat(129))),
    ("source_id", |m| (m.seq, m.source_id) = (0, "a\nb".into())),
    ("event_time_ms", |m| m.event_time_ms = EARLY_MS),
    ("event_time_ms", |m| m.event_time_ms = LATE_MS),
    ("position", |m| m.position = None),
    ("latitude_deg", |m| m.position = Some(at(90.01, 0.0))),
    ("latitude_deg", |m| m.position = Some(at(f64::NAN, 0.0))),
    ("longitude_deg", |m| m.position = Some(at(0.0, -180.01))),
    ("status", |m| m.status = 0),
    ("status", |m| m.status = 8),
    ("altitude_m", |m| m.altitude_m = Some(-430.1)),
    ("altitude_m", |m| m.altitude_m = Some(6_000.1)),
    ("heading_deg", |m| m.heading_deg = Some(-0.1)),
    ("heading_deg", |m| m.heading_deg = Some(360.1)),
    ("speed_kmh", |m| m.speed_kmh = Some(150.1)),
    ("speed_kmh", |m| m.speed_kmh = Some(f64::NAN)),
    ("fuel_l", |m| m.fuel_l = Some(2_000.1)),
    ("fuel_l", |m| m.fuel_l = Some(f64::INFINITY)),
    ("fuel_pct", |m| m.fuel_pct = Some(100.1)),
    ("coolant_c", |m| m.coolant_c = Some(-40.1)),
    ("coolant_c", |m| m.coolant_c = Some(130.1)),
    ("engine_rpm", |m| m.engine_rpm = Some(4_000.1)),
    ("gear", |m| m.gear = Some(19)),
    ("gear", |m| m.gear = Some(256)),
    ("vibration_rms_mps2", |m| m.vibration_rms_mps2 = Some(50.1)),
    ("odometer_km", |m| m.odometer_km = Some(10_000_000.1)),
    ("payload_kg", |m| m.payload_kg = Some(-1.0)),
    ("fuel_burned_ml", |m| m.fuel_burned_ml = Some(1 << 63)),
    ("diesel_cost_paise", |m| m.diesel_cost_paise = Some(u64::MAX)),
    ("trip_id", |m| m.trip_id = "x".repeat(65)),
    ("driver_id", |m| m.driver_id = "a/b".into()),
    ("road_class", |m| m.road_class = 9),
    ("road_class", |m| m.road_class = -1),
    ("zone", |m| m.zone = "x".repeat(129)),
    ("refuelled_ml", |m| m.refuelling = Some(filled(|r| r.refuelled_ml = 0))),
    ("refuelled_ml", |m| m.refuelling = Some(filled(|r| r.refuelled_ml = 2_000_001))),
    ("price_paise_per_l", |m| m.refuelling = Some(filled(|r| r.price_paise_per_l = 1_000_001))),
    ("refuelled_at_ms", |m| m.refuelling = Some(filled(|r| r.refuelled_at_ms = LATE_MS))),
    ("station", |m| m.refuelling = Some(filled(|r| r.station.clear()))),
];

const TRIP: &[Break<v1::TripSummary>] = &[
    ("trip_id", |m| m.trip_id.clear()),
    ("revision", |m| m.revision = 0),
    ("truck_id", |m| m.truck_id = "ट्रक".into()),
    ("driver_id", |m| m.driver_id = " ".into()),
    ("status", |m| m.status = 0),
    ("origin", |m| m.origin = None),
    ("destination", |m| m.destination = None),
    ("origin", |m| m.origin.as_mut().expect("valid").position = None),
    ("latitude_deg", |m| m.origin.as_mut().expect("valid").position = Some(at(-91.0, 0.0))),
    ("longitude_deg", |m| m.destination.as_mut().expect("valid").position = Some(at(0.0, 181.0))),
    ("commodity", |m| m.commodity.clear()),
    ("payload_kg", |m| m.payload_kg = 100_000.1),
    ("started_at_ms", |m| m.started_at_ms = EARLY_MS),
    ("promised_at_ms", |m| m.promised_at_ms = i64::MAX),
    ("arrived_at_ms", |m| m.arrived_at_ms = Some(i64::MIN)),
    ("arrived_at", |m| m.arrived_at_ms = m.arrived_at_ms.xor(Some(m.started_at_ms))),
    ("sla", |m| m.sla = if m.sla.is_some() { None } else { Some(on_time()) }),
    ("sla.reason", |m| m.sla = Some(v1::Sla { on_time: false, late_min: 1, reason: 0 })),
    ("fuel", |m| m.fuel = None),
    ("fuel", |m| m.fuel.as_mut().expect("valid").end_ml += 1),
    ("average_speed_kmh", |m| m.average_speed_kmh = -0.1),
    ("max_speed_kmh", |m| m.max_speed_kmh = f64::NAN),
    ("refuelled_ml", |m| m.refuellings.push(filled(|r| r.refuelled_ml = 0))),
    ("refuellings", |m| m.refuellings = vec![filled(|_| ()); 1_001]),
    ("eta", |m| m.eta = Some(v1::Eta { arrival_ms: 0, ..backwards() })),
    ("eta_at_departure", |m| m.eta_at_departure = Some(backwards())),
    ("eta_at_departure.latest_ms", |m| m.eta_at_departure = Some(never())),
];

const TRUCK: &[Break<v1::RegisteredTruck>] = &[
    ("truck_id", |m| m.truck_id.clear()),
    ("model", |m| m.model.clear()),
    ("model_name", |m| m.model_name = "x".repeat(129)),
    ("depot", |m| m.depot = "\u{7f}".into()),
    ("kerb_kg", |m| m.kerb_kg = -1.0),
    ("kerb_kg", |m| m.kerb_kg = f64::NAN),
    ("payload_max_kg", |m| m.payload_max_kg = 100_000.1),
    ("fuel_tank_l", |m| m.fuel_tank_l = f64::NEG_INFINITY),
];

fn at(latitude_deg: f64, longitude_deg: f64) -> v1::Position {
    v1::Position { latitude_deg, longitude_deg }
}

/// A forecast whose ends are exchanged.
fn backwards() -> v1::Eta {
    let arrival_ms = 1_767_571_200_000;
    v1::Eta { arrival_ms, earliest_ms: arrival_ms + 1, latest_ms: arrival_ms - 1 }
}

fn never() -> v1::Eta {
    v1::Eta { latest_ms: LATE_MS, earliest_ms: 1_767_571_200_000, ..backwards() }
}

fn on_time() -> v1::Sla {
    v1::Sla { on_time: true, late_min: 0, reason: 0 }
}

/// A valid refuelling, then broken.
fn filled(damage: fn(&mut v1::Refuelling)) -> v1::Refuelling {
    let mut refuelling = v1::Refuelling {
        refuelled_ml: 100_000,
        price_paise_per_l: 9_000,
        station: "Jorabat".into(),
        refuelled_at_ms: 1_767_571_200_000,
    };
    damage(&mut refuelling);
    refuelling
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_field_out_of_range_is_refused_by_name(
        (event, trip, truck) in (values::event(), values::trip(), values::truck()),
    ) {
        each_is_refused::<_, TelemetryEvent>(&v1::TelemetryEvent::from(&event), EVENT);
        each_is_refused::<_, TripSummary>(&v1::TripSummary::from(&trip), TRIP);
        each_is_refused::<_, RegisteredTruck>(&v1::RegisteredTruck::from(&truck), TRUCK);
    }
}
