//! Records set aside because they can never be handled: how they are kept, listed and put back.
//!
//! A dead letter is the original's key, headers and bytes in `<topic>.dlq`, with its reason and
//! origin in headers called `fleet-…`. They are [found](list) by topic, reason and time, and
//! putting them back ([`Redriver`]) appends the originals to their topics again, each once.

mod find;
mod reason;
mod redrive;

use bytes::Bytes;

use super::{
    HEADER_BYTES_MAX, HEADERS_MAX, NewRecord, Partition, Place, Record, Topic,
    bounds::{KEY_BYTES_MAX, PAYLOAD_BYTES_MAX},
};
use crate::{Error, Result, time::Time};

pub use find::{Counted, Filter, Found, ReasonCount, count, get, list};
pub use reason::{Reason, Refusal};
pub use redrive::{Mode, Read, Redriven, Redriver, is_redriven};

/// Every header of ours begins so; all others are the original's.
const OURS: &str = "fleet-";
const REASON: &str = "fleet-reason";
const DETAIL: &str = "fleet-detail";
const PARTITION: &str = "fleet-partition";
const OFFSET: &str = "fleet-offset";
const TOPIC: &str = "fleet-topic";
const GROUP: &str = "fleet-group";
/// On a letter: how often the original was tried. On a record put back: how often before.
const ATTEMPTS: &str = "fleet-attempts";
const TIME: &str = "fleet-dead-lettered-at-ms";
/// On a letter, and on the record put back from it: when it was first given up.
const FIRST: &str = "fleet-first-failed-at-ms";
/// What of the original was too large to be kept whole: `key`, `payload` or both.
const CUT: &str = "fleet-cut";
/// On a record that was put back, and on the letter it may become again: the letter it was.
const REDRIVEN_FROM: &str = "fleet-redriven-from";
/// How many of the original's headers found no room beside ours.
const DROPPED: &str = "fleet-headers-dropped";
/// The longest detail that is kept, bytes.
const DETAIL_BYTES_MAX: usize = 2_048;

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where the letter itself lies.
    pub place: Place,
    /// The topic where the original stood, and where it goes when it is put back.
    pub topic: Topic,
    /// Where the original lay; `None` if it was refused before it was in the log, or if somebody
    /// else wrote the letter, without our headers.
    pub origin: Option<Place>,
    /// Who gave it up, a consumer group as a rule; empty if somebody else wrote the letter.
    pub group: String,
    /// Why, as a word of a closed list.
    pub reason: Reason,
    /// Why, in words.
    pub detail: String,
    /// How often it was tried, every time it was put back included.
    pub attempts: u32,
    /// Platform time of the last attempt.
    pub dead_lettered_at: Time,
    /// Platform time at which it was first given up: earlier if it had been put back.
    pub first_failed_at: Time,
    /// The letter that the original was before, if it had been put back.
    pub redriven_from: Option<String>,
    /// The original's key.
    pub key: Bytes,
    /// The original's own headers.
    pub headers: Vec<(String, Bytes)>,
    /// The original's bytes.
    pub payload: Bytes,
    /// Whether key, headers or payload are only what a letter has room for: it cannot be put back.
    pub is_cut: bool,
}

fn header(name: &str, value: impl Into<Bytes>) -> (String, Bytes) {
    (name.to_owned(), value.into())
}

/// The record that sets `record` aside, tried once more by `group`. Of a key or payload above the
/// bounds of a record it keeps the beginning.
pub fn set_aside(record: &Record, group: &str, refusal: &Refusal, now: Time) -> NewRecord {
    let origin = &record.place;
    let before: u32 = record.header(ATTEMPTS).and_then(|text| text.parse().ok()).unwrap_or(0);
    let first = record.header(FIRST).and_then(|text| text.parse().ok());
    let first: i64 = first.filter(|first| before > 0 && *first >= 0).unwrap_or(now.as_ms());
    let mut headers = told(&origin.partition.topic, group, refusal, before.saturating_add(1), now);
    headers.push(header(PARTITION, origin.partition.number.to_string()));
    headers.push(header(OFFSET, origin.offset.to_string()));
    headers.push(header(FIRST, first.min(now.as_ms()).to_string()));
    // Only what we can have written: anybody may have put the record into its topic.
    let from = record.header(REDRIVEN_FROM).filter(|from| parse_id(from).is_ok());
    headers.extend(from.map(|from| header(REDRIVEN_FROM, from.to_owned())));
    let (key, payload) = (&record.key, &record.payload);
    let cut = match (key.len() > KEY_BYTES_MAX, payload.len() > PAYLOAD_BYTES_MAX) {
        (false, false) => None,
        (true, false) => Some("key"),
        (false, true) => Some("payload"),
        (true, true) => Some("key payload"),
    };
    headers.extend(cut.map(|cut| header(CUT, cut)));
    keep_headers(&mut headers, &record.headers);
    NewRecord {
        topic: origin.partition.topic.dead_letters(),
        key: key.slice(..key.len().min(KEY_BYTES_MAX)),
        headers,
        payload: payload.slice(..payload.len().min(PAYLOAD_BYTES_MAX)),
    }
}

/// The record that keeps what was refused before it came into `topic`: `payload` as it was sent, by
/// whoever `key` names, refused `attempts` times by `group`.
pub fn refused(
    topic: &Topic,
    (key, payload): (Bytes, Bytes),
    group: &str,
    (refusal, attempts): (&Refusal, u32),
    now: Time,
) -> NewRecord {
    let headers = told(topic, group, refusal, attempts, now);
    NewRecord { topic: topic.dead_letters(), key, headers, payload }
}

fn told(
    topic: &Topic,
    group: &str,
    refusal: &Refusal,
    attempts: u32,
    now: Time,
) -> Vec<(String, Bytes)> {
    vec![
        header(REASON, refusal.reason.as_str()),
        header(DETAIL, shortened(&refusal.detail).to_owned()),
        header(TOPIC, topic.to_string()),
        header(GROUP, group.to_owned()),
        header(ATTEMPTS, attempts.to_string()),
        header(TIME, now.as_ms().to_string()),
    ]
}

fn shortened(detail: &str) -> &str {
    let mut end = detail.len().min(DETAIL_BYTES_MAX);
    while !detail.is_char_boundary(end) {
        end -= 1;
    }
    &detail[..end]
}

/// Adds the original's own headers, as many as the bounds of a record allow.
fn keep_headers(headers: &mut Vec<(String, Bytes)>, original: &[(String, Bytes)]) {
    let size = |(name, value): &(String, Bytes)| name.len() + value.len();
    let room_for_dropped = DROPPED.len() + 2;
    let mut bytes = headers.iter().map(size).sum::<usize>() + room_for_dropped;
    let mut dropped = 0_u32;
    for own in original.iter().filter(|(name, _)| !name.starts_with(OURS)) {
        bytes += size(own);
        if headers.len() + 1 < HEADERS_MAX && bytes <= HEADER_BYTES_MAX {
            headers.push(own.clone());
        } else {
            dropped += 1;
        }
    }
    if dropped > 0 {
        headers.push(header(DROPPED, dropped.to_string()));
    }
}

impl DeadLetter {
    /// The letter in a record of a dead-letter topic. One that somebody else put there is told as
    /// such: reason `unknown`, no origin.
    ///
    /// # Errors
    /// `Invalid` if the record does not lie in a dead-letter topic.
    pub fn parse(record: &Record) -> Result<Self> {
        let topic = record.place.partition.topic.origin();
        let topic = topic.ok_or_else(|| Error::invalid("topic: holds no dead letters"))?;
        let own = record.headers.iter().filter(|(name, _)| !name.starts_with(OURS));
        let letter = Self {
            place: record.place.clone(),
            topic: topic.clone(),
            origin: None,
            group: String::new(),
            reason: Reason::Unknown,
            detail: String::new(),
            attempts: 0,
            dead_lettered_at: record.appended_at,
            first_failed_at: record.appended_at,
            redriven_from: record
                .header(REDRIVEN_FROM)
                .filter(|from| parse_id(from).is_ok())
                .map(str::to_owned),
            key: record.key.clone(),
            headers: own.cloned().collect(),
            payload: record.payload.clone(),
            is_cut: record.header(CUT).is_some() || record.header(DROPPED).is_some(),
        };
        Ok(match Told::by(record) {
            Ok(told) => Self {
                origin: told.origin.map(|(number, offset)| Place {
                    partition: Partition { topic, number },
                    offset,
                }),
                group: told.group,
                reason: told.reason,
                detail: told.detail,
                attempts: told.attempts,
                dead_lettered_at: told.at,
                first_failed_at: told.first,
                ..letter
            },
            Err(why) => Self { detail: why.to_string(), ..letter },
        })
    }

    /// The letter's own id, `topic:partition:offset`.
    pub fn id(&self) -> String {
        id_of(&self.place)
    }

    /// What it weighs: key, headers, payload and detail.
    fn bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.len() + headers + self.payload.len() + self.detail.len()
    }
}

/// What our headers tell.
struct Told {
    origin: Option<(u32, u64)>,
    group: String,
    reason: Reason,
    detail: String,
    attempts: u32,
    at: Time,
    first: Time,
}

impl Told {
    fn by(record: &Record) -> Result<Self> {
        let missing = |name: &str| Error::invalid(format!("header {name} is missing"));
        let text = |name: &str| record.header(name).ok_or_else(|| missing(name));
        let number = |name: &str| -> Result<u64> {
            let no_number = |_| Error::invalid(format!("header {name} is no number"));
            text(name)?.parse().map_err(no_number)
        };
        let small = |name: &str| Ok::<_, Error>(u32::try_from(number(name)?).unwrap_or(u32::MAX));
        let origin = match (record.header(PARTITION), record.header(OFFSET)) {
            (None, None) => None,
            _ => Some((small(PARTITION)?, number(OFFSET)?)),
        };
        let time = |name: &str| {
            number(name).map(|ms| Time::from_ms(i64::try_from(ms).unwrap_or(i64::MAX)))
        };
        let at = time(TIME)?;
        Ok(Self {
            origin,
            group: text(GROUP)?.to_owned(),
            // A word of another version: the letter is ours, and its detail says the rest.
            reason: text(REASON)?.parse().unwrap_or(Reason::Unknown),
            detail: text(DETAIL)?.to_owned(),
            attempts: small(ATTEMPTS)?,
            at,
            first: time(FIRST).map_or(at, |first| first.min(at)),
        })
    }
}

/// The id of the letter at `place`.
fn id_of(Place { partition: Partition { topic, number }, offset }: &Place) -> String {
    format!("{topic}:{number}:{offset}")
}

fn parse_id(id: &str) -> Result<Place> {
    let bad = || Error::invalid(format!("dead letter {id:?}: expected topic:partition:offset"));
    let mut parts = id.splitn(3, ':');
    let mut part = || parts.next().ok_or_else(bad);
    let topic: Topic = part()?.parse().map_err(|_| bad())?;
    let number = part()?.parse().map_err(|_| bad())?;
    let offset: u64 = part()?.parse().map_err(|_| bad())?;
    if !topic.is_dead_letters() || offset >= i64::MAX.cast_unsigned() {
        return Err(bad());
    }
    Ok(Place { partition: Partition { topic, number }, offset })
}

#[cfg(test)]
mod tests;
