//! Map matching: fixes a second on one core.

use std::{hint::black_box, sync::Arc};

use anyhow::Result;
use fleet_core::{
    domain::Fix,
    geo::destination,
    matching::{Matcher, Settings},
    random::Stream,
    route::{BuiltinRouter, NodeIx, Route},
    time::Time,
};

use crate::{
    Options,
    osrm::Osrm,
    pairs::{Bound, Pair, Row, median},
    process,
};

const TRACES: usize = 40;
/// What a server takes at once.
const FIXES_MAX: u32 = 100;
/// Metres between fixes: 45 km/h, one every 30 s.
const STEP_M: f64 = 375.0;
const NOISE_M: f64 = 20.0;

/// A noisy drive along a route, one fix in fifty far off.
fn trace(route: &Route, seed: u64) -> Result<Vec<Fix>> {
    let random = Stream::new(seed, "trace", "bench matching");
    let on_it = (0..FIXES_MAX).take_while(|ix| f64::from(*ix) * STEP_M < route.length_m);
    let fix = |ix: u32| {
        let (at_m, draw) = (f64::from(ix) * STEP_M, u64::from(ix) * 4);
        let (place, _) = route.position_at(at_m, route.piece_at(at_m, 0));
        let wild_m = if random.uniform(draw) < 0.02 { 600.0 } else { 0.0 };
        let north_m = random.normal(draw + 1) * NOISE_M + wild_m;
        let east_m = random.normal(draw + 2) * NOISE_M;
        let place = destination(destination(place, 0.0, north_m), 90.0, east_m);
        let fix = Fix::new(Time::from_secs(1_767_571_200 + 30 * i64::from(ix)), 0, place)?;
        Ok(Fix { accuracy_m: Some(NOISE_M), ..fix })
    };
    on_it.map(fix).collect()
}

fn traces(router: &BuiltinRouter) -> Result<Vec<Vec<Fix>>> {
    let random = Stream::new(3, "pairs", "bench matching");
    let nodes = router.network().nodes().len() as u64;
    let node = |draw| NodeIx(random.below(draw, nodes) as u32);
    let routes = (0..).filter_map(|ix| router.route_nodes(node(2 * ix), node(2 * ix + 1)).ok());
    let routes = routes.filter(|route: &Arc<Route>| route.length_m > 20_000.0).take(TRACES);
    (0..).zip(routes).map(|(seed, route)| trace(&route, seed)).collect()
}

fn address(trace: &[Fix]) -> String {
    let joined = |of: &dyn Fn(&Fix) -> String| trace.iter().map(of).collect::<Vec<_>>().join(";");
    format!(
        "/match/v1/driving/{}?overview=full&geometries=polyline6&generate_hints=false&timestamps={}\
         &radiuses={}",
        joined(&|fix| format!("{:.6},{:.6}", fix.position.lon, fix.position.lat)),
        joined(&|fix| fix.key.at.as_secs().to_string()),
        joined(&|_| format!("{NOISE_M}")),
    )
}

/// Fixes a second of processor time, of the whole trace and one by one.
pub(crate) fn fixes(options: &Options) -> Result<Vec<Row>> {
    let router = BuiltinRouter::ne_india();
    let traces = traces(&router)?;
    let count = traces.iter().map(Vec::len).sum::<usize>() as f64;
    let matcher = Matcher::new(Arc::clone(router.network()), Settings::default())?;
    let whole = || -> Result<()> {
        for trace in &traces {
            black_box(matcher.match_trace(trace)?);
        }
        Ok(())
    };
    let followed = || -> Result<()> {
        for trace in &traces {
            let mut follower = matcher.follow(30)?;
            for fix in trace {
                black_box(follower.push(*fix)?);
            }
            black_box(follower.finish());
        }
        Ok(())
    };
    let osrm = Osrm::start(options)?;
    let (mut client, addresses) = (osrm.connect()?, traces.iter().map(|trace| address(trace)));
    let addresses: Vec<String> = addresses.collect();
    let (mut pairs, mut followed_pairs, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.pairs {
        let before_s = process::thread_cpu_s()?;
        whole()?;
        let between_s = process::thread_cpu_s()?;
        followed()?;
        let after_s = process::thread_cpu_s()?;
        pairs.push(Pair { ours: count / (between_s - before_s), peer: 1.0 });
        followed_pairs.push(Pair { ours: count / (after_s - between_s), peer: 1.0 });
        let before_s = osrm.cpu_s()?;
        addresses.iter().try_for_each(|address| client.ask(address).map(drop))?;
        theirs.push(count / (osrm.cpu_s()? - before_s));
    }
    let row = |title, pairs, note| Row {
        number: "match",
        title,
        unit: "fixes/s",
        must: Bound::AtLeast(20_000.0),
        aim: Bound::AtLeast(100_000.0),
        pairs,
        note,
    };
    let note = format!("OSRM, its server alone: {:.0}/s", median(theirs));
    Ok(vec![
        row("matching a trace, a second of processor time", pairs, note),
        row("the same, fix by fix", followed_pairs, String::new()),
    ])
}
