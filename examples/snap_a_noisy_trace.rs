//! A truck's noisy fixes, one every 30 s, put back on the roads it drove.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::{collections::BTreeMap, sync::Arc};

use fleet_core::{
    Result,
    domain::Fix,
    geo::destination,
    matching::{Matcher, Settings, Tracepoint},
    random::Stream,
    route::{BuiltinRouter, Network},
    time::Time,
};

fn main() -> Result<()> {
    let network = Network::ne_india();
    let router = BuiltinRouter::ne_india();
    let node = |id| network.node(id).expect("a town of the bundled network");
    let route = router.route_nodes(node("guwahati"), node("tezpur"))?;

    // 45 km/h, 20 m of noise; every fortieth fix is wild.
    let (random, departs) =
        (Stream::new(7, "TRK-000001", "noise"), "2026-01-05T00:30:00Z".parse()?);
    let mut trace = Vec::new();
    for ix in 0_u32.. {
        let at_m = f64::from(ix) * 375.0;
        if at_m > route.length_m {
            break;
        }
        let (on_road, _) = route.position_at(at_m, route.piece_at(at_m, 0));
        let north_m = random.normal(u64::from(2 * ix)) * 20.0;
        let east_m = random.normal(u64::from(2 * ix + 1)) * 20.0;
        let wild_m = if ix % 40 == 39 { 600.0 } else { 0.0 };
        let place = destination(destination(on_road, 0.0, north_m + wild_m), 90.0, east_m);
        let at = Time::plus_ms(departs, i64::from(ix) * 30_000);
        trace.push(Fix { accuracy_m: Some(20.0), ..Fix::new(at, u64::from(ix) + 1, place)? });
    }

    let matcher = Matcher::new(Arc::clone(network), Settings::default())?;
    let matched = matcher.match_trace(&trace)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for point in &matched.tracepoints {
        let word = match point {
            Tracepoint::Matched { .. } => "matched",
            Tracepoint::NoRoad => "no road near",
            Tracepoint::Outlier => "outliers",
            Tracepoint::Repeated => "repeated",
        };
        *counts.entry(word).or_default() += 1;
    }
    println!("{} fixes: {counts:?}", trace.len());
    for stretch in matched.matchings.iter().flat_map(|matching| &matching.path) {
        let road = &network.segments()[stretch.segment.index()];
        let (from_km, to_km) = (stretch.from_m / 1e3, stretch.to_m / 1e3);
        println!("  {:<8} {:<34} {from_km:6.2} to {to_km:6.2} km", road.highway, road.id);
    }
    let (found_km, driven_km) = (matched.length_m() / 1e3, (trace.len() - 1) as f64 * 0.375);
    println!("{found_km:.2} km matched, {driven_km:.2} km driven; quality {:?}", matched.quality());
    assert_eq!(matched.matchings.len(), 1);
    assert!((found_km / driven_km - 1.0).abs() < 0.01);
    Ok(())
}
