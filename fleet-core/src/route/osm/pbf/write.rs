//! PBF from a made extract, for tests and measurements.

use std::io::Read;

use flate2::{Compression, bufread::ZlibEncoder};

use crate::route::osm::{
    element::{Kind, Member},
    made::{Made, Tagged},
};

/// Elements of one block, as the format recommends.
const BLOCK: usize = 8_000;

/// How blobs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As they are.
    Raw,
    /// With zlib, as everybody does.
    Zlib,
}

/// A made extract as a PBF file: dense nodes, then ways, then relations.
pub fn pbf(made: &Made, packing: Packing) -> Vec<u8> {
    let mut header = Message::default();
    header.bytes(4, b"OsmSchema-V0.6").bytes(4, b"DenseNodes").bytes(16, b"data-fleet");
    let mut file = blob("OSMHeader", &header.0, packing);
    for nodes in made.nodes.chunks(BLOCK) {
        let mut block = Block::default();
        let group = block.dense(nodes);
        file.extend(blob("OSMData", &block.finish(2, &group), packing));
    }
    for ways in made.ways.chunks(BLOCK) {
        let mut block = Block::default();
        let mut group = Message::default();
        for way in ways {
            group.bytes(3, &block.way(way).0);
        }
        file.extend(blob("OSMData", &block.group(&group), packing));
    }
    for relations in made.relations.chunks(BLOCK) {
        let mut block = Block::default();
        let mut group = Message::default();
        for relation in relations {
            group.bytes(4, &block.relation(relation).0);
        }
        file.extend(blob("OSMData", &block.group(&group), packing));
    }
    file
}

/// A blob with its header.
pub fn blob(kind: &str, content: &[u8], packing: Packing) -> Vec<u8> {
    let mut blob = Message::default();
    match packing {
        Packing::Raw => {
            blob.bytes(1, content);
        }
        Packing::Zlib => {
            let mut packed = Vec::new();
            let mut encoder = ZlibEncoder::new(content, Compression::fast());
            let _ = encoder.read_to_end(&mut packed); // memory never fails
            blob.number(2, content.len() as u64).bytes(3, &packed);
        }
    }
    let mut header = Message::default();
    header.bytes(1, kind.as_bytes()).number(3, blob.0.len() as u64);
    let mut file = (header.0.len() as u32).to_be_bytes().to_vec();
    file.extend(header.0);
    file.extend(blob.0);
    file
}

/// A message being written.
#[derive(Clone, Debug, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    /// A number's bytes, without a field.
    pub fn varint(&mut self, mut value: u64) -> &mut Self {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    /// A signed number's bytes, without a field.
    pub fn zigzag(&mut self, value: i64) -> &mut Self {
        self.varint(((value << 1) ^ (value >> 63)).cast_unsigned())
    }

    /// A field that is a number.
    pub fn number(&mut self, field: u64, value: u64) -> &mut Self {
        self.varint(field << 3).varint(value)
    }

    /// A field that is bytes, text, a message or a packed list.
    pub fn bytes(&mut self, field: u64, bytes: &[u8]) -> &mut Self {
        self.varint(field << 3 | 2).varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }
}

/// A block whose strings are gathered.
#[derive(Default)]
struct Block {
    strings: std::collections::HashMap<String, u64>,
    table: Message,
}

impl Block {
    fn string(&mut self, text: &str) -> u64 {
        if self.strings.is_empty() {
            self.table.bytes(1, b""); // index 0 ends lists
            self.strings.insert(String::new(), 0);
        }
        if let Some(known) = self.strings.get(text) {
            return *known;
        }
        let index = self.strings.len() as u64;
        self.table.bytes(1, text.as_bytes());
        self.strings.insert(text.to_owned(), index);
        index
    }

    fn finish(&self, field: u64, part: &Message) -> Vec<u8> {
        let mut group = Message::default();
        group.bytes(field, &part.0);
        self.group(&group)
    }

    fn group(&self, group: &Message) -> Vec<u8> {
        let mut block = Message::default();
        block.bytes(1, &self.table.0).bytes(2, &group.0);
        block.0
    }

    fn dense(&mut self, nodes: &[Tagged<(i32, i32)>]) -> Message {
        let [mut ids, mut lats, mut lons, mut tags] = <[Message; 4]>::default();
        let (mut id, mut lat, mut lon) = (0, 0, 0);
        let has_tags = nodes.iter().any(|node| !node.tags.is_empty());
        for node in nodes {
            let at = (i64::from(node.what.0), i64::from(node.what.1));
            ids.zigzag(node.id - id);
            lats.zigzag(at.0 - lat);
            lons.zigzag(at.1 - lon);
            (id, lat, lon) = (node.id, at.0, at.1);
            for (key, value) in &node.tags {
                tags.varint(self.string(key)).varint(self.string(value));
            }
            if has_tags {
                tags.varint(0);
            }
        }
        let mut dense = Message::default();
        dense.bytes(1, &ids.0).bytes(8, &lats.0).bytes(9, &lons.0);
        if has_tags {
            dense.bytes(10, &tags.0);
        }
        dense
    }

    fn tags(&mut self, element: &mut Message, tags: &[(String, String)]) {
        let [mut keys, mut values] = <[Message; 2]>::default();
        for (key, value) in tags {
            keys.varint(self.string(key));
            values.varint(self.string(value));
        }
        element.bytes(2, &keys.0).bytes(3, &values.0);
    }

    fn way(&mut self, way: &Tagged<Vec<i64>>) -> Message {
        let [mut element, mut refs] = <[Message; 2]>::default();
        element.number(1, way.id.cast_unsigned());
        self.tags(&mut element, &way.tags);
        let mut last = 0;
        for node in &way.what {
            refs.zigzag(node - last);
            last = *node;
        }
        element.bytes(8, &refs.0);
        element
    }

    fn relation(&mut self, relation: &Tagged<Vec<(Member, String)>>) -> Message {
        let [mut element, mut roles, mut ids, mut kinds] = <[Message; 4]>::default();
        element.number(1, relation.id.cast_unsigned());
        self.tags(&mut element, &relation.tags);
        let mut last = 0;
        for (member, role) in &relation.what {
            roles.varint(self.string(role));
            ids.zigzag(member.id - last);
            kinds.varint(match member.kind {
                Kind::Node => 0,
                Kind::Way => 1,
                Kind::Relation => 2,
            });
            last = member.id;
        }
        element.bytes(8, &roles.0).bytes(9, &ids.0).bytes(10, &kinds.0);
        element
    }
}
