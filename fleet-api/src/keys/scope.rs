//! What a key may do: scopes, and roles as names for sets of them.

use std::{collections::BTreeSet, fmt, str::FromStr};

use fleet_core::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// One thing that a key may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "`meaning` says it")]
pub enum Scope {
    FleetRead,
    TripsRead,
    SloRead,
    PipelineRead,
    ClusterRead,
    ExportRead,
    DlqWrite,
    TelemetryWrite,
    FencesWrite,
    KeysAdmin,
    AuditRead,
}

use Scope::{
    AuditRead, ClusterRead, DlqWrite, ExportRead, FencesWrite, FleetRead, KeysAdmin, PipelineRead,
    SloRead, TelemetryWrite, TripsRead,
};

/// What only reads, and is no secret among the people of a fleet.
const VIEWER: &[Scope] = &[FleetRead, TripsRead, SloRead, PipelineRead, ClusterRead];

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 11] = [
        FleetRead,
        TripsRead,
        SloRead,
        PipelineRead,
        ClusterRead,
        ExportRead,
        DlqWrite,
        TelemetryWrite,
        FencesWrite,
        KeysAdmin,
        AuditRead,
    ];

    /// The roles: names for sets of scopes.
    pub const ROLES: [(&str, &[Self]); 4] = [
        ("viewer", VIEWER),
        (
            "operator",
            &[
                FleetRead,
                TripsRead,
                SloRead,
                PipelineRead,
                ClusterRead,
                DlqWrite,
                ExportRead,
                FencesWrite,
            ],
        ),
        ("device", &[TelemetryWrite]),
        (
            "admin",
            &[
                FleetRead,
                TripsRead,
                SloRead,
                PipelineRead,
                ClusterRead,
                DlqWrite,
                ExportRead,
                FencesWrite,
                KeysAdmin,
                AuditRead,
            ],
        ),
    ];

    /// What a viewer may.
    pub fn viewer() -> BTreeSet<Self> {
        VIEWER.iter().copied().collect()
    }

    /// Its name, e.g. `fleet:read`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FleetRead => "fleet:read",
            Self::TripsRead => "trips:read",
            Self::SloRead => "slo:read",
            Self::PipelineRead => "pipeline:read",
            Self::ClusterRead => "cluster:read",
            Self::ExportRead => "export:read",
            Self::DlqWrite => "dlq:write",
            Self::TelemetryWrite => "telemetry:write",
            Self::FencesWrite => "fences:write",
            Self::KeysAdmin => "keys:admin",
            Self::AuditRead => "audit:read",
        }
    }

    /// The scopes that names of scopes and roles come to.
    ///
    /// # Errors
    /// `Invalid` for an unknown name, or none at all.
    pub fn expand<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<BTreeSet<Self>> {
        let mut scopes = BTreeSet::new();
        for name in names {
            match Self::ROLES.iter().find(|(role, _)| *role == name) {
                Some((_, of_role)) => scopes.extend(of_role.iter().copied()),
                None => drop(scopes.insert(name.parse::<Self>()?)),
            }
        }
        if scopes.is_empty() {
            return Err(Error::invalid("scopes: expected at least one scope or role"));
        }
        Ok(scopes)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let roles = Self::ROLES.map(|(role, _)| role).join(", ");
            let scopes = Self::ALL.map(Self::as_str).join(", ");
            Error::invalid(format!("scopes {text:?}: expected one of {roles}, or of {scopes}"))
        })
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for Scope {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.map(Self::as_str);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for Scope {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_roles_expand() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().expect("its own name"), scope);
        }
        let device = Scope::expand(["device", "fleet:read"]).expect("known");
        assert_eq!(device, BTreeSet::from([TelemetryWrite, FleetRead]));
        let refused = Scope::expand(["root"]).expect_err("no such role").to_string();
        assert!(refused.contains("\"root\"") && refused.contains("operator"), "{refused}");
        assert!(Scope::expand([]).is_err());
    }

    #[test]
    fn only_admins_administer_and_only_devices_write_telemetry() {
        for (role, scopes) in Scope::ROLES {
            assert_eq!(scopes.contains(&KeysAdmin), role == "admin", "{role}");
            assert_eq!(scopes.contains(&TelemetryWrite), role == "device", "{role}");
        }
    }
}
