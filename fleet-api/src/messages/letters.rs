//! Dead letters, and what is asked of them.

use bytes::Bytes;
use fleet_core::{
    stream::dead_letter::{Counted, ReasonCount},
    time::Time,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{service::KeptLetter, text};

/// A dead letter; bytes in hexadecimal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Letter {
    /// Names the letter: `topic:partition:offset` of its own place.
    pub(crate) id: String,
    /// Where the original stood.
    pub(crate) topic: String,
    /// None, like `offset`, if it was refused at the door, or if somebody else wrote the letter.
    pub(crate) partition: Option<u32>,
    pub(crate) offset: Option<u64>,
    pub(crate) group: String,
    /// A word of a closed list: undecodable, out_of_range, too_large, conflict, rejected,
    /// unknown_version, unknown.
    pub(crate) reason: &'static str,
    /// The reason in words.
    pub(crate) detail: String,
    /// How often it was tried, every time it was put back included.
    pub(crate) attempts: u32,
    /// When it was first given up: earlier than the last time if it had been put back.
    pub(crate) first_failed_at: Time,
    pub(crate) dead_lettered_at: Time,
    /// The original's key.
    #[serde(serialize_with = "text::lossy")]
    #[schema(value_type = String)]
    pub(crate) key: Bytes,
    /// The original's own headers.
    pub(crate) headers: Vec<LetterHeader>,
    /// The original's bytes, two hexadecimal digits each.
    #[serde(rename = "payload_hex", serialize_with = "text::hex")]
    #[schema(value_type = String, pattern = "^([0-9a-f]{2})*$")]
    pub(crate) payload: Bytes,
    /// Whether the letter had no room for all of the original: it cannot be put back.
    pub(crate) is_cut: bool,
    /// Whether it was put back.
    pub(crate) redriven: bool,
    /// The letter that the original was before, if it had been put back.
    pub(crate) redriven_from: Option<String>,
}

/// A header of a dead letter's original.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LetterHeader {
    pub(crate) name: String,
    /// Its bytes, two hexadecimal digits each.
    #[serde(rename = "value_hex", serialize_with = "text::hex")]
    #[schema(value_type = String, pattern = "^([0-9a-f]{2})*$")]
    pub(crate) value: Bytes,
}

impl From<KeptLetter> for Letter {
    fn from(KeptLetter { letter, redriven }: KeptLetter) -> Self {
        let header = |(name, value)| LetterHeader { name, value };
        Self {
            id: letter.id(),
            topic: letter.topic.to_string(),
            partition: letter.origin.as_ref().map(|origin| origin.partition.number),
            offset: letter.origin.as_ref().map(|origin| origin.offset),
            group: letter.group,
            reason: letter.reason.as_str(),
            detail: letter.detail,
            attempts: letter.attempts,
            first_failed_at: letter.first_failed_at,
            dead_lettered_at: letter.dead_lettered_at,
            key: letter.key,
            headers: letter.headers.into_iter().map(header).collect(),
            payload: letter.payload,
            is_cut: letter.is_cut,
            redriven,
            redriven_from: letter.redriven_from,
        }
    }
}

/// Dead letters counted by topic and reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LetterCounts {
    /// By topic and reason; those with no letter are left out.
    pub(crate) items: Vec<LetterCount>,
    /// Whether all were counted: the count ends after some 100,000.
    pub(crate) is_complete: bool,
}

/// How many dead letters of a topic there are for a reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LetterCount {
    /// Where the originals stood.
    pub(crate) topic: String,
    /// Why they were set aside.
    pub(crate) reason: &'static str,
    pub(crate) letters: u64,
    /// When the first of them was set aside.
    pub(crate) oldest_at: Time,
    /// When the last of them was set aside.
    pub(crate) newest_at: Time,
    /// The last of them.
    pub(crate) newest_id: String,
}

impl From<Counted> for LetterCounts {
    fn from(counted: Counted) -> Self {
        let item = |count: ReasonCount| LetterCount {
            topic: count.topic.to_string(),
            reason: count.reason.as_str(),
            letters: count.letters,
            oldest_at: count.oldest_at,
            newest_at: count.newest_at,
            newest_id: count.newest_id,
        };
        let items = counted.groups.into_iter().map(item).collect();
        Self { items, is_complete: counted.is_complete }
    }
}

/// Which dead letters; what is not given is not asked.
#[derive(Debug, Default, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LettersFilter {
    /// Only letters whose originals stood in this topic.
    pub(crate) topic: Option<String>,
    /// Only those set aside for this reason: undecodable, out_of_range, too_large, conflict, rejected,
    /// unknown_version or unknown.
    pub(crate) reason: Option<String>,
    /// Set aside from this platform time on.
    pub(crate) from: Option<Time>,
    /// Set aside before this platform time.
    pub(crate) to: Option<Time>,
}

/// Letters to be put back: by their ids, or by what they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedriveQuestion {
    /// Which, by their ids: 1 to 1,000; none if there is a filter.
    #[schema(min_items = 1, max_items = 1_000)]
    pub(crate) ids: Option<Vec<String>>,
    /// Those that it finds, a page in each call, oldest first.
    pub(crate) filter: Option<LettersFilter>,
    /// With a filter: 1 or more, of which 500 are taken at most; 50 unless given.
    #[schema(minimum = 1, default = 50)]
    pub(crate) page_size: Option<u32>,
    /// With a filter: from the answer before.
    pub(crate) page_token: Option<String>,
    /// Only say what would happen.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// What became of a letter that was to be put back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RedriveResult {
    pub(crate) id: String,
    /// redriven, already_redriven, would_redrive, would_fail, not_found, invalid, failed or not_tried.
    pub(crate) outcome: &'static str,
    /// Why not.
    pub(crate) detail: String,
    /// Of one that would fail again, why, as a word of the same list as a letter's.
    pub(crate) reason: Option<&'static str>,
}
