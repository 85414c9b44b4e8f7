//! Series and replays; trips of a place.

use fleet_core::{geo::Position, time::Time};
use fleet_proto::v1;
use serde_json::{Value, json};
use tonic::Code;

use super::{Still, refused, same, shown};

fn series(series: &v1::GetSeriesResponse) -> Value {
    let point = |(at, value): (&i64, &f64)| json!({ "at": Time::from_ms(*at), "value": value });
    let one = |series: &v1::Series| {
        let points: Vec<_> = series.at_ms.iter().zip(&series.values).map(point).collect();
        json!({ "signal": series.signal, "readings": series.readings, "points": points })
    };
    let gap = |gap: &v1::Gap| json!({ "from": Time::from_ms(gap.from_ms), "to": Time::from_ms(gap.to_ms) });
    let word = series.downsample().as_str_name().trim_start_matches("DOWNSAMPLE_");
    json!({
        "truck_id": series.truck_id,
        "reports": series.reports,
        "interval_ms": series.interval_ms,
        "gaps": series.gaps.iter().map(gap).collect::<Vec<_>>(),
        "downsample": word.replace('_', "").to_ascii_lowercase(),
        "series": series.series.iter().map(one).collect::<Vec<_>>(),
    })
}

fn replay(replay: v1::TripReplay) -> Value {
    let point = |point: v1::ReplayPoint| {
        let status = fleet_core::domain::Status::try_from(point.status()).unwrap();
        let at = point.position.unwrap();
        json!({
            "event_time": Time::from_ms(point.event_time_ms),
            "position": Position::new(at.latitude_deg, at.longitude_deg).unwrap(),
            "status": status,
            "altitude_m": point.altitude_m,
            "heading_deg": point.heading_deg,
            "speed_kmh": point.speed_kmh,
            "fuel_l": point.fuel_l,
        })
    };
    let segment = |segment: v1::ReplaySegment| json!({ "points": segment.points.into_iter().map(point).collect::<Vec<_>>() });
    json!({
        "trip": shown::trip(replay.trip.unwrap()),
        "reports": replay.reports,
        "is_truncated": replay.is_truncated,
        "interval_ms": replay.interval_ms,
        "segments": replay.segments.into_iter().map(segment).collect::<Vec<_>>(),
    })
}

pub(super) async fn compare(still: &mut Still) {
    compare_series(still).await;
    compare_replays(still).await;
    let Still { rest, telemetry, .. } = still;
    let truck_id = "TRK-000003".to_owned();
    let request = v1::ListTelemetryRequest {
        truck_id,
        page_size: 20,
        signals: vec!["speed_kmh".into(), "fuel_l".into()],
        ..Default::default()
    };
    let page = telemetry.list_telemetry(request).await.unwrap().into_inner();
    let path = "/v1/trucks/TRK-000003/telemetry?page_size=20&signals=speed_kmh,fuel_l";
    same(rest, path, &shown::events(page));
    let signals = &rest.json(path)["items"][0]["signals"];
    assert!(signals.as_object().unwrap().len() <= 2 && signals["fuel_l"].is_number(), "{signals}");
}

async fn compare_series(still: &mut Still) {
    let Still { rest, telemetry, .. } = still;
    let ask = v1::GetSeriesRequest {
        truck_id: "TRK-000003".into(),
        signals: vec!["speed_kmh".into(), "fuel_l".into()],
        max_points: 40,
        ..Default::default()
    };
    let path = "/v1/trucks/TRK-000003/series?signals=speed_kmh,fuel_l&max_points=40";
    for (word, downsample) in [("minmax", v1::Downsample::MinMax), ("lttb", v1::Downsample::Lttb)] {
        let request = v1::GetSeriesRequest { downsample: downsample.into(), ..ask.clone() };
        let found = telemetry.get_series(request).await.unwrap().into_inner();
        for series in &found.series {
            assert!(series.readings > 1_000 && (30..=40).contains(&series.at_ms.len()), "{word}");
        }
        same(rest, &format!("{path}&downsample={word}"), &series(&found));
    }
    let whole = v1::GetSeriesRequest { downsample: v1::Downsample::None.into(), ..ask.clone() };
    let too_long = telemetry.get_series(whole).await;
    refused(rest, &format!("{path}&downsample=none"), too_long, Code::InvalidArgument);
    let request = v1::GetSeriesRequest { max_points: 3, ..ask.clone() };
    let too_few = telemetry.get_series(request).await;
    let path = "/v1/trucks/TRK-000003/series?signals=speed_kmh&max_points=3";
    refused(rest, path, too_few, Code::InvalidArgument);
    let request = v1::GetSeriesRequest { truck_id: "NOBODY".into(), ..ask.clone() };
    let nobody = telemetry.get_series(request).await;
    refused(rest, "/v1/trucks/NOBODY/series?signals=speed_kmh", nobody, Code::NotFound);
    let request = v1::GetSeriesRequest { signals: Vec::new(), ..ask };
    let status = telemetry.get_series(request).await.unwrap_err();
    assert!(status.code() == Code::InvalidArgument && status.message().contains("signals"));
    assert_eq!(rest.get("/v1/trucks/TRK-000003/series").0, 400);
}

async fn compare_replays(still: &mut Still) {
    let Still { rest, trips, .. } = still;
    let done = v1::ListTripsRequest { status: 2, page_size: 1, ..Default::default() };
    let trip = trips.list_trips(done).await.unwrap().into_inner().trips.remove(0);
    let trip_id = trip.trip_id.clone();
    for (query, max_points) in [("", 0), ("?max_points=10", 10)] {
        let request = v1::GetTripReplayRequest { trip_id: trip_id.clone(), max_points };
        let found = trips.get_trip_replay(request).await.unwrap().into_inner();
        let points: Vec<_> = found.segments.iter().flat_map(|segment| &segment.points).collect();
        let most = if max_points == 0 { 5_000 } else { 10 };
        assert!(points.len() <= most && points.len() >= 6, "{} of {most}", points.len());
        let (first, last) = (points[0].event_time_ms, points[points.len() - 1].event_time_ms);
        let (started, arrived) = (trip.started_at_ms, trip.arrived_at_ms.unwrap());
        assert!(first >= started && last <= arrived && arrived - last <= 60_000, "{first} {last}");
        same(rest, &format!("/v1/trips/{trip_id}/replay{query}"), &replay(found));
    }
    let place = trip.origin.unwrap().place;
    let request = v1::ListTripsRequest { place: place.clone(), page_size: 3, ..Default::default() };
    let page = trips.list_trips(request).await.unwrap().into_inner();
    let ends = |trip: &v1::TripSummary| {
        [&trip.origin, &trip.destination].map(|end| end.as_ref().unwrap().place.clone())
    };
    assert!(!page.trips.is_empty() && page.trips.iter().all(|trip| ends(trip).contains(&place)));
    same(rest, &format!("/v1/trips?place={place}&page_size=3"), &shown::trips(page));
    let request = v1::GetTripReplayRequest { trip_id: "none".into(), max_points: 0 };
    let none = trips.get_trip_replay(request).await;
    refused(rest, "/v1/trips/none/replay", none, Code::NotFound);
    let request = v1::GetTripReplayRequest { trip_id: trip_id.clone(), max_points: 1 };
    let one = trips.get_trip_replay(request).await;
    refused(rest, &format!("/v1/trips/{trip_id}/replay?max_points=1"), one, Code::InvalidArgument);
}
