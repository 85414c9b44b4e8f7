//! A block: a table of strings, and groups of elements that refer to it.

use std::fmt;

use super::wire::{Broken, Value, Wire, unzigzag};
use crate::{
    Error, Result,
    route::osm::element::{Kind, MEMBERS_MAX, Member, Node, Point, REFS_MAX, Role, Tags, Visitor},
};

/// Strings of one block; blocks in the wild have some tens of thousands.
const STRINGS_MAX: usize = 4_000_000;

/// Buffers that serve block after block.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// Where each string begins and ends in the block.
    strings: Vec<(u32, u32)>,
    tags: Tags,
    refs: Vec<i64>,
    members: Vec<Member>,
}

/// A block's bytes and what all its elements share.
#[derive(Clone, Copy, Debug)]
struct Block<'a> {
    bytes: &'a [u8],
    strings: &'a [(u32, u32)],
    granularity: i64,
    lat_offset: i64,
    lon_offset: i64,
}

/// Why a block cannot be read on.
#[derive(Debug)]
enum Stop {
    Broken(Broken),
    /// What a visitor or a bound says.
    Refused(Error),
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Stop {
    fn into_error(self) -> Error {
        match self {
            Self::Broken(Broken { at, what }) => {
                Error::invalid(format!("byte {at} of the block: {what}"))
            }
            Self::Refused(error) => error,
        }
    }

    /// Names the element it happened in.
    fn within(self, kind: &str, id: impl fmt::Display) -> Self {
        let error = self.into_error();
        Self::Refused(Error::new(error.kind(), format!("{kind} {id}")).with_source(error))
    }
}

/// Visits the elements of an unpacked block.
pub(super) fn visit(bytes: &[u8], visitor: &mut dyn Visitor, buffers: &mut Buffers) -> Result<()> {
    let Buffers { strings, tags, refs, members } = buffers;
    let block = Block::read(bytes, strings).map_err(|broken| Stop::from(broken).into_error())?;
    let mut parts = Parts { block, visitor, tags, refs, members };
    parts.visit().map_err(Stop::into_error)
}

impl<'a> Block<'a> {
    /// What stands around the groups. Granularity and offsets may stand behind the groups they
    /// are for, so the groups wait.
    fn read(bytes: &'a [u8], strings: &'a mut Vec<(u32, u32)>) -> Result<Self, Broken> {
        strings.clear();
        let (mut granularity, mut lat_offset, mut lon_offset) = (100, 0, 0);
        let mut wire = Wire::new(bytes);
        while let Some((number, value)) = wire.field()? {
            match number {
                1 => index_strings(value.part(wire)?, strings)?,
                17 => granularity = value.number(wire)?.cast_signed(),
                19 => lat_offset = value.number(wire)?.cast_signed(),
                20 => lon_offset = value.number(wire)?.cast_signed(),
                _ => {}
            }
        }
        Ok(Self { bytes, strings, granularity, lat_offset, lon_offset })
    }

    fn string(&self, index: usize) -> Result<&'a str, Error> {
        let Some(&(from, to)) = self.strings.get(index) else {
            let count = self.strings.len();
            return Err(Error::invalid(format!("string {index} of a table of {count}")));
        };
        let text = std::str::from_utf8(&self.bytes[from as usize..to as usize]);
        text.map_err(|error| Error::invalid(format!("string {index}")).with_source(error))
    }

    /// The place of these numbers, off the globe or not.
    fn point(&self, lat: i64, lon: i64) -> Result<Point, Error> {
        let nano = |offset: i64, value: i64| {
            self.granularity.checked_mul(value).and_then(|value| value.checked_add(offset))
        };
        let point = nano(self.lat_offset, lat).zip(nano(self.lon_offset, lon));
        let point = point.and_then(|(lat, lon)| Point::from_nano(lat, lon));
        point.ok_or_else(|| Error::invalid("lies off the globe"))
    }
}

/// Notes where each string of the table lies.
fn index_strings(mut table: Wire<'_>, strings: &mut Vec<(u32, u32)>) -> Result<(), Broken> {
    while let Some((number, value)) = table.field()? {
        if number != 1 {
            continue;
        }
        if strings.len() == STRINGS_MAX {
            return Err(table.broken("a block with too many strings"));
        }
        let text = value.part(table)?;
        let end = |at: usize| u32::try_from(at).map_err(|_| table.broken("a block is too large"));
        strings.push((end(text.base())?, end(text.base() + text.bytes().len())?));
    }
    Ok(())
}

/// Takes the groups of a block apart.
struct Parts<'a> {
    block: Block<'a>,
    visitor: &'a mut dyn Visitor,
    tags: &'a mut Tags,
    refs: &'a mut Vec<i64>,
    members: &'a mut Vec<Member>,
}

/// A running sum of differences, as ids and coordinates are written.
#[derive(Default)]
struct Running(i64);

impl Running {
    fn next(&mut self, list: &mut Wire<'_>) -> Result<i64, Broken> {
        let step = list.zigzag()?;
        self.0 = self.0.checked_add(step).ok_or_else(|| list.broken("a sum overflows"))?;
        Ok(self.0)
    }
}

impl Parts<'_> {
    fn visit(&mut self) -> Result<(), Stop> {
        let mut wire = Wire::new(self.block.bytes);
        while let Some((number, value)) = wire.field()? {
            if number == 2 {
                self.group(value.part(wire)?)?;
            }
        }
        Ok(())
    }

    fn group(&mut self, mut group: Wire<'_>) -> Result<(), Stop> {
        let wants = self.visitor.wants();
        while let Some((number, value)) = group.field()? {
            match number {
                1 if wants.nodes => self.plain_node(value.part(group)?)?,
                2 if wants.nodes => self.dense_nodes(value.part(group)?)?,
                3 if wants.ways_and_relations => self.way(value.part(group)?)?,
                4 if wants.ways_and_relations => self.relation(value.part(group)?)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn plain_node(&mut self, mut wire: Wire<'_>) -> Result<(), Stop> {
        let (mut id, mut lat, mut lon) = (None, None, None);
        let (mut keys, mut values) = (Wire::default(), Wire::default());
        while let Some((number, value)) = wire.field()? {
            match number {
                1 => id = Some(signed(value, wire)?),
                2 => keys = value.part(wire)?,
                3 => values = value.part(wire)?,
                8 => lat = Some(signed(value, wire)?),
                9 => lon = Some(signed(value, wire)?),
                _ => {}
            }
        }
        let (Some(id), Some(lat), Some(lon)) = (id, lat, lon) else {
            return Err(wire.broken("a node without id or place").into());
        };
        self.node_with_tags(id, (lat, lon), keys, values).map_err(|stop| stop.within("node", id))
    }

    fn node_with_tags(
        &mut self,
        id: i64,
        (lat, lon): (i64, i64),
        keys: Wire<'_>,
        values: Wire<'_>,
    ) -> Result<(), Stop> {
        self.read_tags(keys, values)?;
        let at = self.block.point(lat, lon)?;
        Ok(self.visitor.node(Node { id, at }, self.tags)?)
    }

    fn dense_nodes(&mut self, mut wire: Wire<'_>) -> Result<(), Stop> {
        let [mut ids, mut lats, mut lons, mut tags] = [Wire::default(); 4];
        while let Some((number, value)) = wire.field()? {
            match number {
                1 => ids = value.part(wire)?,
                8 => lats = value.part(wire)?,
                9 => lons = value.part(wire)?,
                10 => tags = value.part(wire)?,
                _ => {}
            }
        }
        // An empty list of tags stands for none at all.
        let has_tags = !tags.is_at_end();
        let [mut id, mut lat, mut lon] = [Running(0), Running(0), Running(0)];
        while !ids.is_at_end() {
            let id = id.next(&mut ids)?;
            let place = (lat.next(&mut lats)?, lon.next(&mut lons)?);
            self.tags.clear();
            let read = if has_tags { self.dense_tags(&mut tags) } else { Ok(()) };
            let block = self.block;
            let at = read.and_then(|()| Ok(block.point(place.0, place.1)?));
            at.and_then(|at| Ok(self.visitor.node(Node { id, at }, self.tags)?))
                .map_err(|stop| stop.within("node", id))?;
        }
        if !(lats.is_at_end() && lons.is_at_end() && tags.is_at_end()) {
            return Err(wire.broken("lists of dense nodes differ in length").into());
        }
        Ok(())
    }

    /// The tags of one dense node: pairs of indices, ended by a zero.
    fn dense_tags(&mut self, list: &mut Wire<'_>) -> Result<(), Stop> {
        loop {
            match list.index()? {
                0 => return Ok(()),
                key => {
                    let (key, value) = (self.block.string(key)?, list.index()?);
                    self.tags.push(key, self.block.string(value)?)?;
                }
            }
        }
    }

    fn read_tags(&mut self, mut keys: Wire<'_>, mut values: Wire<'_>) -> Result<(), Stop> {
        self.tags.clear();
        while !keys.is_at_end() {
            let (key, value) = (keys.index()?, values.index()?);
            self.tags.push(self.block.string(key)?, self.block.string(value)?)?;
        }
        if values.is_at_end() {
            return Ok(());
        }
        Err(values.broken("more values than keys").into())
    }

    fn way(&mut self, mut wire: Wire<'_>) -> Result<(), Stop> {
        let mut id = None;
        let [mut keys, mut values, mut refs] = [Wire::default(); 3];
        while let Some((number, value)) = wire.field()? {
            match number {
                1 => id = Some(value.number(wire)?.cast_signed()),
                2 => keys = value.part(wire)?,
                3 => values = value.part(wire)?,
                8 => refs = value.part(wire)?,
                _ => {}
            }
        }
        let id = id.ok_or_else(|| wire.broken("a way without id"))?;
        self.way_with_refs(id, keys, values, refs).map_err(|stop| stop.within("way", id))
    }

    fn way_with_refs(
        &mut self,
        id: i64,
        keys: Wire<'_>,
        values: Wire<'_>,
        mut refs: Wire<'_>,
    ) -> Result<(), Stop> {
        self.read_tags(keys, values)?;
        self.refs.clear();
        let mut node = Running::default();
        while !refs.is_at_end() {
            if self.refs.len() == REFS_MAX {
                return Err(Error::invalid(format!("more than {REFS_MAX} nodes")).into());
            }
            self.refs.push(node.next(&mut refs)?);
        }
        Ok(self.visitor.way(id, self.refs, self.tags)?)
    }

    fn relation(&mut self, mut wire: Wire<'_>) -> Result<(), Stop> {
        let mut id = None;
        let [mut keys, mut values, mut roles, mut ids, mut kinds] = [Wire::default(); 5];
        while let Some((number, value)) = wire.field()? {
            match number {
                1 => id = Some(value.number(wire)?.cast_signed()),
                2 => keys = value.part(wire)?,
                3 => values = value.part(wire)?,
                8 => roles = value.part(wire)?,
                9 => ids = value.part(wire)?,
                10 => kinds = value.part(wire)?,
                _ => {}
            }
        }
        let id = id.ok_or_else(|| wire.broken("a relation without id"))?;
        self.read_tags(keys, values)
            .and_then(|()| self.read_members(roles, ids, kinds))
            .and_then(|()| Ok(self.visitor.relation(id, self.members, self.tags)?))
            .map_err(|stop| stop.within("relation", id))
    }

    fn read_members(
        &mut self,
        mut roles: Wire<'_>,
        mut ids: Wire<'_>,
        mut kinds: Wire<'_>,
    ) -> Result<(), Stop> {
        self.members.clear();
        let mut member = Running::default();
        while !ids.is_at_end() {
            if self.members.len() == MEMBERS_MAX {
                return Err(Error::invalid(format!("more than {MEMBERS_MAX} members")).into());
            }
            let role = Role::of(self.block.string(roles.index()?)?);
            let kind = match kinds.index()? {
                0 => Kind::Node,
                1 => Kind::Way,
                2 => Kind::Relation,
                _ => return Err(kinds.broken("a member of unknown kind").into()),
            };
            self.members.push(Member { kind, id: member.next(&mut ids)?, role });
        }
        if roles.is_at_end() && kinds.is_at_end() {
            return Ok(());
        }
        Err(ids.broken("lists of members differ in length").into())
    }
}

fn signed(value: Value<'_>, at: Wire<'_>) -> Result<i64, Broken> {
    Ok(unzigzag(value.number(at)?))
}
