//! Keys and the audit.

use fleet_core::{Result, domain::TruckId, time::Time};
use fleet_proto::v1;
use tonic::{Request, Response, Status, async_trait};

use super::{Face, caller, convert};
use crate::{
    keys::{AuditEntry, Key},
    messages::KeyRequest,
};

#[async_trait]
impl v1::key_service_server::KeyService for Face {
    async fn list_keys(
        &self,
        request: Request<v1::ListKeysRequest>,
    ) -> Result<Response<v1::ListKeysResponse>, Status> {
        let v1::ListKeysRequest { page_size, page_token } = request.into_inner();
        let work = async {
            let page = self.0.list_keys(convert::size(page_size), Some(&page_token)).await?;
            let next_page_token = page.next_page_token;
            Ok(v1::ListKeysResponse { keys: convert::all(page.items), next_page_token })
        };
        self.answer("KeyService/ListKeys", work).await
    }

    async fn create_key(
        &self,
        request: Request<v1::CreateKeyRequest>,
    ) -> Result<Response<v1::CreateKeyResponse>, Status> {
        let caller = caller(&request);
        let v1::CreateKeyRequest { name, scopes, trucks, quotas, expires_at_ms } =
            request.into_inner();
        let work = async {
            let trucks: Result<Vec<TruckId>> = trucks.iter().map(|id| id.parse()).collect();
            let expires_at = expires_at_ms.map(Time::from_ms);
            let request = KeyRequest { name, scopes, trucks: trucks?, quotas, expires_at };
            let created = self.0.create_key(&caller, request).await?;
            Ok(v1::CreateKeyResponse { key: Some(created.key.into()), secret: created.secret })
        };
        self.answer("KeyService/CreateKey", work).await
    }

    async fn revoke_key(
        &self,
        request: Request<v1::RevokeKeyRequest>,
    ) -> Result<Response<v1::ApiKey>, Status> {
        let caller = caller(&request);
        let v1::RevokeKeyRequest { key_id } = request.into_inner();
        let work = async { Ok(self.0.revoke_key(&caller, &key_id).await?.into()) };
        self.answer("KeyService/RevokeKey", work).await
    }

    async fn list_audit(
        &self,
        request: Request<v1::ListAuditRequest>,
    ) -> Result<Response<v1::ListAuditResponse>, Status> {
        let v1::ListAuditRequest { page_size, page_token } = request.into_inner();
        let work = async {
            let page = self.0.list_audit(convert::size(page_size), Some(&page_token)).await?;
            let next_page_token = page.next_page_token;
            Ok(v1::ListAuditResponse { entries: convert::all(page.items), next_page_token })
        };
        self.answer("KeyService/ListAudit", work).await
    }
}

impl From<Key> for v1::ApiKey {
    fn from(key: Key) -> Self {
        Self {
            key_id: key.key_id,
            name: key.name,
            scopes: key.scopes.iter().map(ToString::to_string).collect(),
            trucks: key.trucks.iter().map(ToString::to_string).collect(),
            quotas: key.quotas.to_string(),
            created_at_ms: key.created_at.as_ms(),
            created_by: key.created_by,
            expires_at_ms: key.expires_at.map(Time::as_ms),
            revoked_at_ms: key.revoked_at.map(Time::as_ms),
            last_used_at_ms: key.last_used_at.map(Time::as_ms),
        }
    }
}

impl From<AuditEntry> for v1::AuditEntry {
    fn from(entry: AuditEntry) -> Self {
        Self {
            audit_id: entry.audit_id,
            at_ms: entry.at.as_ms(),
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            outcome: entry.outcome,
            detail: entry.detail,
        }
    }
}
