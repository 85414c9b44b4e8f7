//! GeoJSON, in and out.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{Fence, Polygon, Rules, Shape, from_geojson, to_geojson},
    at, fence,
};

#[expect(clippy::needless_pass_by_value, reason = "the macro json! makes values")]
fn feature(id: &str, geometry: Value, properties: Value) -> Value {
    json!({"type": "Feature", "id": id, "geometry": geometry, "properties": properties})
}

fn collection(features: &[Value]) -> String {
    json!({"type": "FeatureCollection", "features": features}).to_string()
}

#[track_caller]
fn fault(text: &str) -> String {
    from_geojson(text).expect_err(text).to_string()
}

#[test]
fn every_kind_of_fence_comes_back_as_it_was() {
    let square = |south: f64| vec![at(south, 91.0), at(south, 92.0), at(south + 0.5, 92.0)];
    let part = |south| Polygon { exterior: square(south), holes: Vec::new() };
    let hole = vec![at(26.02, 91.9), at(26.1, 91.9), at(26.05, 91.8)];
    let holed = Polygon { exterior: square(26.0), holes: vec![hole] };
    let mut tags = serde_json::Map::new();
    tags.insert("owner".into(), json!({"name": "us", "since": 2019}));
    let fences = vec![
        Fence {
            name: "डिपो".into(),
            kind: Some("depot".into()),
            rules: Rules { hysteresis_m: Some(50.0), confirm_fixes: Some(3), dwell_s: Some(900) },
            tags,
            ..fence("circle", Shape::circle(at(26.1844, 91.7458), 250.5).unwrap())
        },
        fence("polygon", Shape::polygons(&[holed]).unwrap()),
        fence("parts", Shape::polygons(&[part(24.0), part(25.0)]).unwrap()),
        fence("line", Shape::corridor(&[square(23.0)], 400.0).unwrap()),
        fence("lines", Shape::corridor(&[square(23.0), square(24.0)], 400.0).unwrap()),
    ];
    let text = to_geojson(&fences);
    assert_eq!(from_geojson(&text).unwrap(), fences, "{text}");
    assert_eq!(to_geojson(&from_geojson(&text).unwrap()), text);
}

#[test]
fn outlines_are_written_counter_clockwise_and_holes_clockwise() {
    // Both rings run the wrong way.
    let exterior = vec![at(0.0, 0.0), at(3.0, 0.0), at(3.0, 3.0), at(0.0, 3.0)];
    let hole = vec![at(1.0, 1.0), at(1.0, 2.0), at(2.0, 2.0)];
    let shape = Shape::polygons(&[Polygon { exterior, holes: vec![hole] }]).unwrap();
    let text: Value = serde_json::from_str(&to_geojson(&[fence("a", shape)])).unwrap();
    let expected = json!([
        [[0.0, 0.0], [3.0, 0.0], [3.0, 3.0], [0.0, 3.0], [0.0, 0.0]],
        [[1.0, 1.0], [2.0, 2.0], [2.0, 1.0], [1.0, 1.0]],
    ]);
    assert_eq!(text.pointer("/features/0/geometry/coordinates"), Some(&expected));
}

#[test]
fn every_fault_is_told_with_its_place() {
    let point = json!({"type": "Point", "coordinates": [91.7, 26.1]});
    let line = json!({"type": "LineString", "coordinates": [[91.7, 26.1], [91.8, 226.1]]});
    let open = json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]});
    let crossed = json!({"type": "MultiPolygon", "coordinates": [
        [[[5, 5], [6, 5], [6, 6], [5, 5]]], [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]]});
    let text = collection(&[
        feature("no-radius", point.clone(), json!({"radius": 5})),
        feature("far-north", line, json!({"width_m": 5})),
        feature("open", open, json!(null)),
        feature("crossed", crossed, json!({})),
        feature("bad id", point.clone(), json!({"radius_m": 5})),
        feature("dwells", point.clone(), json!({"radius_m": 5, "dwell_s": -1})),
        feature("wide", point.clone(), json!({"radius_m": 5, "width_m": 5})),
        feature("twice", point.clone(), json!({"radius_m": 5})),
        feature("twice", point.clone(), json!({"radius_m": 6})),
        feature("text", point, json!({"radius_m": "5"})),
        json!({"type": "Feature", "id": 7, "geometry": null, "properties": null}),
    ]);
    let told = fault(&text);
    for words in [
        "geojson: 10 faults: ",
        "features[0] (no-radius): geometry: a Point needs the property radius_m",
        "features[1] (far-north): geometry: [1]: latitude_deg: 226.1 is outside -90 to 90",
        "features[2] (open): geometry: ring 0: a ring has four positions or more",
        "features[3] (crossed): geometry: polygon 1: outline: meets itself",
        "features[4]: fence_id: \"bad id\"",
        "features[5] (dwells): dwell_s: not a fitting whole number",
        "features[6] (wide): geometry: width_m does not belong to a Point",
        "features[8] (twice): its id is not unique",
        "features[9] (text): radius_m: expected a number",
        "features[10] (7): geometry: there is none",
    ] {
        assert!(told.contains(words), "{words}\nin {told}");
    }
}

#[test]
fn other_documents_are_refused() {
    for (text, words) in [
        ("", "geojson: Error while deserializing"),
        ("{\"type\": \"Feature\",", "line 1 column"),
        (r#"{"type":"Point","coordinates":[1,2]}"#, "a geometry alone has no id"),
        (
            r#"{"type":"FeatureCollection","features":[],"crs":{"type":"name","properties":{"name":"EPSG:3857"}}}"#,
            "crs: only WGS84",
        ),
        (
            r#"{"type":"Feature","id":"a","geometry":{"type":"Point","coordinates":[1]},"properties":{}}"#,
            "two or more elements",
        ),
        (
            r#"{"type":"Feature","id":"a","geometry":{"type":"MultiPoint","coordinates":[]},"properties":{}}"#,
            "is no fence",
        ),
    ] {
        let told = fault(text);
        assert!(told.contains(words), "{words}\nin {told}");
    }
    assert!(from_geojson(r#"{"type":"FeatureCollection","features":[]}"#).unwrap().is_empty());
}

#[test]
fn what_crosses_the_180th_meridian_is_written_in_parts() {
    // Fiji, as one ring; with a hole on the meridian.
    let exterior = vec![at(-20.0, 176.0), at(-20.0, -178.0), at(-15.0, -178.0), at(-15.0, 176.0)];
    let hole = vec![at(-18.0, 179.0), at(-17.0, -179.0), at(-16.0, 179.0)];
    let area = Shape::polygons(&[Polygon { exterior, holes: vec![hole] }]).unwrap();
    let road =
        Shape::corridor(&[vec![at(-18.0, 179.9), at(-17.9, -179.8), at(-17.5, 179.9)]], 900.0);
    let circle = Shape::circle(at(-17.0, -180.0), 5_000.0).unwrap();
    let fences = [fence("area", area), fence("road", road.unwrap()), fence("circle", circle)];
    let text = to_geojson(&fences);
    let back = from_geojson(&text).unwrap();
    assert_eq!(to_geojson(&back), text, "cut once is cut");
    let written: Value = serde_json::from_str(&text).unwrap();
    for (ix, kind, parts) in [(0, "MultiPolygon", 2), (1, "MultiLineString", 3)] {
        let geometry = &written["features"][ix]["geometry"];
        assert_eq!(geometry["type"], kind);
        assert_eq!(geometry["coordinates"].as_array().unwrap().len(), parts, "{geometry}");
    }
    for step in 0..40_000_u32 {
        let (y, x) = (f64::from(step / 200), f64::from(step % 200));
        let place =
            at(-21.0 + y * 0.035_01, (175.0 + x * 0.050_03 + 180.0).rem_euclid(360.0) - 180.0);
        for (before, after) in fences.iter().zip(&back) {
            assert_eq!(
                before.shape.holds(place),
                after.shape.holds(place),
                "{} {place:?}",
                before.id
            );
        }
        let (near, far) = (fences[0].shape.distance_m(place), back[0].shape.distance_m(place));
        assert!((near - far).abs() < 0.1, "{place:?}: {near} {far}");
    }
}

#[test]
fn a_whole_turn_around_the_globe_costs_no_bit_of_what_is_written() {
    let ring = [
        [-116.91694896434025, 0.0],
        [-159.09968110407286, 0.0],
        [173.23047835722886, 4.905711299987858],
        [-116.91694896434025, 0.0],
    ];
    let line = [[173.23047835722886, 4.9], [-116.91694896434025, 0.1]];
    let text = collection(&[
        feature("area", json!({"type": "Polygon", "coordinates": [ring]}), json!({})),
        feature("road", json!({"type": "LineString", "coordinates": line}), json!({"width_m": 40})),
    ]);
    let once = to_geojson(&from_geojson(&text).unwrap());
    assert_eq!(to_geojson(&from_geojson(&once).unwrap()), once);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_panic(text in ".{0,200}") {
        let _ = from_geojson(&text);
    }

    #[test]
    fn any_polygon_is_read_or_refused_and_comes_back(
        rings in prop::collection::vec(
            prop::collection::vec((-200.0..200.0, -100.0..100.0), 2..8), 1..3,
        ),
        near in any::<bool>(),
    ) {
        let close = |ring: &Vec<(f64, f64)>| {
            let scale = if near { 0.01 } else { 1.0 };
            let mut ring: Vec<_> = ring.iter().map(|(x, y)| [x * scale + 179.5 * (1.0 - scale), y * scale]).collect();
            ring.push(ring[0]);
            ring
        };
        let rings: Vec<_> = rings.iter().map(close).collect();
        let geometry = json!({"type": "Polygon", "coordinates": rings});
        let text = collection(&[feature("any", geometry, json!({}))]);
        if let Ok(fences) = from_geojson(&text) {
            let once = to_geojson(&fences);
            let back = from_geojson(&once);
            prop_assert!(back.is_ok(), "{once}: {back:?}");
            prop_assert_eq!(to_geojson(&back.unwrap()), once);
        }
    }
}
