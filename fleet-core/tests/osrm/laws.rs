//! The laws of the router on the real OSRM.

use std::sync::Arc;

use fleet_core::{
    random::Stream,
    route::{
        Network, Router,
        osrm::{OsrmRouter, OsrmSettings},
    },
    testkit::{self, router_laws::Subject},
    time::SystemClock,
};

use crate::town;

pub(crate) fn router(settings: OsrmSettings) -> OsrmRouter {
    let network = Arc::clone(Network::ne_india());
    let clock = Arc::new(SystemClock::new());
    OsrmRouter::new(settings, network, clock, Stream::new(1, "osrm", "test")).unwrap()
}

fn subject() -> Option<Subject> {
    let url = testkit::server("osrm")?;
    Some(Subject::ne_india(Box::new(router(OsrmSettings::new(url)))))
}

fleet_core::router_laws!(subject());

#[tokio::test]
async fn routes_are_kept_and_plans_are_asked_for() {
    let Some(url) = testkit::server("osrm") else { return };
    let router = router(OsrmSettings::new(url));
    router.check().await.unwrap();
    let (from, to) = (town("guwahati"), town("tezpur"));
    let first = router.route(from, to).await.unwrap();
    let asked = |router: &OsrmRouter| router.stats().outcomes["ok"];
    let before = asked(&router);
    assert!(Arc::ptr_eq(&first, &router.route(from, to).await.unwrap()));
    assert_eq!((asked(&router), router.stats().cache_hits), (before, 1));
    let plan = router.plan(from, to).await.unwrap();
    assert_eq!(asked(&router), before + 1);
    assert_eq!(plan.data_version(), router.stats().data_version.as_deref());
    assert!(plan.encode().len() < 20_000, "{} bytes", plan.encode().len());
}
