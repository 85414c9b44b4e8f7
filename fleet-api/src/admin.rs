//! The use cases of those who run the fleet: keys, the audit, and what is audited.

use std::sync::Arc;

use fleet_core::{Error, Result, time::Time};
use subtle::ConstantTimeEq;

use crate::{
    Service,
    guard::Caller,
    keys::{AuditEntry, Key, NewKey, Scope},
    messages::{CreatedKey, KeyRequest, Page, RedriveQuestion, RedriveResult},
    page,
    service::cut,
};

impl Service {
    /// Whether this is the key of commands on this machine.
    pub(crate) fn is_local_key(&self, text: &str) -> bool {
        let is_same =
            |key: &crate::keys::KeyText| bool::from(key.reveal().as_bytes().ct_eq(text.as_bytes()));
        self.parts.local_key.as_ref().is_some_and(is_same)
    }

    pub(crate) async fn create_key(
        &self,
        caller: &Caller,
        request: KeyRequest,
    ) -> Result<CreatedKey> {
        let KeyRequest { name, scopes, trucks, quotas, expires_at } = request;
        let new = NewKey {
            name,
            scopes: Scope::expand(scopes.iter().map(String::as_str))?,
            trucks,
            quotas: quotas.parse()?,
            expires_at: expires_at.map(|at| Time::check(at, "expires_at")).transpose()?,
        };
        let (key, text) = self.keys.create(new, caller.actor()).await?;
        Ok(CreatedKey { key, secret: text.reveal().to_owned() })
    }

    pub(crate) async fn list_keys(
        &self,
        page_size: Option<u32>,
        page_token: Option<&str>,
    ) -> Result<Page<Key>> {
        let size = page::size(page_size)?;
        let after: Option<String> = page::after("keys", page_token)?;
        let mut items = self.keys.list(after.as_deref(), size + 1).await?;
        let next_page_token = cut(&mut items, size, "keys", |key| key.key_id.clone());
        Ok(Page { items, next_page_token })
    }

    pub(crate) async fn revoke_key(&self, caller: &Caller, key_id: &str) -> Result<Key> {
        self.keys.revoke(key_id, caller.actor()).await
    }

    pub(crate) async fn list_audit(
        &self,
        page_size: Option<u32>,
        page_token: Option<&str>,
    ) -> Result<Page<AuditEntry>> {
        let size = page::size(page_size)?;
        let after: Option<String> = page::after("audit", page_token)?;
        let mut items = self.keys.audit(after.as_deref(), size + 1).await?;
        let next_page_token = cut(&mut items, size, "audit", |entry| entry.audit_id.clone());
        Ok(Page { items, next_page_token })
    }

    /// Puts letters back on behalf of somebody, and tells the audit how many went. Once begun it is
    /// brought to its end, also if whoever asked has gone: what is half published cannot be told
    /// from what is not.
    pub(crate) async fn redrive_as(
        self: &Arc<Self>,
        caller: Caller,
        asked: RedriveQuestion,
    ) -> Result<Page<RedriveResult>> {
        let service = Arc::clone(self);
        let redrive = async move {
            let results = service.redrive(&asked).await?;
            service.audit_redrive(&caller, &results.items).await;
            Ok(results)
        };
        let done = tokio::spawn(redrive).await;
        done.map_err(|error| Error::internal("redrive").with_source(error))?
    }

    async fn audit_redrive(&self, caller: &Caller, results: &[RedriveResult]) {
        let redriven = results.iter().filter(|result| result.outcome == "redriven").count();
        if redriven == 0 {
            return;
        }
        let target = format!("{redriven} dead letters");
        let told = self.keys.tell(caller.actor(), "dead_letters.redrive", &target, "done");
        if let Err(error) = told.await {
            // They are back, and whoever asked is told so; the log keeps what the audit lacks.
            tracing::error!(%error, actor = caller.actor(), target, "redrive not in the audit");
        }
    }
}
