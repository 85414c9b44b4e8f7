//! Places and geofences: what one face makes the other shows.

use fleet_core::{geo::Position, time::Time};
use fleet_proto::v1::{self, place_service_client::PlaceServiceClient};
use serde_json::{Value, json};
use tonic::{Code, transport::Channel};

use super::{Still, refused, same};
use crate::program::Rest;

fn at(position: Option<v1::Position>) -> Value {
    json!(position.map(|at| Position::new(at.latitude_deg, at.longitude_deg).unwrap()))
}

fn items<T>(items: Vec<T>, shown: impl Fn(T) -> Value) -> Value {
    json!({ "items": items.into_iter().map(shown).collect::<Vec<_>>() })
}

fn depot(depot: &v1::Depot) -> Value {
    json!({
        "depot_id": depot.depot_id,
        "name": depot.name,
        "position": at(depot.position),
        "loading_bays": depot.loading_bays,
        "loading_min_per_t": depot.loading_min_per_t,
        "hours_ist": depot.hours_ist,
    })
}

fn station(station: &v1::Station) -> Value {
    json!({
        "station_id": station.station_id,
        "position": at(station.position),
        "state": station.state,
        "diesel_inr_per_l": station.diesel_inr_per_l,
        "pumps": station.pumps,
        "flow_l_per_min": station.flow_l_per_min,
        "hours_ist": station.hours_ist,
    })
}

fn zone(zone: v1::Zone) -> Value {
    let line = |line: v1::Line| {
        let points: Vec<_> = line.points.into_iter().map(|point| at(Some(point))).collect();
        json!({ "points": points })
    };
    json!({
        "zone_id": zone.zone_id,
        "name": zone.name,
        "kind": zone.kind,
        "severity": zone.severity,
        "shape": zone.shape,
        "centre": at(zone.centre),
        "radius_m": zone.radius_m,
        "lines": zone.lines.into_iter().map(line).collect::<Vec<_>>(),
    })
}

fn fence(fence: v1::Geofence) -> Value {
    json!({
        "fence_id": fence.fence_id,
        "name": fence.name,
        "kind": Some(fence.kind).filter(|kind| !kind.is_empty()),
        "updated_at": Time::from_ms(fence.updated_at_ms),
        "updated_by": fence.updated_by,
        "feature": serde_json::from_str::<Value>(&fence.geojson).unwrap(),
    })
}

fn events(found: v1::ListGeofenceEventsResponse) -> Value {
    let event = |event: v1::GeofenceEvent| {
        json!({
            "event_id": event.event_id,
            "truck_id": event.truck_id,
            "fence_id": event.fence_id,
            "kind": event.kind,
            "at": Time::from_ms(event.at_ms),
            "position": at(event.position),
            "entered_at": Time::from_ms(event.entered_at_ms),
            "evidence": event.evidence,
            "after_report_at": Time::from_ms(event.after_report_at_ms),
            "before_report_at": Time::from_ms(event.before_report_at_ms),
            "confirmed_at": Time::from_ms(event.confirmed_at_ms),
            "rule": {
                "version": event.rule_version,
                "hysteresis_m": event.hysteresis_m,
                "confirm_fixes": event.confirm_fixes,
                "dwell_s": event.dwell_s,
            },
        })
    };
    json!({
        "events": found.events.into_iter().map(event).collect::<Vec<_>>(),
        "read_from": Time::from_ms(found.read_from_ms),
        "reports": found.reports,
        "trucks": found.trucks,
        "fences": found.fences,
    })
}

pub(super) async fn compare(still: &mut Still) {
    let Still { rest, channel, .. } = still;
    let mut places = PlaceServiceClient::new(channel.clone());
    let depots = places.list_depots(v1::ListDepotsRequest {}).await.unwrap().into_inner().depots;
    let depot_at = depots[0].position.unwrap();
    same(rest, "/v1/depots", &items(depots.iter().collect(), depot));
    let stations = places.list_stations(v1::ListStationsRequest {}).await.unwrap().into_inner();
    same(rest, "/v1/stations", &items(stations.stations.iter().collect(), station));
    let zones = places.list_zones(v1::ListZonesRequest {}).await.unwrap().into_inner().zones;
    for path in ["/v1/depots", "/v1/stations", "/v1/zones"] {
        let (plain, map) = (rest.json(path), rest.json(&format!("{path}?format=geojson")));
        let count = plain["items"].as_array().unwrap().len();
        assert!(count > 3 && map["features"].as_array().unwrap().len() == count, "{path}");
    }
    same(rest, "/v1/zones", &items(zones, zone));
    compare_fences(rest, &mut places, &[depot_at.longitude_deg, depot_at.latitude_deg]).await;
}

async fn compare_fences(rest: &Rest, places: &mut PlaceServiceClient<Channel>, depot: &[f64; 2]) {
    let feature = json!({
        "type": "Feature",
        "geometry": { "type": "Point", "coordinates": depot },
        "properties": { "name": "the first depot", "kind": "depot", "radius_m": 3_000, "owner": "us" },
    });
    let (status, made) = rest.request("PUT", "/v1/geofences/depot", &feature.to_string());
    assert_eq!(status, 200, "{made}");
    let ask = v1::GetGeofenceRequest { fence_id: "depot".into() };
    let shown = fence(places.get_geofence(ask.clone()).await.unwrap().into_inner());
    assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), shown);
    assert_eq!(shown["feature"]["properties"]["owner"], "us");
    same(rest, "/v1/geofences/depot", &shown);
    let named = |id: &str| {
        let mut named = feature.clone();
        named["id"] = id.into();
        named
    };
    let all = json!({ "type": "FeatureCollection", "features": [named("a"), named("z")] });
    let request = v1::ImportGeofencesRequest { geojson: all.to_string() };
    let kept = places.import_geofences(request).await.unwrap().into_inner().geofences;
    let (status, again) = rest.request("POST", "/v1/geofences", &all.to_string());
    assert_eq!((status, serde_json::from_str::<Value>(&again).unwrap()), (200, items(kept, fence)));
    let put = v1::PutGeofenceRequest { fence_id: "z".into(), geojson: named("z").to_string() };
    places.put_geofence(put).await.unwrap();
    let page = v1::ListGeofencesRequest { page_size: 2, ..Default::default() };
    let page = places.list_geofences(page).await.unwrap().into_inner();
    let token = page.next_page_token.clone();
    let mut list = items(page.geofences, fence);
    list["next_page_token"] = json!(token);
    same(rest, "/v1/geofences?page_size=2", &list);
    let rest_of_it = rest.json(&format!("/v1/geofences?page_size=2&page_token={token}"));
    assert_eq!(
        (&rest_of_it["items"][0]["fence_id"], &rest_of_it["next_page_token"]),
        (&json!("z"), &json!(""))
    );
    let map = rest.json("/v1/geofences?format=geojson");
    assert_eq!(map["features"].as_array().unwrap().len(), 3);
    compare_events(rest, places).await;
    let delete = v1::DeleteGeofenceRequest { fence_id: "a".into() };
    places.delete_geofence(delete.clone()).await.unwrap();
    let gone = places.delete_geofence(delete).await;
    refused(rest, "/v1/geofences/a", gone, Code::NotFound);
    assert_eq!(rest.request("DELETE", "/v1/geofences/z", "").0, 200);
    let left = rest.json("/v1/geofences");
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    refuse_fences(rest, places, &feature).await;
}

async fn compare_events(rest: &Rest, places: &mut PlaceServiceClient<Channel>) {
    let (from, to) = ("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z");
    let ms = |text: &str| Some(text.parse::<Time>().unwrap().as_ms());
    let (from_ms, to_ms, fence_id) = (ms(from), ms(to), "depot".to_owned());
    let ask = v1::ListGeofenceEventsRequest { from_ms, to_ms, fence_id, ..Default::default() };
    let found = places.list_geofence_events(ask.clone()).await.unwrap().into_inner();
    let kinds: Vec<_> = found.events.iter().map(|event| event.kind.as_str()).collect();
    assert!(kinds.contains(&"enter") && kinds.contains(&"exit"), "{kinds:?}");
    assert!(found.events.is_sorted_by_key(|event| event.at_ms));
    let truck_id = found.events[0].truck_id.clone();
    same(
        rest,
        &format!("/v1/geofence-events?from={from}&to={to}&fence_id=depot"),
        &events(found.clone()),
    );
    let ask = v1::ListGeofenceEventsRequest { truck_id: truck_id.clone(), ..ask };
    let own = places.list_geofence_events(ask).await.unwrap().into_inner();
    let mine = |event: &&v1::GeofenceEvent| event.truck_id == truck_id;
    assert!(own.events.iter().eq(found.events.iter().filter(mine)) && own.trucks == 1);
    // A window's events are those of the whole that lie in it: what came before is known.
    let middle = &own.events[own.events.len() / 2];
    let later = rest.json(&format!(
        "/v1/geofence-events?from={}&to={to}&fence_id=depot&truck_id={truck_id}",
        Time::from_ms(middle.at_ms)
    ));
    let expected = own.events.iter().filter(|event| event.at_ms >= middle.at_ms);
    let expected: Vec<_> = expected.map(|event| json!(event.event_id)).collect();
    let told = later["events"].as_array().unwrap().iter();
    assert_eq!(told.map(|event| event["event_id"].clone()).collect::<Vec<_>>(), expected);
    // Whoever asks for one window after another misses nothing, wherever they meet.
    for event in own.events.iter().take(20) {
        let edges = [event.after_report_at_ms, event.at_ms, event.at_ms + 1, event.confirmed_at_ms];
        for edge in edges.map(Time::from_ms) {
            let mut told = Vec::new();
            for (from, to) in
                [(from.to_owned(), edge.to_string()), (edge.to_string(), to.to_owned())]
            {
                let path = format!(
                    "/v1/geofence-events?from={from}&to={to}&fence_id=depot&truck_id={truck_id}"
                );
                let part = rest.json(&path);
                let part = part["events"].as_array().unwrap().iter();
                told.extend(part.map(|event| event["event_id"].clone()));
            }
            let all: Vec<_> = own.events.iter().map(|event| json!(event.event_id)).collect();
            assert_eq!(told, all, "{edge}");
        }
    }
}

async fn refuse_fences(rest: &Rest, places: &mut PlaceServiceClient<Channel>, feature: &Value) {
    let no_time = places.list_geofence_events(v1::ListGeofenceEventsRequest::default()).await;
    refused(rest, "/v1/geofence-events", no_time, Code::InvalidArgument);
    let nowhere = v1::ListGeofenceEventsRequest {
        from_ms: Some(1_767_571_200_000),
        fence_id: "none".into(),
        ..Default::default()
    };
    let nowhere = places.list_geofence_events(nowhere).await;
    let path = "/v1/geofence-events?from=2026-01-05T00:00:00Z&fence_id=none";
    refused(rest, path, nowhere, Code::NotFound);
    let mut far = feature.clone();
    far["geometry"]["coordinates"] = json!([91, 126]);
    let mut other = feature.clone();
    other["id"] = "other".into();
    let none = json!({ "type": "FeatureCollection", "features": [] });
    for (body, what) in [
        (far.to_string(), "latitude_deg"),
        (other.to_string(), "with the id depot"),
        (none.to_string(), "one Feature"),
        ("{".into(), "geojson"),
    ] {
        let (status, answer) = rest.request("PUT", "/v1/geofences/depot", &body);
        assert!(status == 400 && answer.contains(what), "{what}: {status} {answer}");
        let put = v1::PutGeofenceRequest { fence_id: "depot".into(), geojson: body };
        let refusal = places.put_geofence(put).await.unwrap_err();
        assert!(refusal.code() == Code::InvalidArgument && refusal.message().contains(what));
    }
    let twice = json!({ "type": "FeatureCollection", "features": [other, other] });
    let (status, answer) = rest.request("POST", "/v1/geofences", &twice.to_string());
    assert!(status == 400 && answer.contains("not unique"), "{status} {answer}");
    assert_eq!(rest.json("/v1/geofences")["items"].as_array().unwrap().len(), 1);
}
