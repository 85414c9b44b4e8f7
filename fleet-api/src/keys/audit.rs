//! The audit: who changed what, appended and never altered.

use fleet_core::{
    Result,
    store::{Document, Write},
    time::Time,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Keys, document, read, token};

const AUDIT: &str = "audit";

/// One change, or one that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Names the entry; in the order of time.
    pub audit_id: String,
    /// Platform time of it.
    pub at: Time,
    /// Id of the key that asked for it, `local` for a command on the machine, `anonymous`.
    pub actor: String,
    /// `key.create`, `key.revoke`, `dead_letters.redrive`, `geofence.put`, `geofence.delete`, or the call that was refused.
    pub action: String,
    /// What was changed: a key's id, how many dead letters.
    pub target: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// More about it; never a secret.
    pub detail: String,
}

impl Keys {
    /// The write that keeps an entry; it goes into one transaction with the change it tells of.
    pub(super) fn entry(
        &self,
        at: Time,
        actor: &str,
        action: &str,
        target: &str,
        outcome: &str,
        detail: &str,
    ) -> Result<Write> {
        // Milliseconds in a fixed width: ids are in the order of time.
        let audit_id = format!("{:014}-{}", at.as_ms().max(0), token::suffix(self.entropy)?);
        let entry = AuditEntry {
            at,
            actor: actor.to_owned(),
            action: action.to_owned(),
            target: target.to_owned(),
            outcome: outcome.to_owned(),
            detail: detail.to_owned(),
            audit_id: audit_id.clone(),
        };
        Ok(document(AUDIT, &audit_id, &entry))
    }

    /// The write that keeps an entry about a change elsewhere, to go into one transaction with it.
    ///
    /// # Errors
    /// `Unavailable` without randomness.
    pub(crate) fn told(&self, at: Time, actor: &str, action: &str, target: &str) -> Result<Write> {
        self.entry(at, actor, action, target, "done", "")
    }

    /// Keeps an entry about what is no change of keys.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn tell(&self, actor: &str, action: &str, target: &str, outcome: &str) -> Result<()> {
        let entry = self.entry(self.clock.now(), actor, action, target, outcome, "")?;
        self.write(vec![entry]).await
    }

    /// Entries oldest first, from after `after` on, at most `max`.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn audit(&self, after: Option<&str>, max: usize) -> Result<Vec<AuditEntry>> {
        let found: Vec<Document> = self.store.documents(AUDIT, None, after, max).await?;
        found.iter().map(read).collect()
    }
}
