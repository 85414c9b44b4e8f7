//! Messages of gRPC as REST shows the same things, by way of the domain's own types: what a
//! message leaves out or changes does not come back.

use fleet_core::{
    domain::{RegisteredTruck, Status, TelemetryEvent, TripSummary},
    geo::Position,
    time::Time,
};
use fleet_proto::v1;
use serde_json::{Value, json};

fn page(items: impl Iterator<Item = Value>, next_page_token: &str) -> Value {
    json!({ "items": items.collect::<Vec<_>>(), "next_page_token": next_page_token })
}

fn time(ms: i64) -> Value {
    json!(Time::from_ms(ms))
}

pub(super) fn summary(summary: &v1::FleetSummary) -> Value {
    json!({
        "trucks": summary.trucks,
        "trucks_by_status": summary.trucks_by_status,
        "trucks_silent": summary.trucks_silent,
        "distance_mm": summary.distance_mm.to_string(),
        "fuel_burned_ul": summary.fuel_burned_ul.to_string(),
        "diesel_cost_upaise": summary.diesel_cost_upaise.to_string(),
        "co2_mg": summary.co2_mg.to_string(),
        "events": summary.events.to_string(),
        "trips": summary.trips.to_string(),
        "trips_on_time": summary.trips_on_time.to_string(),
        "counters_at": summary.counters_at_ms.map(time),
        "newest_event_at": summary.newest_event_at_ms.map(time),
    })
}

pub(super) fn event(event: v1::TelemetryEvent) -> Value {
    json!(TelemetryEvent::try_from(event).unwrap())
}

pub(super) fn trip(trip: v1::TripSummary) -> Value {
    json!(TripSummary::try_from(trip).unwrap())
}

pub(super) fn truck(truck: v1::Truck) -> Value {
    let registered = truck.registered.map(|truck| RegisteredTruck::try_from(truck).unwrap());
    json!({
        "truck_id": truck.truck_id,
        "registered": registered,
        "latest": truck.latest.map(event),
    })
}

pub(super) fn trucks(list: v1::ListTrucksResponse) -> Value {
    page(list.trucks.into_iter().map(truck), &list.next_page_token)
}

pub(super) fn position(truck: &v1::TruckPosition) -> Value {
    let at = truck.position.as_ref().unwrap();
    json!({
        "position": Position::new(at.latitude_deg, at.longitude_deg).unwrap(),
        "status": Status::try_from(truck.status()).unwrap(),
        "truck_id": truck.truck_id,
        "event_time": time(truck.event_time_ms),
        "heading_deg": truck.heading_deg,
        "speed_kmh": truck.speed_kmh,
    })
}

pub(super) fn events(list: v1::ListTelemetryResponse) -> Value {
    page(list.events.into_iter().map(event), &list.next_page_token)
}

pub(super) fn trips(list: v1::ListTripsResponse) -> Value {
    page(list.trips.into_iter().map(trip), &list.next_page_token)
}

pub(super) fn entry(entry: v1::FeedEntry) -> Value {
    match entry.item.unwrap() {
        v1::feed_entry::Item::Telemetry(found) => {
            json!({ "kind": "telemetry", "event": event(found) })
        }
        v1::feed_entry::Item::Trip(found) => json!({ "kind": "trip", "trip": trip(found) }),
    }
}

pub(super) fn group(group: &v1::ConsumerGroup) -> Value {
    let partition = |lag: &v1::PartitionLag| {
        json!({
            "topic": lag.topic,
            "partition": lag.partition,
            "committed": lag.committed,
            "end": lag.end,
            "lag_records": lag.lag_records,
            "lag_seconds": lag.lag_seconds,
            "verdict": lag.verdict,
        })
    };
    json!({
        "group": group.group,
        "lag_records": group.lag_records,
        "lag_seconds": group.lag_seconds,
        "verdict": group.verdict,
        "since": group.since_ms.map(time),
        "members": group.members,
        "rebalancing": group.rebalancing,
        "lag_trend": group.lag_trend,
        "catch_up_seconds": group.catch_up_seconds,
        "loss_in_seconds": group.loss_in_seconds,
        "partitions": group.partitions.iter().map(partition).collect::<Vec<_>>(),
    })
}

pub(super) fn letter(letter: v1::DeadLetter) -> Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let headers = letter.headers.iter();
    let headers: Vec<_> =
        headers.map(|h| json!({ "name": h.name, "value_hex": hex(&h.value) })).collect();
    let from = (!letter.redriven_from.is_empty()).then_some(letter.redriven_from);
    json!({
        "id": letter.id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "group": letter.group,
        "reason": letter.reason,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "first_failed_at": time(letter.first_failed_at_ms),
        "dead_lettered_at": time(letter.dead_lettered_at_ms),
        "key": String::from_utf8_lossy(&letter.key),
        "headers": headers,
        "payload_hex": hex(&letter.payload),
        "is_cut": letter.is_cut,
        "redriven": letter.redriven,
        "redriven_from": from,
    })
}

pub(super) fn letters(list: v1::ListDeadLettersResponse) -> Value {
    page(list.dead_letters.into_iter().map(letter), &list.next_page_token)
}

pub(super) fn redrive(result: &v1::RedriveResult) -> Value {
    json!({
        "id": result.id,
        "outcome": result.outcome,
        "detail": result.detail,
        "reason": (!result.reason.is_empty()).then_some(&result.reason),
    })
}

pub(super) fn redrives(answer: &v1::RedriveDeadLettersResponse) -> Value {
    page(answer.results.iter().map(redrive), &answer.next_page_token)
}

pub(super) fn letter_counts(counts: &v1::CountDeadLettersResponse) -> Value {
    let count = |count: &v1::DeadLetterCount| {
        json!({
            "topic": count.topic,
            "reason": count.reason,
            "letters": count.letters,
            "oldest_at": time(count.oldest_at_ms),
            "newest_at": time(count.newest_at_ms),
            "newest_id": count.newest_id,
        })
    };
    let items: Vec<_> = counts.counts.iter().map(count).collect();
    json!({ "items": items, "is_complete": counts.is_complete })
}

pub(super) fn slo(slo: v1::Slo) -> Value {
    let window = |window: Option<v1::SloWindow>| {
        let window = window.unwrap();
        json!({
            "verdict": window.verdict,
            "total": window.total,
            "bad": window.bad,
            "sli": window.sli,
            "budget_used": window.budget_used,
            "budget_left": window.budget_left,
            "coverage": window.coverage,
            "is_partial": window.is_partial,
        })
    };
    let burn = |burn: &v1::SloBurn| {
        json!({
            "window": burn.window,
            "total": burn.total,
            "bad": burn.bad,
            "burn_rate": burn.burn_rate,
        })
    };
    let alert = |alert: &v1::SloAlert| {
        json!({
            "name": alert.name,
            "state": alert.state,
            "factor": alert.factor,
            "long_window": alert.long_window,
            "short_window": alert.short_window,
            "reason": alert.reason,
        })
    };
    let outage = |outage: v1::SloOutage| {
        json!({
            "from": time(outage.from_ms),
            "to": time(outage.to_ms),
            "total": outage.total,
            "bad": outage.bad,
            "budget_used": outage.budget_used,
            "ages_out_at": time(outage.ages_out_at_ms),
        })
    };
    json!({
        "name": slo.name,
        "meaning": slo.meaning,
        "source": slo.source,
        "objective": slo.objective,
        "budget_ppm": slo.budget_ppm,
        "state": slo.state,
        "as_of": time(slo.as_of_ms),
        "window_30d": window(slo.window_30d),
        "window_5m": window(slo.window_5m),
        "burn_rates": slo.burn_rates.iter().map(burn).collect::<Vec<_>>(),
        "alerts": slo.alerts.iter().map(alert).collect::<Vec<_>>(),
        "exhausted_in_s": slo.exhausted_in_s,
        "within_budget_at": slo.within_budget_at_ms.map(time),
        "within_half_at": slo.within_half_at_ms.map(time),
        "worst_outage": slo.worst_outage.map(outage),
    })
}
