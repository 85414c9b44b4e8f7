//! Identifiers: short, printable, safe in paths, topics and labels.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

fn checked(what: &str, text: &str) -> Result<Arc<str>> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.into());
    }
    let shown: String = text.chars().take(80).collect();
    Err(Error::invalid(format!("{what}: {shown:?}: expected 1 to 64 of A-Z a-z 0-9 . _ -")))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(
            feature = "openapi",
            derive(utoipa::ToSchema),
            schema(value_type = String, pattern = "^[A-Za-z0-9._-]{1,64}$")
        )]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text: 1 to 64 of `A-Z a-z 0-9 . _ -`.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                checked($field, text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// A truck's id. Simulated ones have a fixed width: `TRK-000007`.
    TruckId, "truck_id"
}
id! {
    /// A trip's id. Simulated ones are the truck's id and the trip's number: `TRK-000007.000012`.
    TripId, "trip_id"
}
id! {
    /// A driver's id, e.g. `DRV-000007`.
    DriverId, "driver_id"
}
id! {
    /// A geofence's id, e.g. `depot-guwahati`.
    FenceId, "fence_id"
}

impl TruckId {
    /// The id of the `number`-th simulated truck, from 1: the same width whatever the fleet's size.
    ///
    /// ```
    /// # use fleet_core::domain::TruckId;
    /// assert_eq!(TruckId::simulated(7).as_str(), "TRK-000007");
    /// ```
    pub fn simulated(number: u32) -> Self {
        Self(format!("TRK-{number:06}").into())
    }

    /// The id of this truck's `number`-th trip, from 1.
    pub fn trip(&self, number: u64) -> TripId {
        // Truncation keeps the id within 64 characters for the longest of foreign truck ids.
        let stem: String = self.0.chars().take(50).collect();
        TripId(format!("{stem}.{number:06}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_would_break_a_path_or_a_label() {
        let long = "x".repeat(65);
        for bad in ["", "a b", "a/b", "ट्रक", "a\n", long.as_str()] {
            let error = bad.parse::<TruckId>().expect_err(bad);
            assert!(error.to_string().starts_with("truck_id: "), "{error}");
        }
        assert!("x".repeat(64).parse::<TripId>().is_ok());
    }
}
