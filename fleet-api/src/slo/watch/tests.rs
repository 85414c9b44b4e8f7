use axum::body::Body;
use fleet_core::{
    domain::{Counters, TruckId},
    state::Checkpoint,
    testkit::{FailingStore, ManualClock},
};
use hyper::{Request, service::Service as _};
use hyper_util::service::TowerToHyperService;

use super::*;
use crate::{Components, Settings, testing::service_with};

const BUCKET_MS: i64 = 300_000;

/// So many requests of each bucket fail, of 1,000, for so many buckets.
fn play(service: &Service, clock: &ManualClock, buckets: u32, bad: u64) {
    for _ in 0..buckets {
        for is_failure in [true, false] {
            let count = if is_failure { bad } else { 1_000 - bad };
            (0..count).for_each(|_| service.watch.answered(is_failure, 0.01));
        }
        service.watch.sample(service.parts.clock.now());
        clock.advance_ms(BUCKET_MS);
    }
    // The bucket that holds now has its requests, too, before anybody asks.
    clock.advance_ms(-1_000);
}

async fn availability(service: &Service) -> Slo {
    service.slo("availability").await.expect("known")
}

fn alerts(slo: &Slo) -> Vec<&str> {
    slo.alerts.iter().map(|alert| alert.state).collect()
}

/// An outage of two hours, sixteen days into the story: what an operator sees as it goes on, and that
/// what is foretold happens when it was foretold.
#[tokio::test]
async fn an_outage_is_told_for_thirty_days_and_its_end_comes_as_foretold() {
    let (service, clock, _dir) = service_with(Settings::open());
    assert_eq!(service.slo("queryable").await.expect("known").state, "no_data");
    assert_eq!(availability(&service).await.state, "no_traffic");
    clock.advance_ms(500);
    play(&service, &clock, 16 * 288, 0);
    clock.advance_ms(1_000);
    let before = availability(&service).await;
    assert_eq!((before.state, before.window_30d.is_partial), ("healthy", true));
    let outage_at = service.parts.clock.now();

    play(&service, &clock, 3, 1_000);
    let during = availability(&service).await;
    assert_eq!((during.state, during.window_5m.verdict), ("burning", "missed"));
    assert_eq!(during.alerts[0].state, "firing");
    let left_s = during.exhausted_in_s.expect("it burns");
    assert!((3_000..4_000).contains(&left_s), "{left_s} s left"); // at the pace of the last hour
    clock.advance_ms(1_000);
    play(&service, &clock, 21, 1_000);
    assert_eq!(availability(&service).await.state, "breached");
    clock.advance_ms(1_000);

    play(&service, &clock, 14 * 288, 0);
    let after = availability(&service).await;
    assert_eq!((after.window_5m.verdict, after.window_5m.bad), ("met", 0));
    assert_eq!((after.window_30d.verdict, after.window_30d.bad), ("missed", 24_000));
    assert_eq!((after.state, alerts(&after)), ("breached", vec!["quiet"; 4]));
    let outage = after.worst_outage.as_ref().expect("one");
    assert!(outage.from <= outage_at && outage.to.ms_since(outage.from) == 24 * BUCKET_MS);
    assert_eq!(after.window_30d.budget_used, Some(outage.budget_used));

    // It goes on as the forecast assumes, and comes true to the bucket.
    let foretold = after.within_budget_at.expect("there are requests");
    let wait = foretold.ms_since(service.parts.clock.now());
    let buckets = u32::try_from(wait.div_euclid(BUCKET_MS)).expect("days");
    clock.advance_ms(1_000);
    play(&service, &clock, buckets - 1, 0);
    assert_eq!(availability(&service).await.window_30d.verdict, "missed");
    clock.advance_ms(1_000);
    play(&service, &clock, 2, 0);
    let back = availability(&service).await;
    assert!(service.parts.clock.now() >= foretold);
    assert_eq!((back.window_30d.verdict, back.state), ("met", "healthy"));
    assert!(back.window_30d.budget_used < Some(1.0), "{back:?}");
    clock.advance_ms(1_000);
    play(&service, &clock, 24, 0);
    let clean = availability(&service).await;
    assert_eq!((clean.window_30d.bad, clean.worst_outage.is_none()), (0, true));
    assert!(service.parts.clock.now() >= outage.ages_out_at);
}

/// Twenty times too many failures, after thirty good days: the budget is gone when it was said to be.
#[tokio::test]
async fn the_budget_runs_out_when_it_was_said_to() {
    let (service, clock, _dir) = service_with(Settings::open());
    clock.advance_ms(500);
    play(&service, &clock, 8_640, 0);
    clock.advance_ms(1_000);
    play(&service, &clock, 12, 20);
    let burning = availability(&service).await;
    assert_eq!(burning.state, "burning");
    let left_s = burning.exhausted_in_s.expect("it burns");
    let buckets = u32::try_from(left_s / 300).expect("hours");
    assert!((400..430).contains(&buckets), "35 hours: {buckets} buckets");
    clock.advance_ms(1_000);
    play(&service, &clock, buckets - 1, 20);
    assert_eq!(availability(&service).await.window_30d.verdict, "met");
    clock.advance_ms(1_000);
    play(&service, &clock, 2, 20);
    let gone = availability(&service).await;
    assert_eq!((gone.window_30d.verdict, gone.exhausted_in_s), ("missed", Some(0)));
}

/// Another process over the same stores.
fn again(service: &Service, others: Tallies) -> Service {
    let parts = Components {
        registry: prometheus::Registry::new(),
        tallies: others,
        ..service.parts.clone()
    };
    Service::new(Settings::open(), parts).expect("a service")
}

#[tokio::test]
async fn a_restart_keeps_what_was_counted_and_tells_the_gap() {
    let (first, clock, _dir) = service_with(Settings::open());
    first.watch_once(0).await;
    for _ in 0..300 {
        first.watch.answered(false, 0.01);
        first.watch.answered(false, 0.4);
        clock.advance_ms(10_000);
        first.watch.sample(first.parts.clock.now());
    }
    first.watch.answered(true, 0.01);
    first.watch_once(3).await;
    let before = [availability(&first).await, first.slo("latency").await.expect("known")];
    clock.advance_ms(3_600_000); // nobody watches

    let second = again(&first, Tallies::new());
    second.watch_once(0).await;
    let after = [availability(&second).await, second.slo("latency").await.expect("known")];
    for (before, after) in before.iter().zip(&after) {
        let (was, is) = (&before.window_30d, &after.window_30d);
        assert_eq!((is.total, is.bad), (was.total, was.bad));
        let buckets = |share: f64| format!("{:.0}", share * 8_640.0);
        assert_eq!(
            buckets(is.coverage),
            buckets(was.coverage + 1.0 / 8_640.0),
            "the hour is not covered"
        );
        assert_eq!((after.window_5m.verdict, after.window_5m.total), ("no_traffic", 0));
    }
    assert_eq!((after[0].window_30d.total, after[0].window_30d.bad), (601, 1));
    assert_eq!((after[1].window_30d.total, after[1].window_30d.bad), (600, 300));
}

#[tokio::test]
async fn a_day_that_cannot_be_read_is_left_out_and_the_others_count_once() {
    let (first, clock, _dir) = service_with(Settings::open());
    first.watch.answered(false, 0.01);
    first.watch_once(0).await;
    let broken = first.parts.clock.now().as_ms().div_euclid(86_400_000) + 1;
    clock.advance_ms(86_400_000);
    let key = format!("slo/day/{:02}", broken.rem_euclid(31));
    first.parts.state.replace(&key, "{".into()).await.expect("replaced");
    let second = again(&first, Tallies::new());
    for turn in [1, 2, 4] {
        second.watch_once(turn).await;
        assert_eq!(availability(&second).await.window_30d.total, 1, "turn {turn}");
    }
}

#[tokio::test]
async fn what_is_saved_across_midnight_is_whole() {
    let (first, clock, _dir) = service_with(Settings::open());
    for turn in 0..(86_400 / 300 * 2 + 7) {
        first.watch.answered(turn % 50 == 0, 0.01);
        clock.advance_ms(BUCKET_MS);
        if turn % 40 == 0 {
            first.watch_once(0).await;
        }
    }
    first.watch_once(0).await;
    let second = again(&first, Tallies::new());
    second.watch_once(0).await;
    let (was, is) = (availability(&first).await, availability(&second).await);
    assert_eq!(is.window_30d.total, 583);
    assert_eq!(
        (is.window_30d.total, is.window_30d.bad),
        (was.window_30d.total, was.window_30d.bad)
    );
}

#[tokio::test]
async fn what_others_count_is_told_and_what_nobody_counts_is_no_data() {
    let (service, clock, _dir) = service_with(Settings::open());
    let tally = Tally::default();
    let watching = again(&service, [(Level::Correctness, tally.clone())].into());
    tally.good(999);
    tally.bad(1);
    watching.watch_once(1).await;
    clock.advance_ms(10_000);
    let told = watching.slo("correctness").await.expect("known");
    assert_eq!((told.state, told.window_30d.sli), ("exhausted", Some(0.999)));
    let silent = watching.slo("queryable").await.expect("known");
    assert_eq!((silent.state, silent.window_30d.sli), ("no_data", None));
    let metrics = watching.parts.registry.gather();
    let families: Vec<_> = metrics.iter().map(prometheus::proto::MetricFamily::name).collect();
    assert!(families.contains(&"fleet_slo_events_total"), "{families:?}");
    let used = metrics.iter().find(|family| family.name() == "fleet_slo_budget_used_ratio");
    let used = used.expect("a budget").get_metric();
    let names = used.iter().flat_map(|metric| metric.get_label()).map(|label| label.value());
    assert!(!names.clone().any(|name| name == "queryable"), "without requests it is absent");
    assert!(names.clone().any(|name| name == "correctness"));
    assert_eq!(
        watching.slo("speed").await.expect_err("unknown").kind(),
        fleet_core::ErrorKind::NotFound
    );
}

#[tokio::test]
async fn trips_count_once_from_the_first_look_on_and_across_restarts() {
    let (first, clock, _dir) = service_with(Settings::open());
    let state = &first.parts.state;
    let lease = state.acquire("x", "x", Duration::from_secs(60)).await.expect("free");
    let save = async |version, trips, trips_on_time| {
        let truck: TruckId = "TRK-000001".parse().expect("an id");
        let counters = Counters { trips, trips_on_time, ..Counters::default() };
        let counters = [(truck, counters)].into();
        let world_time = Time::MIN;
        let checkpoint = Checkpoint { version, world_time, world: "w".into(), counters };
        state.save(&lease, &checkpoint).await.expect("saved");
    };
    save(1, 100, 50).await; // before anybody counted
    first.watch_once(0).await;
    save(2, 110, 59).await;
    clock.advance_ms(30_000);
    first.watch_once(3).await;
    let told = first.slo("on_time").await.expect("known").window_30d;
    assert_eq!((told.total, told.bad), (10, 1));
    save(3, 112, 60).await; // while nobody watches
    let second = again(&first, Tallies::new());
    second.watch_once(0).await;
    let told = second.slo("on_time").await.expect("known").window_30d;
    assert_eq!((told.total, told.bad), (12, 2));
    save(4, 111, 60).await; // restored from a backup, and the trip made again
    second.watch_once(3).await;
    save(5, 112, 60).await;
    clock.advance_ms(30_000);
    second.watch_once(6).await;
    let told = second.slo("on_time").await.expect("known").window_30d;
    assert_eq!((told.total, told.bad), (12, 2), "none is counted twice");
}

#[tokio::test]
async fn what_fails_by_our_fault_is_bad_and_what_is_no_service_does_not_count() {
    let (first, _clock, _dir) = service_with(Settings::open());
    let (store, faults) = FailingStore::new(Arc::clone(&first.parts.store));
    let registry = prometheus::Registry::new();
    let parts = Components { registry, store: Arc::new(store), ..first.parts.clone() };
    let service = Arc::new(Service::new(Settings::open(), parts).expect("a service"));
    let router = TowerToHyperService::new(crate::rest::router(Arc::clone(&service)));
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).body(Body::empty());
        router.call(request.expect("a request")).await.expect("an answer").status().as_u16()
    };
    let counted = async || {
        let slo = availability(&service).await.window_30d;
        let latency = service.slo("latency").await.expect("known").window_30d;
        (slo.total, slo.bad, latency.total)
    };
    for path in ["/healthz", "/metrics", "/", "/nowhere", "/problems"] {
        ask("GET", path).await;
    }
    assert_eq!(ask("AAAA", "/v1/trucks").await, 405);
    assert_eq!(counted().await, (0, 0, 0));
    assert_eq!(ask("GET", "/v1/trucks").await, 200);
    assert_eq!(ask("GET", "/v1/trucks/NOBODY").await, 404); // the caller's
    assert_eq!(ask("GET", "/v1/trucks?typo=1").await, 400);
    assert_eq!(counted().await, (3, 0, 3));
    assert_eq!(ask("GET", "/v1/stream/events").await, 200); // and left at once: it was good
    assert_eq!(counted().await, (4, 0, 3));
    faults.fail_all();
    assert_eq!(ask("GET", "/v1/trucks").await, 503);
    assert_eq!(ask("GET", "/v1/stream/events").await, 503);
    assert_eq!(counted().await, (6, 2, 3), "a failure is not fast");
    service.watch_once(0).await;
    let silent = service.slo("freshness").await.expect("known");
    assert_eq!(silent.state, "no_data", "nobody can see the trucks");
}
