//! How much each class of requests may take, for everybody and for one key.

use std::{collections::BTreeMap, fmt, str::FromStr};

use fleet_core::{
    Error, Result,
    ratelimit::{Policy, Quota},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a request counts as: each class has a bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// Questions, and changes by hand.
    Read,
    /// What reads much at once.
    Export,
    /// Opening a live stream; once open it costs nothing.
    Live,
    /// Events sent in.
    Ingest,
    /// Events sent in that are older than five minutes: what a truck measured while it was offline.
    Backlog,
    /// Requests of the bundled pages.
    Ui,
    /// Keys that were refused, by the address that presents them.
    Auth,
}

impl Class {
    /// Every class, with the default of each: tokens, and µs for one more.
    pub(crate) const ALL: [(Self, &'static str, u32, u64); 7] = [
        (Self::Read, "read", 10, 2_000_000),
        (Self::Export, "export", 5, 20_000_000),
        (Self::Live, "live", 10, 5_000_000),
        (Self::Ingest, "ingest", 5_000, 2_000),
        (Self::Backlog, "backlog", 20_000, 500),
        (Self::Ui, "ui", 60, 100_000),
        (Self::Auth, "auth", 10, 2_000_000),
    ];

    /// Its name, which is the policy's.
    pub(crate) const fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// Quotas by class, written `read=10@0.5,live=10@0.2`: a burst, and tokens a second (at most three
/// decimals). A class that is not named keeps what it would have without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas(BTreeMap<Class, (String, Quota)>);

impl Quotas {
    /// The policy of a class: this one's, else that of `otherwise`, else the default.
    pub(crate) fn policy(&self, class: Class, otherwise: &Self) -> Policy {
        let (_, name, capacity, interval_us) = Class::ALL[class as usize];
        let named = self.0.get(&class).or_else(|| otherwise.0.get(&class));
        let quota = named.map_or_else(
            || Quota::with_interval(capacity, interval_us).expect("the defaults are in range"),
            |(_, quota)| *quota,
        );
        Policy::new(name, quota).expect("the names of classes are names of policies")
    }
}

fn one(text: &str) -> Option<(Class, String, Quota)> {
    let (name, rest) = text.split_once('=')?;
    let (class, ..) = Class::ALL.into_iter().find(|(_, known, ..)| *known == name.trim())?;
    let (burst, rate) = rest.split_once('@')?;
    let (whole, places) = rate.trim().split_once('.').unwrap_or((rate.trim(), ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || places.len() > 3 || !is_number(whole) || !is_number(places) {
        return None;
    }
    let per_1000_s: u32 = format!("{whole}{places:0<3}").parse().ok()?;
    let quota = Quota::new(burst.trim().parse().ok()?, per_1000_s, 1_000_000_000).ok()?;
    Some((class, format!("{}@{}", burst.trim(), rate.trim()), quota))
}

impl FromStr for Quotas {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut quotas = BTreeMap::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (class, written, quota) = one(part.trim()).ok_or_else(|| {
                let names = Class::ALL.map(|(_, name, ..)| name).join(", ");
                Error::invalid(format!(
                    "quotas {part:?}: expected CLASS=BURST@PER_SECOND like read=10@0.5, with a class \
                     of {names}"
                ))
            })?;
            quotas.insert(class, (written, quota));
        }
        Ok(Self(quotas))
    }
}

impl fmt::Display for Quotas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (class, (written, _))) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}={written}", class.as_str())?;
        }
        Ok(())
    }
}

impl Serialize for Quotas {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quotas {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_docs() {
        let shown = |class| Quotas::default().policy(class, &Quotas::default()).policy_header();
        assert_eq!(shown(Class::Read), r#""read";q=10;w=20"#);
        assert_eq!(shown(Class::Export), r#""export";q=5;w=100"#);
        assert_eq!(shown(Class::Live), r#""live";q=10;w=50"#);
        assert_eq!(shown(Class::Ingest), r#""ingest";q=5000;w=10"#);
        assert_eq!(shown(Class::Backlog), r#""backlog";q=20000;w=10"#);
        assert_eq!(shown(Class::Ui), r#""ui";q=60;w=6"#);
    }

    #[test]
    fn a_key_goes_before_the_settings_and_they_before_the_defaults() {
        let key: Quotas = "read=100@10".parse().expect("quotas");
        let settings: Quotas = "read=20@0.5, live=3@0.333".parse().expect("quotas");
        let q = |class| key.policy(class, &settings).quota();
        assert_eq!((q(Class::Read).capacity(), q(Class::Read).interval_us()), (100, 100_000));
        assert_eq!((q(Class::Live).capacity(), q(Class::Live).interval_us()), (3, 3_003_004));
        assert_eq!(q(Class::Export).capacity(), 5);
        assert_eq!(settings.to_string(), "read=20@0.5,live=3@0.333");
    }

    #[test]
    fn what_is_no_quota_is_refused_by_name() {
        for text in
            ["read", "read=10", "reed=1@1", "read=0@1", "read=1@0", "read=1@0.0001", "read=x@1"]
        {
            let told = text.parse::<Quotas>().expect_err(text).to_string();
            assert!(told.contains("read=10@0.5"), "{told}");
        }
    }
}
