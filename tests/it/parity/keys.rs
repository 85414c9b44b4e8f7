//! Keys and the audit: what one face makes the other shows, and both refuse alike.

use fleet_core::time::Time;
use fleet_proto::v1;
use serde_json::{Value, json};
use tonic::{Code, Request};

use super::{Still, refused};

fn shown(key: &v1::ApiKey) -> Value {
    let time = |ms: Option<i64>| ms.map(Time::from_ms);
    json!({
        "key_id": key.key_id,
        "name": key.name,
        "scopes": key.scopes,
        "trucks": key.trucks,
        "quotas": key.quotas,
        "created_at": Time::from_ms(key.created_at_ms),
        "created_by": key.created_by,
        "expires_at": time(key.expires_at_ms),
        "revoked_at": time(key.revoked_at_ms),
        "last_used_at": time(key.last_used_at_ms),
    })
}

fn entry(entry: &v1::AuditEntry) -> Value {
    json!({
        "audit_id": entry.audit_id,
        "at": Time::from_ms(entry.at_ms),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
        "detail": entry.detail,
    })
}

pub(super) fn as_key<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    request
}

pub(super) async fn compare(still: &mut Still) {
    let Still { rest, keys, fleet, trips, key, .. } = still;
    let listed = keys.list_keys(v1::ListKeysRequest::default()).await;
    refused(rest, "/v1/keys", listed, Code::Unauthenticated);
    let asked = json!({"name": "by REST", "scopes": ["fleet:read"], "quotas": "read=2@0.001"});
    let (status, made) = rest.request_as(key, "POST", "/v1/keys", &asked.to_string());
    assert_eq!(status, 201, "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    let mine = made["secret"].as_str().unwrap();
    let request = v1::CreateKeyRequest {
        name: "by gRPC".into(),
        scopes: vec!["device".into()],
        trucks: vec!["TRK-000003".into()],
        expires_at_ms: Some(4_000_000_000_000),
        ..Default::default()
    };
    let other = keys.create_key(as_key(key, request)).await.unwrap().into_inner();
    let other = other.key.unwrap();
    let path = format!("/v1/keys/{}", other.key_id);
    let request = v1::RevokeKeyRequest { key_id: other.key_id };
    let revoked = keys.revoke_key(as_key(key, request)).await.unwrap().into_inner();
    let (_, again) = rest.request_as(key, "DELETE", &path, "");
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), shown(&revoked));
    let list = v1::ListKeysRequest::default();
    let list = keys.list_keys(as_key(key, list)).await.unwrap().into_inner();
    let list: Vec<_> = list.keys.iter().map(shown).collect();
    assert_eq!(list.len(), 2);
    let (_, body) = rest.request_as(key, "GET", "/v1/keys", "");
    let found: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(found, json!({"items": list, "next_page_token": ""}));
    let request = v1::ListAuditRequest { page_size: 2, ..Default::default() };
    let audit = keys.list_audit(as_key(key, request)).await.unwrap().into_inner();
    let entries: Vec<_> = audit.entries.iter().map(entry).collect();
    let (_, body) = rest.request_as(key, "GET", "/v1/audit?page_size=2", "");
    let found: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(found, json!({"items": entries, "next_page_token": audit.next_page_token}));

    // A key that lacks the scope, and then one that is over its limit, on either face.
    let refusal = trips.list_trips(as_key(mine, v1::ListTripsRequest::default())).await;
    let refusal = refusal.unwrap_err();
    let (status, body) = rest.request_as(mine, "GET", "/v1/trips", "");
    assert!(status == 403 && body.contains(refusal.message()), "{body}");
    assert_eq!(refusal.code(), Code::PermissionDenied);
    let summary = fleet.get_fleet_summary(as_key(mine, v1::GetFleetSummaryRequest {})).await;
    let over = summary.unwrap_err();
    let (status, body) = rest.request_as(mine, "GET", "/v1/fleet/summary", "");
    assert_eq!((status, over.code()), (429, Code::ResourceExhausted), "{body}");
    let problem: Value = serde_json::from_str(&body).unwrap();
    let wait = tonic_types::StatusExt::get_details_retry_info(&over).unwrap().retry_delay.unwrap();
    assert_eq!(json!(u64::try_from(wait.as_millis()).unwrap()), problem["retry_after_ms"]);
    let limit = over.metadata().get("ratelimit-policy").unwrap();
    assert_eq!(limit, r#""read";q=2;w=2000"#);
    let wrong = fleet.get_fleet_summary(as_key("x", v1::GetFleetSummaryRequest {})).await;
    assert_eq!(wrong.unwrap_err().code(), Code::Unauthenticated);
}
