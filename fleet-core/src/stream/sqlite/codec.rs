//! Keys to partitions, and headers to bytes.

use bytes::Bytes;

use crate::{
    Error, Result,
    stream::{HEADER_BYTES_MAX, HEADERS_MAX, NewRecord},
};

/// Partitions of every topic of the embedded log.
pub(super) const PARTITIONS: u32 = 4;

const KEY_BYTES_MAX: usize = 1 << 10;
const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// The partition of `key`: FNV-1a (32 bit) modulo the number of partitions, the same for ever.
pub(super) fn partition_of(key: &[u8]) -> u32 {
    let hash = key
        .iter()
        .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    hash % PARTITIONS
}

/// Checks the bounds of a record.
pub(super) fn check(record: &NewRecord) -> Result<()> {
    let rule = |ok: bool, text: &str| if ok { Ok(()) } else { Err(Error::invalid(text)) };
    rule(record.key.len() <= KEY_BYTES_MAX, "key: above 1 KiB")?;
    rule(record.payload.len() <= PAYLOAD_BYTES_MAX, "payload: above 1 MiB")?;
    rule(record.headers.len() <= HEADERS_MAX, "headers: more than 32")?;
    let bytes: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    rule(bytes <= HEADER_BYTES_MAX, "headers: above 16 KiB together")
}

/// Headers as one blob: length and bytes of each name and value; none for no headers.
pub(super) fn encode_headers(headers: &[(String, Bytes)]) -> Option<Vec<u8>> {
    if headers.is_empty() {
        return None;
    }
    let mut blob = Vec::new();
    for (name, value) in headers {
        for part in [name.as_bytes(), value] {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX); // bounded by `check`
            blob.extend_from_slice(&length.to_le_bytes());
            blob.extend_from_slice(part);
        }
    }
    Some(blob)
}

/// The headers in a blob; what does not parse ends the list.
pub(super) fn decode_headers(blob: Option<Vec<u8>>) -> Vec<(String, Bytes)> {
    let mut rest = Bytes::from(blob.unwrap_or_default());
    let mut part = move || -> Option<Bytes> {
        let length = u32::from_le_bytes(rest.get(..4)?.try_into().ok()?);
        let length = usize::try_from(length).ok()?;
        let end = length.checked_add(4).filter(|end| *end <= rest.len())?;
        let part = rest.slice(4..end);
        rest = rest.slice(end..);
        Some(part)
    };
    std::iter::from_fn(|| {
        let name = String::from_utf8(part()?.to_vec()).ok()?;
        Some((name, part()?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn headers_round_trip(headers in prop::collection::vec((".{0,9}", prop::collection::vec(any::<u8>(), 0..20)), 0..5)) {
            let headers: Vec<(String, Bytes)> =
                headers.into_iter().map(|(name, value)| (name, value.into())).collect();
            prop_assert_eq!(decode_headers(encode_headers(&headers)), headers);
        }

        #[test]
        fn garbage_never_panics(blob in prop::collection::vec(any::<u8>(), 0..64)) {
            decode_headers(Some(blob));
        }
    }

    #[test]
    fn keys_keep_their_partition_for_ever() {
        // FNV-1a of "a" is 0xE40C292C, of "foobar" 0xBF9CF968 (Fowler, Noll, Vo: test vectors).
        assert_eq!(partition_of(b"a"), 0xE40C_292C % PARTITIONS);
        assert_eq!(partition_of(b"foobar"), 0xBF9C_F968 % PARTITIONS);
    }
}
