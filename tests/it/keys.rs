//! API keys as an operator handles them.

use std::os::unix::fs::PermissionsExt;

use crate::program::{Platform, START, Scratch, fail, run_on, succeed, text};

fn id_of(list: &str, name: &str) -> String {
    let line = list.lines().find(|line| line.ends_with(name)).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn keys_are_made_and_revoked_beside_the_platform_and_without_it() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    let dir_flag = ["--data-dir", text(&dir)];
    let keys = |args: &[&str]| succeed(&[&["keys"], args, &dir_flag].concat());
    assert!(fail(&["keys", "list", "--data-dir", text(&dir)]).contains("no fleet"));
    let flags = ["--speed", "60", "--start", START, "--auth", "required"];
    let platform = Platform::start(&run_on(&dir, &flags));
    let mode = std::fs::metadata(dir.join("lock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the lock holds a key");
    assert_eq!(platform.get("/v1/positions").0, 401);
    assert_eq!(platform.get("/readyz").0, 200);
    let viewer = keys(&["create", "a screen", "--scope", "viewer"]);
    let admin = keys(&["create", "the boss", "--scope", "admin"]);
    let (viewer, admin) = (viewer.trim(), admin.trim());
    let ask = |key: &str, path: &str| platform.request_as(key, "GET", path, "").0;
    assert_eq!((ask(viewer, "/v1/positions"), ask(viewer, "/v1/keys")), (200, 403));
    assert_eq!((ask(admin, "/v1/positions"), ask(admin, "/v1/keys")), (200, 200));
    let list = keys(&["list"]);
    assert!(list.contains("valid") && !list.contains(&viewer[21..]), "{list}");
    keys(&["revoke", &id_of(&list, "a screen")]);
    assert_eq!(ask(viewer, "/v1/positions"), 401);
    let redrive = ["dead-letters", "redrive", "fleet.trips.v1.dlq:0:9", "--data-dir", text(&dir)];
    assert!(fail(&redrive).contains("were not put back"), "asked with the machine's own key");
    platform.kill();

    let late = keys(&["create", "late", "--scope", "viewer", "--quotas", "read=3@1"]);
    keys(&["revoke", &id_of(&list, "the boss")]);
    let platform = Platform::start(&run_on(&dir, &flags));
    let ask = |key: &str| platform.request_as(key, "GET", "/v1/positions", "").0;
    assert_eq!((ask(late.trim()), ask(admin)), (200, 401));
    assert_eq!([0; 5].map(|_| ask(late.trim())).into_iter().max(), Some(429));
    let wrong = ["keys", "create", "x", "--scope", "root", "--data-dir", text(&dir)];
    assert!(fail(&wrong).contains("operator"));
    assert!(fail(&["keys", "revoke", "nobody", "--data-dir", text(&dir)]).contains("not known"));
}
