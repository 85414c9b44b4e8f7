//! The XML format: elements with attributes, read as a stream.
//!
//! Nothing is kept but the element that is being read, and no single tag, comment or text may be
//! longer than 1 MiB. Faults are told by line. What is spelt wrong in an element (a number, a
//! coordinate off the globe) does not end the reading, so that one run names up to twenty such
//! faults; what is no XML does.
//! (OpenStreetMap Wiki, *OSM XML*, version 0.6.)

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use super::element::{Kind, MEMBERS_MAX, Member, Node, Point, REFS_MAX, Role, Tags, Visitor};
use crate::{Error, Result};

/// Most bytes of one tag, comment or text.
const EVENT_MAX: u64 = 1024 * 1024;
/// Faults named before reading ends.
const FAULTS_MAX: usize = 20;
/// Tags within tags; OSM has three.
const DEPTH_MAX: usize = 16;

/// Visits every element of a file, from its first byte on.
///
/// # Errors
/// `Invalid`, with the lines of up to 20 faults; the visitor's; `Unavailable` if the file cannot
/// be read.
pub(super) fn read(input: &mut dyn BufRead, visitor: &mut dyn Visitor) -> Result<()> {
    let mut reader = Reader::from_reader(Lines { input, line: 1, left: EVENT_MAX });
    let mut parser = Parser::new(visitor);
    let (mut buffer, mut depth) = (Vec::new(), 0_usize);
    loop {
        buffer.clear();
        reader.get_mut().left = EVENT_MAX;
        let line = reader.get_ref().line;
        let read = reader.read_event_into(&mut buffer);
        let done = match read {
            Ok(Event::Start(tag)) => {
                depth += 1;
                parser.start(&tag, line, depth)
            }
            Ok(Event::Empty(tag)) => {
                parser.start(&tag, line, depth + 1).and_then(|()| parser.end(depth + 1))
            }
            Ok(Event::End(_)) => {
                let done = parser.end(depth);
                depth -= 1; // quick-xml has seen the tag that this one ends
                done
            }
            Ok(Event::Eof) => break,
            Ok(_) => Ok(()),
            Err(error) => Err(parser.with_faults(broken(error, reader.get_ref().line))),
        };
        if depth > DEPTH_MAX {
            return Err(at_line(line, Error::invalid(format!("more than {DEPTH_MAX} tags deep"))));
        }
        done?;
    }
    if depth > 0 {
        let text = "the file ends within a tag that is still open";
        let ended = at_line(reader.get_ref().line, Error::invalid(text));
        return Err(parser.with_faults(ended));
    }
    parser.finish()
}

/// Bytes with their lines counted, which runs dry when one event takes too many of them.
struct Lines<'a> {
    input: &'a mut dyn BufRead,
    line: u64,
    left: u64,
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Lines<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            let text = format!("one tag, comment or text of more than {EVENT_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let bytes = self.input.fill_buf()?;
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX);
        Ok(&bytes[..bytes.len().min(limit)])
    }

    fn consume(&mut self, count: usize) {
        // What was handed out is still there until it is consumed.
        if let Ok(bytes) = self.input.fill_buf() {
            let seen = &bytes[..count.min(bytes.len())];
            self.line += seen.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        }
        self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        self.input.consume(count);
    }
}

/// What is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Node(Node),
    Way(i64),
    Relation(i64),
    /// An element of no use, or one that was refused.
    Passed,
}

/// Puts elements together from their tags.
struct Parser<'a> {
    visitor: &'a mut dyn Visitor,
    open: Open,
    line: u64,
    /// The tag around all others has been seen.
    rooted: bool,
    tags: Tags,
    refs: Vec<i64>,
    members: Vec<Member>,
    faults: Vec<String>,
}

impl<'a> Parser<'a> {
    fn new(visitor: &'a mut dyn Visitor) -> Self {
        Self {
            visitor,
            open: Open::Nothing,
            line: 1,
            rooted: false,
            tags: Tags::default(),
            refs: Vec::new(),
            members: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, line: u64, depth: usize) -> Result<()> {
        let name = tag.local_name();
        let read = match depth {
            1 => return self.root(name.as_ref(), line),
            2 => self.element(tag, line),
            3 => self.part(tag),
            _ => Ok(()),
        };
        read.or_else(|error| {
            self.open = Open::Passed;
            self.faults.push(at_line(line, error).to_string());
            if self.faults.len() == FAULTS_MAX { Err(self.refusal()) } else { Ok(()) }
        })
    }

    fn root(&mut self, name: &str, line: u64) -> Result<()> {
        self.rooted = true;
        let text = match name {
            "osm" => return Ok(()),
            "osmChange" => "a file of changes (osmChange): apply it to an extract first".to_owned(),
            _ => format!("<{}>: expected <osm>", name.chars().take(80).collect::<String>()),
        };
        Err(at_line(line, Error::invalid(text)))
    }

    fn element(&mut self, tag: &BytesStart<'_>, line: u64) -> Result<()> {
        self.line = line;
        self.open = Open::Passed;
        let wants = self.visitor.wants();
        let kind = match tag.local_name().as_ref() {
            "node" if wants.nodes => Kind::Node,
            "way" if wants.ways_and_relations => Kind::Way,
            "relation" if wants.ways_and_relations => Kind::Relation,
            _ => return Ok(()),
        };
        self.tags.clear();
        self.refs.clear();
        self.members.clear();
        let attributes = Attributes::read(tag)?;
        // Deleted elements may lack everything but an id.
        if attributes.is_deleted {
            return Ok(());
        }
        let id = attributes.number("id", attributes.id.as_deref())?;
        self.open = match kind {
            Kind::Node => Open::Node(Node { id, at: attributes.point()? }),
            Kind::Way => Open::Way(id),
            Kind::Relation => Open::Relation(id),
        };
        Ok(())
    }

    fn part(&mut self, tag: &BytesStart<'_>) -> Result<()> {
        if matches!(self.open, Open::Nothing | Open::Passed) {
            return Ok(());
        }
        let name = tag.local_name();
        match (name.as_ref(), self.open) {
            ("tag", _) => {
                let attributes = Attributes::read(tag)?;
                let key = attributes.needed("k", attributes.k.as_deref())?;
                self.tags.push(key, attributes.needed("v", attributes.v.as_deref())?)
            }
            ("nd", Open::Way(_)) => {
                if self.refs.len() == REFS_MAX {
                    return Err(Error::invalid(format!("more than {REFS_MAX} nodes")));
                }
                let attributes = Attributes::read(tag)?;
                self.refs.push(attributes.number("ref", attributes.reference.as_deref())?);
                Ok(())
            }
            ("member", Open::Relation(_)) => {
                if self.members.len() == MEMBERS_MAX {
                    return Err(Error::invalid(format!("more than {MEMBERS_MAX} members")));
                }
                self.members.push(Attributes::read(tag)?.member()?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, depth: usize) -> Result<()> {
        if depth != 2 {
            return Ok(());
        }
        let (id, visited) = match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing | Open::Passed => return Ok(()),
            Open::Node(node) => (node.id, self.visitor.node(node, &self.tags)),
            Open::Way(id) => (id, self.visitor.way(id, &self.refs, &self.tags)),
            Open::Relation(id) => (id, self.visitor.relation(id, &self.members, &self.tags)),
        };
        let line = self.line;
        visited.map_err(|error| {
            Error::new(error.kind(), format!("line {line}: element {id}")).with_source(error)
        })
    }

    fn finish(self) -> Result<()> {
        if !self.rooted {
            return Err(Error::invalid("line 1: no <osm> in the file"));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(self.refusal()) }
    }

    fn refusal(&self) -> Error {
        Error::invalid(self.faults.join("; "))
    }

    /// An error that ends the reading, behind the faults found before.
    fn with_faults(&self, error: Error) -> Error {
        if self.faults.is_empty() {
            return error;
        }
        Error::new(error.kind(), format!("{}; {error}", self.faults.join("; ")))
    }
}

/// The attributes that matter of any tag.
#[derive(Debug, Default)]
struct Attributes<'t> {
    id: Option<Cow<'t, str>>,
    lat: Option<Cow<'t, str>>,
    lon: Option<Cow<'t, str>>,
    reference: Option<Cow<'t, str>>,
    kind: Option<Cow<'t, str>>,
    role: Option<Cow<'t, str>>,
    k: Option<Cow<'t, str>>,
    v: Option<Cow<'t, str>>,
    is_deleted: bool,
}

impl<'t> Attributes<'t> {
    fn read(tag: &'t BytesStart<'_>) -> Result<Self> {
        let mut read = Self::default();
        for attribute in tag.attributes() {
            let attribute =
                attribute.map_err(|error| Error::invalid("attributes").with_source(error))?;
            let key = attribute.key.as_ref();
            let slot = match key {
                "id" => &mut read.id,
                "lat" => &mut read.lat,
                "lon" => &mut read.lon,
                "ref" => &mut read.reference,
                "type" => &mut read.kind,
                "role" => &mut read.role,
                "k" => &mut read.k,
                "v" => &mut read.v,
                "visible" => {
                    read.is_deleted |= attribute.value.as_ref() == "false";
                    continue;
                }
                "action" => {
                    read.is_deleted |= attribute.value.as_ref() == "delete";
                    continue;
                }
                _ => continue,
            };
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            *slot = Some(value.map_err(|error| Error::invalid(key).with_source(error))?);
        }
        Ok(read)
    }

    fn needed<'v>(&self, name: &str, value: Option<&'v str>) -> Result<&'v str> {
        value.ok_or_else(|| {
            let of = self.id.as_ref().map(|id| format!("element {id}: ")).unwrap_or_default();
            Error::invalid(format!("{of}{name} is missing"))
        })
    }

    fn number<T: std::str::FromStr>(&self, name: &str, value: Option<&str>) -> Result<T> {
        let text = self.needed(name, value)?;
        text.trim().parse().map_err(|_| {
            let text: String = text.chars().take(80).collect();
            Error::invalid(format!("{name}: {text:?} is not a number"))
        })
    }

    fn point(&self) -> Result<Point> {
        let (lat, lon) =
            (self.number("lat", self.lat.as_deref())?, self.number("lon", self.lon.as_deref())?);
        Point::from_degrees(lat, lon).ok_or_else(|| {
            let id = self.id.as_deref().unwrap_or_default();
            Error::invalid(format!("node {id}: {lat},{lon} lies off the globe"))
        })
    }

    fn member(&self) -> Result<Member> {
        let kind = match self.needed("type", self.kind.as_deref())? {
            "node" => Kind::Node,
            "way" => Kind::Way,
            "relation" => Kind::Relation,
            other => {
                let other: String = other.chars().take(80).collect();
                return Err(Error::invalid(format!("type: {other:?} is no kind of element")));
            }
        };
        let id = self.number("ref", self.reference.as_deref())?;
        Ok(Member { kind, id, role: Role::of(self.role.as_deref().unwrap_or_default()) })
    }
}

fn at_line(line: u64, error: Error) -> Error {
    Error::new(error.kind(), format!("line {line}")).with_source(error)
}

fn broken(error: quick_xml::Error, line: u64) -> Error {
    let unreadable = matches!(&error, quick_xml::Error::Io(error)
        if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof));
    let error = if unreadable {
        Error::unavailable("the file cannot be read").with_source(error)
    } else {
        Error::invalid("not XML").with_source(error)
    };
    at_line(line, error)
}

#[cfg(test)]
mod tests;
