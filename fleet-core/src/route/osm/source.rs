//! Where an extract comes from, and what form it has.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
    rc::Rc,
};

use flate2::bufread::MultiGzDecoder;

use super::{element::Visitor, pbf, xml};
use crate::{Error, Result};

/// Bytes looked at to tell the form of a file.
const SNIFFED: usize = 64;

/// Something to read a map from. It is read twice, so a stream will not do.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A file.
    File(&'a Path),
    /// A file's content.
    Bytes(&'a [u8]),
}

/// The form of a map file, told by its first bytes, not by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The JSON of [`Network::from_json`](crate::route::Network::from_json).
    Json,
    /// OSM XML (`.osm`), as it is or packed with gzip.
    Xml,
    /// OSM PBF (`.osm.pbf`).
    Pbf,
}

/// How many bytes of the file (as it lies on disk) have been read.
pub(super) type Count = Rc<Cell<u64>>;

impl Source<'_> {
    /// The form of the file.
    ///
    /// # Errors
    /// `NotFound` if there is no file; `Unavailable` if it cannot be read; `Invalid` if it is none
    /// of the known forms (the message says what it looks like).
    pub fn format(&self) -> Result<Format> {
        let mut input = self.open(&Count::default())?;
        let start = sniff(&mut *input).map_err(|error| self.unreadable(error))?;
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start).trim_ascii_start();
        match text.first() {
            _ if pbf::is_pbf(&start) => Ok(Format::Pbf),
            Some(b'<') => Ok(Format::Xml),
            Some(b'{') => Ok(Format::Json),
            _ => Err(self.fault(looks_like(&start))),
        }
    }

    /// Visits the elements of an extract.
    pub(super) fn read(
        &self,
        format: Format,
        visitor: &mut dyn Visitor,
        count: &Count,
    ) -> Result<()> {
        let mut input = self.open(count)?;
        let read = match format {
            Format::Xml => xml::read(&mut *input, visitor),
            Format::Pbf => pbf::read(&mut *input, visitor),
            Format::Json => return Err(self.fault("a JSON network, not an OSM extract")),
        };
        read.map_err(|error| self.name(error))
    }

    /// An error with the file's name before it.
    pub(super) fn name(&self, error: Error) -> Error {
        match self {
            Self::File(path) => {
                Error::new(error.kind(), path.display().to_string()).with_source(error)
            }
            Self::Bytes(_) => error,
        }
    }

    /// How many bytes there are on disk; 0 if nobody knows.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::File(path) => path.metadata().map_or(0, |file| file.len()),
            Self::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(0),
        }
    }

    /// The whole content, unpacked, if it is at most `most` bytes.
    pub(super) fn text(&self, most: u64) -> Result<String> {
        let mut text = String::new();
        let input = self.open(&Count::default())?;
        let read = input.take(most + 1).read_to_string(&mut text);
        read.map_err(|error| self.unreadable(error))?;
        if text.len() as u64 > most {
            return Err(self.fault(format!("longer than {most} bytes")));
        }
        Ok(text)
    }

    /// From the first byte, unpacked if it is packed with gzip.
    fn open(&self, count: &Count) -> Result<Box<dyn BufRead + '_>> {
        let raw: Box<dyn Read + '_> = match self {
            Self::File(path) => Box::new(File::open(path).map_err(|error| self.unreadable(error))?),
            Self::Bytes(bytes) => Box::new(Cursor::new(bytes)),
        };
        let counted = Counted { inner: raw, count: Rc::clone(count) };
        let mut input = BufReader::with_capacity(64 * 1024, counted);
        let start = input.fill_buf().map_err(|error| self.unreadable(error))?;
        if start.starts_with(&[0x1f, 0x8b]) {
            return Ok(Box::new(BufReader::with_capacity(64 * 1024, MultiGzDecoder::new(input))));
        }
        Ok(Box::new(input))
    }

    fn fault(&self, text: impl Into<String>) -> Error {
        match self {
            Self::File(path) => Error::invalid(format!("{}: {}", path.display(), text.into())),
            Self::Bytes(_) => Error::invalid(text),
        }
    }

    fn unreadable(&self, error: io::Error) -> Error {
        let name = match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes(_) => "the content".to_owned(),
        };
        match error.kind() {
            io::ErrorKind::NotFound => Error::not_found(format!("{name}: no such file")),
            io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof => Error::invalid(name).with_source(error),
            _ => Error::unavailable(name).with_source(error),
        }
    }
}

/// The first bytes of a file, fewer only if it has no more.
fn sniff(input: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(SNIFFED);
    input.take(SNIFFED as u64).read_to_end(&mut start)?;
    Ok(start)
}

fn looks_like(start: &[u8]) -> &'static str {
    match start {
        [] => "the file is empty",
        [b'B', b'Z', b'h', ..] => "packed with bzip2: unpack it first",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "packed with zstd: unpack it first",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "packed with xz: unpack it first",
        [b'P', b'K', ..] => "a zip archive: unpack it first",
        [0xff, b'o' | 0xe0, ..] => "O5M: convert it to PBF",
        _ => "neither OSM XML, nor OSM PBF, nor a JSON network",
    }
}

/// Counts what is read through it.
struct Counted<'a> {
    inner: Box<dyn Read + 'a>,
    count: Count,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get() + u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}
