use fleet_core::{ErrorKind, store::sqlite::SqliteStore, testkit::ManualClock};

use super::*;
use crate::testing::entropy;

struct Held {
    keys: Keys,
    clock: Arc<ManualClock>,
    store: Arc<dyn FleetStore>,
    _dir: tempfile::TempDir,
}

fn held() -> Held {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(ManualClock::new("2026-01-05T00:00:00Z".parse().expect("a time")));
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as _;
    let store = SqliteStore::open(&dir.path().join("store"), Arc::clone(&shared)).expect("a store");
    let store: Arc<dyn FleetStore> = Arc::new(store);
    let keys = Keys::new(Arc::clone(&store), shared, entropy);
    Held { keys, clock, store, _dir: dir }
}

fn new(scopes: &[&str]) -> NewKey {
    NewKey {
        name: "the depot's screen".into(),
        scopes: Scope::expand(scopes.iter().copied()).expect("known"),
        trucks: Vec::new(),
        quotas: Quotas::default(),
        expires_at: None,
    }
}

#[tokio::test]
async fn a_key_counts_until_it_is_revoked_and_then_at_once_for_everybody() {
    let held = held();
    let (key, text) = held.keys.create(new(&["viewer"]), "local").await.expect("made");
    let found = held.keys.authenticate(text.reveal()).await.expect("asked").expect("it counts");
    assert_eq!((&found.key_id, &found.scopes), (&key.key_id, &Scope::viewer()));
    let other = Keys::new(Arc::clone(&held.store), Arc::clone(&held.keys.clock), entropy);
    let revoked = other.revoke(&key.key_id, "local").await.expect("known");
    assert_eq!(revoked.revoked_at, Some(held.clock.now()));
    let refused = held.keys.authenticate(text.reveal()).await.expect("asked");
    assert_eq!(refused.expect_err("revoked"), Void::Revoked);
    held.clock.advance_ms(1_000);
    let again = other.revoke(&key.key_id, "local").await.expect("known");
    assert_eq!(again.revoked_at, revoked.revoked_at, "the first time stays");
    let nobody = held.keys.revoke("nobody", "local").await.expect_err("not known");
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_store_never_holds_a_secret_and_a_right_id_is_not_enough() {
    let held = held();
    let (_, text) = held.keys.create(new(&["admin"]), "local").await.expect("made");
    let secret = &text.reveal()[21..];
    for kind in [KEY, "audit"] {
        for found in held.store.documents(kind, None, None, 10).await.expect("read") {
            assert!(!found.body.contains(secret) && !found.body.contains(&secret[..43]), "{kind}");
        }
    }
    let forged = KeyText::generate(entropy).expect("random");
    let unknown = held.keys.authenticate(forged.reveal()).await.expect("asked");
    assert_eq!(unknown.expect_err("never made"), Void::Unknown);
    let mistyped = held.keys.authenticate("df_live_x").await.expect("asked");
    assert_eq!(mistyped.expect_err("no key"), Void::Malformed);
    // The stored digest of another secret under the same id.
    let mut found = held.keys.find(text.id()).await.expect("read").expect("there");
    found.sha256[0] ^= 1;
    held.keys.write(vec![document(KEY, text.id(), &found)]).await.expect("written");
    let other = held.keys.authenticate(text.reveal()).await.expect("asked");
    assert_eq!(other.expect_err("another secret"), Void::Unknown);
}

#[tokio::test]
async fn a_key_expires_on_the_millisecond() {
    let held = held();
    let expires_at = Some(held.clock.now().plus_ms(1_000));
    let new_key = NewKey { expires_at, ..new(&["viewer"]) };
    let (_, text) = held.keys.create(new_key, "local").await.expect("made");
    held.clock.advance_ms(999);
    assert!(held.keys.authenticate(text.reveal()).await.expect("asked").is_ok());
    held.clock.advance_ms(1);
    let expired = held.keys.authenticate(text.reveal()).await.expect("asked");
    assert_eq!(expired.expect_err("expired"), Void::Expired);
}

#[tokio::test]
async fn every_change_stands_in_the_audit_in_order() {
    let held = held();
    let (first, _) = held.keys.create(new(&["admin"]), "local").await.expect("made");
    held.clock.advance_ms(5);
    held.keys.create(new(&["device"]), &first.key_id).await.expect("made");
    held.clock.advance_ms(5);
    held.keys.revoke(&first.key_id, "local").await.expect("known");
    held.keys.revoke(&first.key_id, "local").await.expect("known"); // changes nothing
    let told = held.keys.audit(None, 10).await.expect("read");
    let told: Vec<_> = told.iter().map(|e| (e.action.as_str(), e.actor.as_str())).collect();
    let by = first.key_id.as_str();
    assert_eq!(told, [("key.create", "local"), ("key.create", by), ("key.revoke", "local")]);
    let page = held.keys.audit(None, 1).await.expect("read");
    let rest = held.keys.audit(Some(&page[0].audit_id), 10).await.expect("read");
    assert_eq!(rest.len(), 2);
}

#[tokio::test]
async fn what_no_key_can_be_is_refused_by_field() {
    let held = held();
    let truck = vec!["TRK-000001".parse().expect("an id")];
    let past = Some(held.clock.now());
    for (field, wrong) in [
        ("name", NewKey { name: String::new(), ..new(&["viewer"]) }),
        ("name", NewKey { name: "a\nb".into(), ..new(&["viewer"]) }),
        ("name", NewKey { name: "x".repeat(101), ..new(&["viewer"]) }),
        ("scopes", NewKey { scopes: BTreeSet::new(), ..new(&["viewer"]) }),
        ("trucks", NewKey { trucks: truck, ..new(&["viewer"]) }),
        ("expires_at", NewKey { expires_at: past, ..new(&["viewer"]) }),
    ] {
        let refused = held.keys.create(wrong, "local").await.expect_err(field);
        assert!(refused.kind() == ErrorKind::Invalid && refused.to_string().starts_with(field));
    }
    assert_eq!(held.keys.list(None, 10).await.expect("read"), []);
}

#[tokio::test]
async fn the_last_use_is_told_once_a_minute() {
    let held = held();
    let (key, text) = held.keys.create(new(&["viewer"]), "local").await.expect("made");
    let began = held.clock.now();
    let used = async || {
        held.keys.authenticate(text.reveal()).await.expect("asked").expect("it counts");
        // The write is not waited for by requests; a write after it in the same queue is.
        tokio::task::yield_now().await;
        held.keys.write(Vec::new()).await.expect("written");
        held.keys.list(None, 1).await.expect("read")[0].last_used_at
    };
    assert_eq!(used().await, Some(began));
    held.clock.advance_ms(59_999);
    assert_eq!(used().await, Some(began));
    held.clock.advance_ms(1);
    assert_eq!(used().await, Some(began.plus_ms(60_000)));
    assert_eq!(held.keys.list(None, 1).await.expect("read")[0].key_id, key.key_id);
}

#[tokio::test]
async fn no_debug_print_shows_a_secret() {
    let held = held();
    let (key, text) = held.keys.create(new(&["admin"]), "local").await.expect("made");
    let secret = text.reveal()[21..].to_owned();
    let created = crate::messages::CreatedKey { key, secret: text.reveal().to_owned() };
    let (service, _dir) = crate::testing::service();
    let local = service.parts.local_key.as_ref().expect("one").reveal()[21..].to_owned();
    let query = format!("id=A&lat=26&lon=91&key={}", text.reveal());
    let sent = crate::ingest::osmand::Sent::new(&query, "").expect("read");
    let bearer = format!("{text:?} {created:?} {:?} {service:?} {sent:?}", held.keys);
    for secret in [secret, local] {
        assert!(!bearer.contains(&secret), "{bearer}");
    }
}
