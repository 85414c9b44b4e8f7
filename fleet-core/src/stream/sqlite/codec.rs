//! Keys to partitions, and records to the bytes of a chunk.
//!
//! A chunk holds records of one partition one behind the other, each as key, headers and payload
//! with the length of each before it (LEB128). Where a chunk begins, how many records it has and
//! when they were appended stand in columns beside it.

use std::ops::Range;

use bytes::Bytes;

use crate::stream::NewRecord;

/// Partitions of every topic of the embedded log.
pub(super) const PARTITIONS: u32 = 4;

fn put_length(chunk: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        chunk.push((length & 0x7F) as u8 | 0x80);
        length >>= 7;
    }
    chunk.push(length as u8);
}

fn put_part(chunk: &mut Vec<u8>, part: &[u8]) {
    put_length(chunk, part.len());
    chunk.extend_from_slice(part);
}

/// Bytes of a length, none of which is above 2 MiB by the bounds of a record.
const LENGTH_BYTES: usize = 3;

/// No record takes more bytes than this.
pub(super) fn size_max(record: &NewRecord) -> usize {
    let headers = record.headers.iter();
    let headers = headers.map(|(name, value)| name.len() + value.len() + 2 * LENGTH_BYTES);
    record.key.len() + headers.sum::<usize>() + record.payload.len() + 3 * LENGTH_BYTES
}

/// Appends a record to the bytes of a chunk.
pub(super) fn encode(chunk: &mut Vec<u8>, record: &NewRecord) {
    put_part(chunk, &record.key);
    if record.headers.is_empty() {
        put_length(chunk, 0);
    } else {
        let mut headers = Vec::new();
        for (name, value) in &record.headers {
            put_part(&mut headers, name.as_bytes());
            put_part(&mut headers, value);
        }
        put_part(chunk, &headers);
    }
    put_part(chunk, &record.payload);
}

/// Names and values.
type Headers = Vec<(String, Bytes)>;

/// Goes through the bytes of a chunk.
#[derive(Debug)]
pub(super) struct Reader {
    chunk: Bytes,
    at: usize,
}

impl Reader {
    pub(super) fn new(chunk: Bytes) -> Self {
        Self { chunk, at: 0 }
    }

    /// The next part; none if the bytes end before it does.
    fn part(&mut self) -> Option<Range<usize>> {
        let mut length = 0;
        for byte in 0..LENGTH_BYTES {
            let bits = usize::from(*self.chunk.get(self.at)?);
            self.at += 1;
            length |= (bits & 0x7F) << (7 * byte);
            if bits < 0x80 {
                let start = self.at;
                self.at = start.checked_add(length).filter(|end| *end <= self.chunk.len())?;
                return Some(start..self.at);
            }
        }
        None
    }

    /// Passes over a record.
    pub(super) fn skip(&mut self) -> Option<()> {
        (0..3).try_for_each(|_| self.part().map(drop))
    }

    /// The next record's key, headers and payload, as parts of the chunk; none if it is damaged.
    pub(super) fn record(&mut self) -> Option<(Bytes, Headers, Bytes)> {
        let (key, headers, payload) = (self.part()?, self.part()?, self.part()?);
        let chunk = &self.chunk;
        let headers = match headers.is_empty() {
            true => Vec::new(),
            false => decode_headers(chunk.slice(headers))?,
        };
        Some((chunk.slice(key), headers, chunk.slice(payload)))
    }

    /// Whether nothing is left.
    fn is_at_end(&self) -> bool {
        self.at == self.chunk.len()
    }
}

fn decode_headers(blob: Bytes) -> Option<Headers> {
    let mut reader = Reader::new(blob);
    let mut headers = Vec::new();
    while !reader.is_at_end() {
        let (name, value) = (reader.part()?, reader.part()?);
        let name = std::str::from_utf8(&reader.chunk[name]).ok()?;
        headers.push((name.to_owned(), reader.chunk.slice(value)));
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{
        HEADER_BYTES_MAX, HEADERS_MAX, Topic,
        bounds::{KEY_BYTES_MAX, PAYLOAD_BYTES_MAX, check},
    };
    use proptest::prelude::*;

    fn any_record() -> impl Strategy<Value = NewRecord> {
        let bytes = |max| prop::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from);
        let headers = prop::collection::vec((".{0,9}", bytes(20)), 0..5);
        (bytes(40), headers, bytes(400)).prop_map(|(key, headers, payload)| NewRecord {
            topic: Topic::TELEMETRY,
            key,
            headers,
            payload,
        })
    }

    proptest! {
        #[test]
        fn records_round_trip(records in prop::collection::vec(any_record(), 0..6), skipped in 0..6_usize) {
            let mut chunk = Vec::new();
            for record in &records {
                let before = chunk.len();
                encode(&mut chunk, record);
                prop_assert!(chunk.len() - before <= size_max(record));
            }
            let mut reader = Reader::new(chunk.into());
            for (nth, record) in records.into_iter().enumerate() {
                if nth < skipped {
                    prop_assert_eq!(reader.skip(), Some(()));
                    continue;
                }
                prop_assert_eq!(reader.record(), Some((record.key, record.headers, record.payload)));
            }
            prop_assert!(reader.is_at_end());
            prop_assert_eq!(reader.record(), None);
        }

        #[test]
        fn garbage_never_panics(blob in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(blob.into());
            while reader.record().is_some() {}
            prop_assert!(reader.at <= 64);
        }
    }

    #[test]
    fn the_largest_record_has_its_place() {
        let (key, payload) = (vec![1; KEY_BYTES_MAX].into(), vec![2; PAYLOAD_BYTES_MAX].into());
        let header = |ix| (format!("{ix:02}"), vec![3; HEADER_BYTES_MAX / HEADERS_MAX - 2].into());
        let headers = (0..HEADERS_MAX).map(header).collect();
        let record = NewRecord { topic: Topic::TELEMETRY, key, headers, payload };
        check(&record).expect("within its bounds");
        let mut chunk = Vec::new();
        encode(&mut chunk, &record);
        let read = Reader::new(chunk.into()).record();
        assert_eq!(read, Some((record.key, record.headers, record.payload)));
    }
}
