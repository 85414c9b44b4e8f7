//! Records set aside because they can never be handled: how they are kept, listed and put back.
//!
//! A dead letter is the original's key, headers and bytes in `<topic>.dlq`, with its reason and
//! origin in headers called `fleet-…`. Putting it back (*redriving*) appends the original to its topic again; sinks are
//! idempotent, so a redrive interrupted half way and repeated does no harm, and a mark in the store
//! makes the second redrive of a letter a no-op.

use bytes::Bytes;

use super::{EventLog, HEADER_BYTES_MAX, HEADERS_MAX, NewRecord, Partition, Place, Record, Topic};
use crate::{
    Error, ErrorKind, Result,
    store::{Document, FleetStore, Watermarks, Write},
    time::Time,
};

/// Kind of the documents that mark redriven letters.
const REDRIVEN: &str = "redriven";
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
    /// Why, as a word of a closed list: an error kind, e.g. `invalid`, or `unknown`.
    pub reason: String,
    /// Why, in words.
    pub detail: String,
    /// How often it was tried, every time it was put back included.
    pub attempts: u32,
    /// Platform time.
    pub dead_lettered_at: Time,
    /// The letter that the original was before, if it had been put back.
    pub redriven_from: Option<String>,
    /// The original's key.
    pub key: Bytes,
    /// The original's own headers.
    pub headers: Vec<(String, Bytes)>,
    /// The original's bytes.
    pub payload: Bytes,
}

/// What became of one letter that was to be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redriven {
    /// It is in its topic again.
    Done,
    /// It was put back before.
    Already,
    /// It would be put back and be handled (dry run).
    Would,
    /// It would fail again, for this reason.
    WouldFail(String),
    /// There is no such letter.
    NotFound,
}

fn header(name: &str, value: impl Into<Bytes>) -> (String, Bytes) {
    (name.to_owned(), value.into())
}

/// The record that sets `record` aside, tried once more by `group`.
pub fn set_aside(
    record: &Record,
    group: &str,
    reason: ErrorKind,
    detail: &str,
    now: Time,
) -> NewRecord {
    let origin = &record.place;
    let before: u32 = record.header(ATTEMPTS).and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut headers = vec![
        header(REASON, reason.as_str()),
        header(DETAIL, shortened(detail).to_owned()),
        header(TOPIC, origin.partition.topic.to_string()),
        header(PARTITION, origin.partition.number.to_string()),
        header(OFFSET, origin.offset.to_string()),
        header(GROUP, group.to_owned()),
        header(ATTEMPTS, before.saturating_add(1).to_string()),
        header(TIME, now.as_ms().to_string()),
    ];
    // Only what we can have written: anybody may have put the record into its topic.
    let from = record.header(REDRIVEN_FROM).filter(|from| parse_id(from).is_ok());
    headers.extend(from.map(|from| header(REDRIVEN_FROM, from.to_owned())));
    keep_headers(&mut headers, &record.headers);
    NewRecord {
        topic: origin.partition.topic.dead_letters(),
        key: record.key.clone(),
        headers,
        payload: record.payload.clone(),
    }
}

/// The record that keeps what was refused before it came into `topic`: `payload` as it was sent, by
/// whoever `key` names, refused `attempts` times by `group`.
pub fn refused(
    topic: &Topic,
    (key, payload): (Bytes, Bytes),
    group: &str,
    (detail, attempts): (&str, u32),
    now: Time,
) -> NewRecord {
    let headers = vec![
        header(REASON, ErrorKind::Invalid.as_str()),
        header(DETAIL, shortened(detail).to_owned()),
        header(TOPIC, topic.to_string()),
        header(GROUP, group.to_owned()),
        header(ATTEMPTS, attempts.to_string()),
        header(TIME, now.as_ms().to_string()),
    ];
    NewRecord { topic: topic.dead_letters(), key, headers, payload }
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
            reason: "unknown".to_owned(),
            detail: String::new(),
            attempts: 0,
            dead_lettered_at: record.appended_at,
            redriven_from: record
                .header(REDRIVEN_FROM)
                .filter(|from| parse_id(from).is_ok())
                .map(str::to_owned),
            key: record.key.clone(),
            headers: own.cloned().collect(),
            payload: record.payload.clone(),
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
                ..letter
            },
            Err(why) => Self { detail: why.to_string(), ..letter },
        })
    }

    /// The letter's own id, `topic:partition:offset`.
    pub fn id(&self) -> String {
        let Place { partition: Partition { topic, number }, offset } = &self.place;
        format!("{topic}:{number}:{offset}")
    }
}

/// What our headers tell.
struct Told {
    origin: Option<(u32, u64)>,
    group: String,
    reason: String,
    detail: String,
    attempts: u32,
    at: Time,
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
        Ok(Self {
            origin,
            group: text(GROUP)?.to_owned(),
            reason: text(REASON)?.to_owned(),
            detail: text(DETAIL)?.to_owned(),
            attempts: small(ATTEMPTS)?,
            at: Time::from_ms(i64::try_from(number(TIME)?).unwrap_or(i64::MAX)),
        })
    }
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

/// Up to `max` letters of `topics` (the originals'), by topic, partition and offset, after the
/// letter called `after`.
///
/// # Errors
/// `Invalid` for a malformed `after`; those of the log.
pub async fn list(
    log: &dyn EventLog,
    topics: &[Topic],
    after: Option<&str>,
    max: usize,
) -> Result<Vec<DeadLetter>> {
    let after = after.map(parse_id).transpose()?;
    let mut partitions = Vec::new();
    for topic in topics {
        let extents = log.extents(&topic.dead_letters()).await?;
        partitions.extend(extents.into_iter().map(|extent| (extent.partition, extent.start)));
    }
    partitions.sort();
    let mut letters = Vec::new();
    for (partition, start) in partitions {
        let from = match &after {
            Some(place) if partition < place.partition => continue,
            Some(place) if partition == place.partition => start.max(place.offset + 1),
            _ => start,
        };
        let records = log.read(&partition, from, max - letters.len()).await?;
        for record in &records {
            letters.push(DeadLetter::parse(record)?);
        }
        if letters.len() == max {
            break;
        }
    }
    Ok(letters)
}

/// The letter called `id`.
///
/// # Errors
/// `Invalid` for a malformed id; `NotFound`; those of the log.
pub async fn get(log: &dyn EventLog, id: &str) -> Result<DeadLetter> {
    let place = parse_id(id)?;
    let records = log.read(&place.partition, place.offset, 1).await?;
    match records.first() {
        Some(record) if record.place == place => DeadLetter::parse(record),
        _ => Err(Error::not_found(format!("dead letter {id}: not there"))),
    }
}

/// Whether the letter called `id` was put back before.
///
/// # Errors
/// Those of the store.
pub async fn is_redriven(store: &dyn FleetStore, id: &str) -> Result<bool> {
    Ok(!store.documents(REDRIVEN, Some(id), None, 1).await?.is_empty())
}

/// Puts the letter called `id` back where it came from, unless it was before; with `dry_run` it
/// only says what would happen. `validate` tells whether the bytes would be handled now.
///
/// # Errors
/// `Invalid` for a malformed id; those of log and store.
pub async fn redrive(
    log: &dyn EventLog,
    store: &dyn FleetStore,
    id: &str,
    dry_run: bool,
    validate: &(dyn Fn(&Topic, &[u8]) -> Result<()> + Sync),
) -> Result<Redriven> {
    let letter = match get(log, id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Redriven::NotFound),
        letter => letter?,
    };
    if is_redriven(store, id).await? {
        return Ok(Redriven::Already);
    }
    if let Err(error) = validate(&letter.topic, &letter.payload) {
        return Ok(Redriven::WouldFail(error.to_string()));
    }
    if dry_run {
        return Ok(Redriven::Would);
    }
    let mut headers = letter.headers;
    headers.push(header(REDRIVEN_FROM, id.to_owned()));
    headers.push(header(ATTEMPTS, letter.attempts.to_string()));
    let DeadLetter { topic, key, payload, .. } = letter;
    let record = NewRecord { topic, key, headers, payload };
    log.publish(vec![record]).await?;
    let mark = Document { kind: REDRIVEN.into(), id: id.into(), body: "{}".into() };
    store.write(vec![Write::Document(mark)], Watermarks::new()).await?;
    Ok(Redriven::Done)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(headers: Vec<(String, Bytes)>) -> Record {
        let partition = Partition { topic: Topic::TELEMETRY, number: 3 };
        Record {
            place: Place { partition, offset: 41 },
            key: Bytes::from_static(b"TRK-000001"),
            headers,
            payload: Bytes::from_static(b"\xff"),
            appended_at: Time::MIN,
        }
    }

    fn delivered(new: NewRecord) -> Record {
        let partition = Partition { topic: new.topic, number: 0 };
        let place = Place { partition, offset: 7 };
        let (key, headers, payload) = (new.key, new.headers, new.payload);
        Record { place, key, headers, payload, appended_at: Time::MIN }
    }

    #[test]
    fn a_letter_somebody_else_wrote_is_told_as_such() {
        let mut foreign = record(vec![header("x", "1")]);
        foreign.place.partition.topic = Topic::TRIPS.dead_letters();
        let letter = DeadLetter::parse(&foreign).expect("a dead-letter topic");
        assert_eq!((letter.topic, letter.origin), (Topic::TRIPS, None));
        assert_eq!(letter.reason, "unknown");
        assert!(letter.detail.contains("fleet-"), "{}", letter.detail);
        assert_eq!(letter.headers, [header("x", "1")]);
        assert!(DeadLetter::parse(&record(Vec::new())).is_err(), "no dead-letter topic");
    }

    #[test]
    fn what_was_refused_at_the_door_is_a_letter_without_an_origin() {
        let sent = (Bytes::from_static(b"phone-7"), Bytes::from_static(b"lat=x"));
        let new =
            refused(&Topic::TELEMETRY, sent.clone(), "door", ("lat: no number", 5), Time::MIN);
        let letter = DeadLetter::parse(&delivered(new)).expect("ours");
        assert_eq!((letter.topic, letter.origin, letter.attempts), (Topic::TELEMETRY, None, 5));
        assert_eq!((&*letter.group, &*letter.reason), ("door", "invalid"));
        assert_eq!(
            (letter.detail, letter.key, letter.payload),
            ("lat: no number".into(), sent.0, sent.1)
        );
    }

    #[test]
    fn what_others_write_in_our_name_neither_stays_nor_spoils_the_letter() {
        let forged =
            vec![header(REDRIVEN_FROM, vec![b'x'; HEADER_BYTES_MAX]), header(ATTEMPTS, "-1")];
        let new = set_aside(&record(forged), "group", ErrorKind::Invalid, "why", Time::MIN);
        let letter = DeadLetter::parse(&delivered(new)).expect("ours");
        assert_eq!((letter.redriven_from, letter.attempts), (None, 1));
    }

    proptest! {
        #[test]
        fn a_letter_keeps_the_original_within_the_bounds_of_a_record(
            names in proptest::collection::vec("[a-z]{1,8}", 0..=HEADERS_MAX),
            size in 0_usize..=480,
            detail in "\\PC{0,1200}",
        ) {
            let own: Vec<_> =
                names.iter().map(|name| header(name, Bytes::from(vec![b'v'; size]))).collect();
            let original = record(own.clone());
            let new = set_aside(&original, "group", ErrorKind::Invalid, &detail, Time::MIN);
            let bytes: usize = new.headers.iter().map(|(n, v)| n.len() + v.len()).sum();
            prop_assert!(new.headers.len() <= HEADERS_MAX && bytes <= HEADER_BYTES_MAX);
            let letter = DeadLetter::parse(&delivered(new)).expect("ours");
            prop_assert_eq!(letter.origin, Some(original.place));
            prop_assert_eq!((letter.key, letter.payload), (original.key, original.payload));
            prop_assert!(detail.starts_with(&letter.detail));
            prop_assert!(own.starts_with(&letter.headers) && letter.headers.len() >= own.len().min(20));
            prop_assert_eq!(letter.attempts, 1);
        }
    }
}
