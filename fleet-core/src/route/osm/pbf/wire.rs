//! Protocol Buffers as they lie in memory: fields are visited in place, nothing is copied.
//!
//! A field is a key (number and wire type) and a value; values of unknown fields are passed over.
//! (Protocol Buffers documentation, *Encoding*.)

/// What is wrong, and at which byte of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// A message or a packed list, read from its start to its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wire<'a> {
    bytes: &'a [u8],
    /// Where `bytes` begins in the block, to tell places.
    base: usize,
    at: usize,
}

/// A field's value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(Wire<'a>),
    /// Fixed 32 or 64 bits: OSM has none.
    Fixed,
}

impl<'a> Wire<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, base: 0, at: 0 }
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Where it begins in the outermost message.
    pub(super) fn base(self) -> usize {
        self.base
    }

    pub(super) fn is_at_end(self) -> bool {
        self.at == self.bytes.len()
    }

    pub(super) fn broken(self, what: &'static str) -> Broken {
        Broken { at: self.base + self.at, what }
    }

    /// A number of up to 64 bits, seven in a byte, lowest first.
    pub(super) fn varint(&mut self) -> Result<u64, Broken> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(self.broken("a number is cut off"));
            };
            self.at += 1;
            if shift == 63 && byte > 1 {
                return Err(self.broken("a number has more than 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.broken("a number has more than ten bytes"))
    }

    /// A signed number whose sign is its lowest bit.
    pub(super) fn zigzag(&mut self) -> Result<i64, Broken> {
        Ok(unzigzag(self.varint()?))
    }

    /// An index: a number that fits 32 bits.
    pub(super) fn index(&mut self) -> Result<usize, Broken> {
        let value =
            u32::try_from(self.varint()?).map_err(|_| self.broken("an index is too large"))?;
        Ok(value as usize)
    }

    /// The next field's number and value; `None` at the end.
    pub(super) fn field(&mut self) -> Result<Option<(u64, Value<'a>)>, Broken> {
        if self.is_at_end() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.skip(8)?,
            2 => Value::Bytes(self.part()?),
            5 => self.skip(4)?,
            _ => return Err(self.broken("a wire type that does not exist")),
        };
        Ok(Some((key >> 3, value)))
    }

    fn part(&mut self) -> Result<Self, Broken> {
        let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        let rest = &self.bytes[self.at..];
        let Some(bytes) = rest.get(..length) else {
            return Err(self.broken("a field is longer than its message"));
        };
        let part = Self { bytes, base: self.base + self.at, at: 0 };
        self.at += length;
        Ok(part)
    }

    fn skip(&mut self, length: usize) -> Result<Value<'a>, Broken> {
        if self.bytes.len() - self.at < length {
            return Err(self.broken("a number is cut off"));
        }
        self.at += length;
        Ok(Value::Fixed)
    }
}

/// A signed number from one whose lowest bit is the sign.
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

impl<'a> Value<'a> {
    pub(super) fn number(self, at: Wire<'_>) -> Result<u64, Broken> {
        match self {
            Self::Varint(value) => Ok(value),
            Self::Bytes(_) | Self::Fixed => Err(at.broken("expected a number")),
        }
    }

    pub(super) fn part(self, at: Wire<'_>) -> Result<Wire<'a>, Broken> {
        match self {
            Self::Bytes(part) => Ok(part),
            Self::Varint(_) | Self::Fixed => Err(at.broken("expected a message or a list")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_encoding_says() {
        for (bytes, value) in [
            (&[0][..], Some(0)),
            (&[0x96, 1], Some(150)),
            (&[0xff; 10], None), // more than 64 bits
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(Wire::new(bytes).varint().ok(), value, "{bytes:?}");
        }
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(Wire::new(&most).varint(), Ok(u64::MAX));
        assert_eq!(Wire::new(&most).zigzag(), Ok(i64::MIN));
        for (byte, value) in [(0, 0), (1, -1), (2, 1), (3, -2)] {
            assert_eq!(Wire::new(&[byte]).zigzag(), Ok(value));
        }
    }

    #[test]
    fn a_field_never_reaches_beyond_its_message() {
        // Field 2, length-delimited, five bytes announced and two there.
        let broken = Wire::new(&[0x12, 5, 1, 2]).field().unwrap_err();
        assert_eq!(broken, Broken { at: 2, what: "a field is longer than its message" });
        // Field 1, 64 bits announced and one byte there.
        assert!(Wire::new(&[0x09, 1]).field().is_err());
        assert!(Wire::new(&[0x0b]).field().is_err(), "groups are long gone");
    }

    #[test]
    fn places_are_counted_from_the_outermost_message() {
        let mut outer = Wire::new(&[0x08, 7, 0x12, 2, 0x08, 0x80]);
        outer.field().unwrap();
        let (number, value) = outer.field().unwrap().unwrap();
        assert_eq!(number, 2);
        let mut inner = value.part(outer).unwrap();
        assert_eq!(inner.field().unwrap_err().at, 6, "the byte behind the cut number");
    }
}
