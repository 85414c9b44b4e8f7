//! The PBF format: a row of blobs, each at most 32 MiB when unpacked, each a block of elements.
//!
//! The file is read blob by blob into two buffers that are used again, and elements are visited
//! where they lie, so memory does not grow with the file. Nothing in a file is believed: sizes are
//! checked before anything is set aside for them, sums are checked for overflow, lists that belong
//! together must be of one length, and every index must have its string. A fault is told with the
//! byte at which its blob begins.
//! (OpenStreetMap Wiki, *PBF Format*; `fileformat.proto`, `osmformat.proto`.)

mod block;
mod wire;
#[cfg(any(test, feature = "testkit"))]
pub(super) mod write;

use std::io::{self, BufRead, Read};

use flate2::read::ZlibDecoder;

use self::wire::{Broken, Wire};
use super::element::Visitor;
use crate::{Error, Result};

/// Most bytes of a blob's header, by the format.
const HEADER_MAX: u32 = 64 * 1024;
/// Most bytes of a blob, packed or not, by the format.
const BLOB_MAX: usize = 32 * 1024 * 1024;
/// What a reader must know to read a file; others are refused by name.
const KNOWN: [&str; 2] = ["OsmSchema-V0.6", "DenseNodes"];

/// Whether a file that starts so is PBF: a short header, whose type comes first.
pub(super) fn is_pbf(start: &[u8]) -> bool {
    matches!(start, [0, 0, _, _, 0x0a, 9, rest @ ..] if rest.starts_with(b"OSMHeader"))
}

/// Visits every element of a file, from its first byte on.
///
/// # Errors
/// `Invalid`, with the byte at which the broken blob begins; the visitor's; `Unavailable` if the
/// file cannot be read.
pub(super) fn read(input: &mut dyn BufRead, visitor: &mut dyn Visitor) -> Result<()> {
    let mut blobs = Blobs { input, offset: 0, packed: Vec::new() };
    let (mut block, mut buffers, mut headers) = (Vec::new(), block::Buffers::default(), 0);
    while let Some((kind, offset)) = blobs.next()? {
        let at = |error| in_blob(offset, error);
        match kind {
            BlobKind::Header => {
                unpack(&blobs.packed, &mut block).map_err(at)?;
                check_header(&block).map_err(at)?;
                headers += 1;
            }
            BlobKind::Data if headers == 0 => {
                return Err(at(Error::invalid("data before the file's header")));
            }
            BlobKind::Data => {
                unpack(&blobs.packed, &mut block).map_err(at)?;
                block::visit(&block, visitor, &mut buffers).map_err(at)?;
            }
            BlobKind::Unknown => {}
        }
    }
    if headers == 0 {
        return Err(Error::invalid("byte 0: the file is empty"));
    }
    Ok(())
}

/// What a blob holds.
#[derive(Clone, Copy, Debug)]
enum BlobKind {
    Header,
    Data,
    /// Of a later version; readers pass over it.
    Unknown,
}

/// The blobs of a file; each is read into `packed`.
struct Blobs<'a> {
    input: &'a mut dyn BufRead,
    /// Bytes read so far.
    offset: u64,
    packed: Vec<u8>,
}

impl Blobs<'_> {
    /// The next blob's kind and the byte at which it begins; `None` at the end of the file.
    fn next(&mut self) -> Result<Option<(BlobKind, u64)>> {
        let begins = self.offset;
        let at = |error| in_blob(begins, error);
        if self.input.fill_buf().map_err(unreadable)?.is_empty() {
            return Ok(None);
        }
        self.fill(4).map_err(at)?;
        let length = self.packed.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        if length > HEADER_MAX {
            let text = format!("a header of {length} bytes, over {HEADER_MAX}: this is not PBF");
            return Err(at(Error::invalid(text)));
        }
        self.fill(length as usize).map_err(at)?;
        let (kind, size) = header(&self.packed).map_err(broken).map_err(at)?;
        if size > BLOB_MAX {
            return Err(at(Error::invalid(format!("a blob of {size} bytes, over {BLOB_MAX}"))));
        }
        self.fill(size).map_err(at)?;
        Ok(Some((kind, begins)))
    }

    /// Reads just so many bytes; buys memory only for what is there.
    fn fill(&mut self, length: usize) -> Result<()> {
        self.packed.clear();
        let limit = u64::try_from(length).unwrap_or(u64::MAX);
        let read = (&mut *self.input).take(limit).read_to_end(&mut self.packed);
        let read = read.map_err(unreadable)?;
        self.offset += u64::try_from(read).unwrap_or(u64::MAX);
        if read < length {
            return Err(Error::invalid(format!("the file ends {} bytes early", length - read)));
        }
        Ok(())
    }
}

/// A blob header's type and the size of the blob that follows.
fn header(bytes: &[u8]) -> Result<(BlobKind, usize), Broken> {
    let mut wire = Wire::new(bytes);
    let (mut kind, mut size) = (None, None);
    while let Some((number, value)) = wire.field()? {
        match number {
            1 => {
                kind = Some(match value.part(wire)?.bytes() {
                    b"OSMHeader" => BlobKind::Header,
                    b"OSMData" => BlobKind::Data,
                    _ => BlobKind::Unknown,
                });
            }
            // A negative int32 comes as 64 bits and is too large by far.
            3 => size = Some(usize::try_from(value.number(wire)?).unwrap_or(usize::MAX)),
            _ => {}
        }
    }
    match (kind, size) {
        (Some(kind), Some(size)) => Ok((kind, size)),
        _ => Err(wire.broken("a blob header without type or size")),
    }
}

/// Unpacks a blob into `block`.
fn unpack(packed: &[u8], block: &mut Vec<u8>) -> Result<()> {
    block.clear();
    let mut wire = Wire::new(packed);
    let (mut raw_size, mut data) = (None, None);
    while let Some((number, value)) = wire.field().map_err(broken)? {
        match number {
            2 => raw_size = Some(usize::try_from(value.number(wire).map_err(broken)?)),
            1 | 3..=7 => data = Some((number, value.part(wire).map_err(broken)?.bytes())),
            _ => {}
        }
    }
    match data {
        None => return Err(Error::invalid("a blob without data")),
        Some((1, raw)) => block.extend_from_slice(raw),
        Some((3, zlib)) => {
            let mut decoder = ZlibDecoder::new(zlib).take(BLOB_MAX as u64 + 1);
            let read = decoder.read_to_end(block);
            read.map_err(|error| Error::invalid("zlib data").with_source(error))?;
        }
        Some((number, _)) => {
            let name = ["lzma", "bzip2", "lz4", "zstd"][usize::try_from(number - 4).unwrap_or(0)];
            let text = format!("packed with {name}: only zlib is read; write the extract anew");
            return Err(Error::invalid(text));
        }
    }
    if block.len() > BLOB_MAX {
        return Err(Error::invalid(format!("more than {BLOB_MAX} bytes when unpacked")));
    }
    match raw_size {
        Some(Ok(size)) if size == block.len() => Ok(()),
        None => Ok(()),
        Some(_) => Err(Error::invalid(format!("{} bytes, announced otherwise", block.len()))),
    }
}

/// Refuses files that need more than this reader knows.
fn check_header(block: &[u8]) -> Result<()> {
    let mut wire = Wire::new(block);
    while let Some((number, value)) = wire.field().map_err(broken)? {
        if number != 4 {
            continue;
        }
        let feature = String::from_utf8_lossy(value.part(wire).map_err(broken)?.bytes());
        if feature == "HistoricalInformation" {
            let text = "a file of history, with deleted elements: take an extract of one moment";
            return Err(Error::invalid(text));
        }
        if !KNOWN.contains(&&*feature) {
            let feature: String = feature.chars().take(80).collect();
            return Err(Error::invalid(format!("needs {feature:?}, which this reader lacks")));
        }
    }
    Ok(())
}

fn in_blob(offset: u64, error: Error) -> Error {
    Error::new(error.kind(), format!("blob at byte {offset}")).with_source(error)
}

fn broken(broken: Broken) -> Error {
    Error::invalid(format!("byte {} of the message: {}", broken.at, broken.what))
}

fn unreadable(error: io::Error) -> Error {
    Error::unavailable("the file cannot be read").with_source(error)
}

#[cfg(test)]
mod tests;
