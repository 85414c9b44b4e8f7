//! What every backend holds a record to, and where its key puts it.

use super::{HEADER_BYTES_MAX, HEADERS_MAX, NewRecord};
use crate::{Error, Result};

pub(super) const KEY_BYTES_MAX: usize = 1 << 10;
pub(super) const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// Checks the bounds of a record.
pub(super) fn check(record: &NewRecord) -> Result<()> {
    let rule = |ok: bool, text: &str| if ok { Ok(()) } else { Err(Error::invalid(text)) };
    rule(record.key.len() <= KEY_BYTES_MAX, "key: above 1 KiB")?;
    rule(record.payload.len() <= PAYLOAD_BYTES_MAX, "payload: above 1 MiB")?;
    rule(record.headers.len() <= HEADERS_MAX, "headers: more than 32")?;
    let bytes: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    rule(bytes <= HEADER_BYTES_MAX, "headers: above 16 KiB together")
}

/// Checks the name of a consumer group.
#[cfg(any(feature = "kafka", feature = "sqlite"))]
pub(super) fn check_group(group: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=249).contains(&group.len()) && group.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::invalid("group: expected 1 to 249 of A-Z a-z 0-9 . _ -"))
}

/// The partition of `key` among `partitions`: FNV-1a (32 bit) modulo their number, the same for
/// ever.
#[cfg(any(feature = "kafka", feature = "sqlite"))]
pub(super) fn partition_of(key: &[u8], partitions: u32) -> u32 {
    let hash = key
        .iter()
        .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    hash % partitions.max(1)
}

#[cfg(all(test, any(feature = "kafka", feature = "sqlite")))]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_partition_for_ever() {
        // FNV-1a of "a" is 0xE40C292C, of "foobar" 0xBF9CF968 (Fowler, Noll, Vo: test vectors).
        for partitions in [1, 4, 12] {
            assert_eq!(partition_of(b"a", partitions), 0xE40C_292C % partitions);
            assert_eq!(partition_of(b"foobar", partitions), 0xBF9C_F968 % partitions);
        }
    }
}
