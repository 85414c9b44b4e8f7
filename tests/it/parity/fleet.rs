//! Trucks by what they are and where, and all positions with their revision.

use fleet_proto::v1::{self, fleet_service_client::FleetServiceClient};
use serde_json::{Value, json};
use tonic::{Code, transport::Channel};

use super::{refused, same, shown};
use crate::program::Rest;

/// Around Guwahati.
const BBOX: v1::BoundingBox =
    v1::BoundingBox { west_deg: 90.5, south_deg: 25.5, east_deg: 93.0, north_deg: 26.9 };

fn near(radius_m: f64) -> Option<v1::Circle> {
    let centre = Some(v1::Position { latitude_deg: 26.18, longitude_deg: 91.75 });
    Some(v1::Circle { centre, radius_m })
}

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|truck| truck["truck_id"].as_str().unwrap()).collect()
}

pub(super) async fn compare_choices(rest: &Rest, fleet: &mut FleetServiceClient<Channel>) {
    use v1::TruckOrder::{FastestFirst, LeastFuelFirst, NearestFirst, NewestFirst};
    let ask = v1::ListTrucksRequest { page_size: 500, ..Default::default() };
    let all = rest.json("/v1/trucks?page_size=500");
    let one = &all["items"][0]["registered"];
    let (depot, model) = (one["depot"].as_str().unwrap(), one["model"].as_str().unwrap());
    let choices = [
        (
            format!("depot={depot}&model={model}"),
            v1::ListTrucksRequest { depot: depot.into(), model: model.into(), ..ask.clone() },
        ),
        (
            "bbox=90.5,25.5,93,26.9&order=fastest_first".into(),
            v1::ListTrucksRequest { bbox: Some(BBOX), order: FastestFirst.into(), ..ask.clone() },
        ),
        (
            "near=91.75,26.18&radius_m=300000&order=nearest_first".into(),
            v1::ListTrucksRequest {
                near: near(300_000.0),
                order: NearestFirst.into(),
                ..ask.clone()
            },
        ),
        (
            "order=least_fuel_first&fields=latest&signals=fuel_pct,speed_kmh".into(),
            v1::ListTrucksRequest {
                order: LeastFuelFirst.into(),
                fields: vec!["latest".into()],
                signals: vec!["fuel_pct".into(), "speed_kmh".into()],
                ..ask.clone()
            },
        ),
        (
            "order=newest_first&fields=registered".into(),
            v1::ListTrucksRequest {
                order: NewestFirst.into(),
                fields: vec!["registered".into()],
                ..ask.clone()
            },
        ),
    ];
    for (query, request) in choices {
        let list = shown::trucks(fleet.list_trucks(request).await.unwrap().into_inner());
        assert!(!ids(&list).is_empty(), "{query} chooses nobody");
        same(rest, &format!("/v1/trucks?page_size=500&{query}"), &list);
    }
    walk_in_order(rest);
    refuse_choices(rest, fleet).await;
}

async fn refuse_choices(rest: &Rest, fleet: &mut FleetServiceClient<Channel>) {
    let ask = v1::ListTrucksRequest::default();
    let request = v1::ListTrucksRequest { near: near(0.0), ..ask.clone() };
    let page = fleet.list_trucks(request).await;
    let path = "/v1/trucks?near=91.75,26.18&radius_m=0";
    refused(rest, path, page, Code::InvalidArgument);
    let request = v1::ListTrucksRequest { order: v1::TruckOrder::NearestFirst.into(), ..ask };
    let page = fleet.list_trucks(request).await;
    refused(rest, "/v1/trucks?order=nearest_first", page, Code::InvalidArgument);
    for (query, what) in [
        ("bbox=1,2,3", "bbox"),
        ("bbox=91,27,92,26", "bbox"),
        ("near=91", "near"),
        ("fields=all", "fields"),
        ("signals=speed", "signals"),
        ("order=random", "order"),
        ("colour=red", "colour"),
    ] {
        let (status, body) = rest.get(&format!("/v1/trucks?{query}"));
        let detail = serde_json::from_str::<Value>(&body).unwrap()["detail"].to_string();
        assert!(status == 400 && detail.contains(what), "{query}: {status} {detail}");
    }
}

/// Page by page in the order of a reading, as all at once.
fn walk_in_order(rest: &Rest) {
    let reading =
        |truck: &Value, signal: &str| truck["latest"]["signals"][signal].as_f64().unwrap();
    let fuel = rest.json("/v1/trucks?order=least_fuel_first&signals=fuel_pct&page_size=30");
    let fuel: Vec<_> =
        fuel["items"].as_array().unwrap().iter().map(|truck| reading(truck, "fuel_pct")).collect();
    assert!(fuel.len() == 30 && fuel.is_sorted(), "{fuel:?}");
    let query = "order=slowest_first&fields=registered";
    let whole = rest.json(&format!("/v1/trucks?page_size=500&{query}"));
    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let page = rest.json(&format!("/v1/trucks?page_size=7&page_token={token}&{query}"));
        walked.extend(page["items"].as_array().unwrap().iter().cloned());
        page["next_page_token"].as_str().unwrap().clone_into(&mut token);
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(whole["items"], json!(walked));
}

pub(super) async fn compare_positions(rest: &Rest, fleet: &mut FleetServiceClient<Channel>) {
    let ask = v1::ListPositionsRequest::default();
    let all = fleet.list_positions(ask.clone()).await.unwrap().into_inner();
    assert!(all.positions.len() == 30 && !all.is_unchanged);
    let positions: Vec<_> = all.positions.iter().map(shown::position).collect();
    same(rest, "/v1/positions", &json!({ "items": positions }));
    let revision = all.revision.clone();
    let again = v1::ListPositionsRequest { revision: revision.clone() };
    let again = fleet.list_positions(again).await.unwrap().into_inner();
    assert!(again.positions.is_empty() && again.is_unchanged && again.revision == revision);
    let asked = |tag: &str| {
        let tag = format!("if-none-match: {tag}\r\n");
        rest.request_with(&tag, "GET", "/v1/positions", "")
    };
    assert_eq!(asked(&format!("\"{revision}\"")), (304, String::new()));
    assert_eq!(asked("\"other\"").0, 200);
}
