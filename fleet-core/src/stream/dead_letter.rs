//! Records set aside because they can never be handled: how they are kept, listed and put back.
//!
//! A dead letter is the original's key and bytes in `<topic>.dlq`, with its reason and origin in
//! headers. Putting it back (*redriving*) appends the original to its topic again; sinks are
//! idempotent, so a redrive interrupted half way and repeated does no harm, and a mark in the store
//! makes the second redrive of a letter a no-op.

use bytes::Bytes;

use super::{EventLog, NewRecord, Partition, Place, Record, Topic};
use crate::{
    Error, ErrorKind, Result,
    store::{Document, FleetStore, Watermarks, Write},
    time::Time,
};

/// Kind of the documents that mark redriven letters.
const REDRIVEN: &str = "redriven";
const REASON: &str = "fleet-reason";
const DETAIL: &str = "fleet-detail";
const TOPIC: &str = "fleet-topic";
const PARTITION: &str = "fleet-partition";
const OFFSET: &str = "fleet-offset";
const GROUP: &str = "fleet-group";
const ATTEMPTS: &str = "fleet-attempts";
const TIME: &str = "fleet-dead-lettered-at-ms";
/// On a record that was put back: the letter it was.
const REDRIVEN_FROM: &str = "fleet-redriven-from";
/// The longest detail that is kept, bytes.
const DETAIL_BYTES_MAX: usize = 2_048;

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where the letter itself lies.
    pub place: Place,
    /// Where the original lay.
    pub origin: Place,
    /// The consumer group that gave it up.
    pub group: String,
    /// Why, as a word of a closed list: an error kind, e.g. `invalid`.
    pub reason: String,
    /// Why, in words.
    pub detail: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Platform time.
    pub dead_lettered_at: Time,
    /// The original's key.
    pub key: Bytes,
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

/// The record that sets `record` aside.
pub fn set_aside(
    record: &Record,
    group: &str,
    reason: ErrorKind,
    detail: &str,
    attempts: u32,
    now: Time,
) -> NewRecord {
    let mut end = detail.len().min(DETAIL_BYTES_MAX);
    while !detail.is_char_boundary(end) {
        end -= 1;
    }
    let header = |name: &str, value: String| (name.to_owned(), Bytes::from(value));
    let origin = &record.place;
    let headers = vec![
        header(REASON, reason.as_str().to_owned()),
        header(DETAIL, detail[..end].to_owned()),
        header(TOPIC, origin.partition.topic.to_string()),
        header(PARTITION, origin.partition.number.to_string()),
        header(OFFSET, origin.offset.to_string()),
        header(GROUP, group.to_owned()),
        header(ATTEMPTS, attempts.to_string()),
        header(TIME, now.as_ms().to_string()),
    ];
    NewRecord {
        topic: origin.partition.topic.dead_letters(),
        key: record.key.clone(),
        headers,
        payload: record.payload.clone(),
    }
}

impl DeadLetter {
    /// The letter in a record of a dead-letter topic.
    ///
    /// # Errors
    /// `Invalid` if a header is missing or unreadable: somebody else wrote it.
    pub fn parse(record: &Record) -> Result<Self> {
        let missing = |name: &str| Error::invalid(format!("dead letter: header {name} is missing"));
        let text = |name: &str| record.header(name).ok_or_else(|| missing(name));
        let number = |name: &str| -> Result<u64> {
            text(name)?
                .parse()
                .map_err(|_| Error::invalid(format!("dead letter: header {name} is no number")))
        };
        let small = |name: &str| Ok::<_, Error>(u32::try_from(number(name)?).unwrap_or(u32::MAX));
        let partition = Partition { topic: text(TOPIC)?.parse()?, number: small(PARTITION)? };
        let ms = i64::try_from(number(TIME)?).unwrap_or(i64::MAX);
        Ok(Self {
            place: record.place.clone(),
            origin: Place { partition, offset: number(OFFSET)? },
            group: text(GROUP)?.to_owned(),
            reason: text(REASON)?.to_owned(),
            detail: text(DETAIL)?.to_owned(),
            attempts: small(ATTEMPTS)?,
            dead_lettered_at: Time::from_ms(ms),
            key: record.key.clone(),
            payload: record.payload.clone(),
        })
    }

    /// The letter's own id, `topic:partition:offset`.
    pub fn id(&self) -> String {
        let Place { partition: Partition { topic, number }, offset } = &self.place;
        format!("{topic}:{number}:{offset}")
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
    let topic = letter.origin.partition.topic;
    if let Err(error) = validate(&topic, &letter.payload) {
        return Ok(Redriven::WouldFail(error.to_string()));
    }
    if dry_run {
        return Ok(Redriven::Would);
    }
    let headers = vec![(REDRIVEN_FROM.to_owned(), Bytes::from(id.to_owned()))];
    let record = NewRecord { topic, key: letter.key, headers, payload: letter.payload };
    log.publish(vec![record]).await?;
    let mark = Document { kind: REDRIVEN.into(), id: id.into(), body: "{}".into() };
    store.write(vec![Write::Document(mark)], Watermarks::new()).await?;
    Ok(Redriven::Done)
}
