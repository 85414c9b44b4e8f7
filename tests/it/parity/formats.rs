//! What only REST writes otherwise than as JSON: the same content in the formats of maps, navigation
//! devices and spreadsheets.

use serde_json::{Value, json};

use super::Still;

#[tokio::test(flavor = "multi_thread")]
async fn maps_devices_and_spreadsheets_are_told_the_same() {
    let still = Still::start().await;
    let rest = &still.rest;
    let positions = rest.json("/v1/positions");
    let map = rest.json("/v1/positions?format=geojson");
    assert_eq!(map["features"].as_array().unwrap().len(), 30);
    let (truck, feature) = (&positions["items"][4], &map["features"][4]);
    let at = json!([truck["position"]["lon"], truck["position"]["lat"]]);
    assert_eq!((&feature["geometry"]["coordinates"], &feature["id"]), (&at, &truck["truck_id"]));
    assert_eq!(feature["properties"]["speed_kmh"], truck["speed_kmh"]);

    let trips = rest.json("/v1/trips?status=done&page_size=2&format=geojson");
    let trip = &trips["features"][0];
    assert!(trip["geometry"]["type"] == "MultiPoint" && trips["next_page_token"] != "");
    let trip_id = trip["id"].as_str().unwrap();
    let replay = rest.json(&format!("/v1/trips/{trip_id}/replay"));
    let segments = replay["segments"].as_array().unwrap();
    let points = segments.iter().map(|segment| segment["points"].as_array().unwrap().len());
    let points: usize = points.sum();
    let way = rest.json(&format!("/v1/trips/{trip_id}?format=geojson"));
    let lines = way["geometry"]["coordinates"].as_array().unwrap();
    let drawn: usize = lines.iter().map(|line| line.as_array().unwrap().len()).sum();
    assert!(drawn > 0 && drawn <= points && way["properties"]["trip_id"] == trip_id);
    let (status, gpx) = rest.get(&format!("/v1/trips/{trip_id}?format=gpx"));
    assert_eq!((status, gpx.matches("<trkpt ").count()), (200, points));
    assert_eq!(gpx.matches("<trkseg>").count(), segments.len());

    let history = "/v1/trucks/TRK-000003/telemetry?page_size=20";
    let events = rest.json(history);
    let (status, csv) = rest.get(&format!("{history}&signals=speed_kmh,fuel_burned_ml&format=csv"));
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!((status, lines.len()), (200, 21));
    assert!(lines[0].starts_with("event_time,truck_id,") && lines[0].ends_with(",fuel_burned_ml"));
    let columns = lines[0].split(',').count();
    for (line, event) in lines[1..].iter().zip(events["items"].as_array().unwrap()) {
        let cells: Vec<_> = line.split(',').collect();
        assert_eq!((cells.len(), cells[0]), (columns, event["event_time"].as_str().unwrap()));
        let reading = |name: &str| match &event["signals"][name] {
            Value::Null => String::new(),
            value => value.to_string().trim_end_matches(".0").to_owned(),
        };
        assert_eq!(cells[columns - 2..], [reading("speed_kmh"), reading("fuel_burned_ml")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accept_is_heard_and_what_there_is_not_is_refused() {
    let still = Still::start().await;
    let ask = |accept: &str, path: &str| {
        let accept = format!("accept: {accept}\r\n");
        still.rest.request_with(&accept, "GET", path, "")
    };
    let (status, body) = ask("application/geo+json", "/v1/positions");
    assert!(status == 200 && body.contains("FeatureCollection"));
    let (status, body) = ask("text/csv", "/v1/trucks/TRK-000003/telemetry");
    assert!(status == 200 && body.starts_with("event_time,"));
    let (status, body) = ask("image/png", "/v1/positions");
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &problem["type"]), (406, &json!("/problems/not-acceptable")));
    let (status, body) = ask("*/*", "/v1/positions?format=csv");
    assert!(status == 400 && body.contains("format: expected one of json, geojson"), "{body}");
    let (status, body) = ask("*/*", "/v1/positions?format=xml");
    assert!(status == 400 && body.contains("format"), "{body}");
}
