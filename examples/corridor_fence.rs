//! A corridor of 2 km along the road from Guwahati to Shillong, and a truck that leaves it.
#![allow(clippy::print_stdout, reason = "an example prints")]

use fleet_core::{
    Result,
    domain::Fix,
    geo::{Position, destination},
    geofence::{Fence, FenceEvent, FenceEventKind, FenceSet, Settings, Shape, Tracker, to_geojson},
    route::{BuiltinRouter, Route},
    time::Time,
};

/// A fix every 30 s at 40 km/h; from kilometre 40 to 46 the truck is up to 3 km beside the road.
fn drive(route: &Route, departs: Time) -> Result<Vec<Fix>> {
    let metres_a_fix = 40.0 / 3.6 * 30.0;
    let fixes = (0..).map(|seq| (seq, seq as f64 * metres_a_fix));
    let fixes = fixes.take_while(|(_, at_m)| *at_m <= route.length_m);
    let fix = |(seq, at_m): (u64, f64)| {
        let piece = route.piece_at(at_m, 0);
        let (on_road, _) = route.position_at(at_m, piece);
        let aside_m = (3_000.0 - (at_m - 43_000.0).abs()).max(0.0);
        let Position { lat, lon } = destination(on_road, 90.0, aside_m);
        Fix::new(departs.plus_ms(seq as i64 * 30_000), seq + 1, Position::new(lat, lon)?)
    };
    fixes.map(fix).collect()
}

fn tell(events: &[FenceEvent], what: &str) {
    for event in events {
        let Position { lat, lon } = event.position;
        println!("{} {:?} {} at {lat:.4}, {lon:.4} ({what})", event.at, event.kind, event.fence_id);
    }
}

fn main() -> Result<()> {
    let router = BuiltinRouter::ne_india();
    let node = |id| router.network().node(id).expect("a town of the bundled network");
    let route = router.route_nodes(node("guwahati"), node("shillong"))?;
    let shape = Shape::along(&route, 2_000.0)?;
    let fence = Fence { name: "GS Road".into(), ..Fence::new("gs-road".parse()?, shape) };
    println!("the fence as GeoJSON: {} bytes", to_geojson(std::slice::from_ref(&fence)).len());
    let fences = FenceSet::new(vec![fence])?;

    let fixes = drive(&route, "2026-01-05T00:30:00Z".parse()?)?;
    let mut tracker = Tracker::new(Settings::default())?;
    // A dead spot: eight fixes, among them those that left, come when the truck is back.
    let (first, rest) = fixes.split_at(150);
    let (dead_spot, heard): (Vec<Fix>, Vec<Fix>) =
        first.iter().partition(|fix| (120..128).contains(&fix.key.seq));
    tell(&tracker.observe(&fences, &heard).added, "as heard");
    let revision = tracker.observe(&fences, &dead_spot);
    tell(&revision.withdrawn, "withdrawn: late fixes came");
    tell(&revision.added, "instead");
    assert_eq!((revision.withdrawn.len(), revision.late.len()), (1, 8));
    tell(&tracker.observe(&fences, rest).added, "as heard");

    // Whatever the order of arrival, it comes to what the whole drive says.
    let (_, events) = Tracker::rebuild(Settings::default(), &fences, fixes)?;
    let kinds: Vec<FenceEventKind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [FenceEventKind::Enter, FenceEventKind::Exit, FenceEventKind::Enter]);
    let outside_min = events[2].at.ms_since(events[1].at) as f64 / 6e4;
    println!("it was outside for {outside_min:.1} minutes");
    assert!((4.0..9.0).contains(&outside_min));
    Ok(())
}
