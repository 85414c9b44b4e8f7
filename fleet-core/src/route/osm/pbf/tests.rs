//! Damaged files: each fault has its place, and none makes the reader panic or greedy.

use proptest::prelude::*;

use super::{
    write::{Message, Packing, blob, pbf},
    *,
};
use crate::{
    ErrorKind,
    route::osm::{
        element::{Member, Node, Tags, Visitor, Wants},
        made::Made,
    },
};

/// Takes everything and keeps nothing but counts.
#[derive(Default)]
struct Counts {
    nodes: u64,
    ways: u64,
    relations: u64,
    tags: u64,
}

impl Visitor for Counts {
    fn wants(&self) -> Wants {
        Wants { nodes: true, ways_and_relations: true }
    }

    fn node(&mut self, _: Node, tags: &Tags) -> Result<()> {
        self.nodes += 1;
        self.tags += tags.iter().count() as u64;
        Ok(())
    }

    fn way(&mut self, _: i64, _: &[i64], tags: &Tags) -> Result<()> {
        self.ways += 1;
        self.tags += tags.iter().count() as u64;
        Ok(())
    }

    fn relation(&mut self, _: i64, _: &[Member], tags: &Tags) -> Result<()> {
        self.relations += 1;
        self.tags += tags.iter().count() as u64;
        Ok(())
    }
}

fn counts(mut bytes: &[u8]) -> Result<Counts> {
    let mut counts = Counts::default();
    read(&mut bytes, &mut counts).map(|()| counts)
}

#[track_caller]
fn refusal(bytes: &[u8]) -> String {
    let error = counts(bytes).err().expect("it is damaged");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    error.to_string()
}

fn header() -> Vec<u8> {
    let mut header = Message::default();
    blob("OSMHeader", &header.bytes(4, b"DenseNodes").0, Packing::Raw)
}

/// A file with one block that holds one group.
fn file(group: &Message) -> Vec<u8> {
    let mut table = Message::default();
    table.bytes(1, b"").bytes(1, b"\xff").bytes(1, b"highway").bytes(1, b"primary");
    let mut block = Message::default();
    block.bytes(1, &table.0).bytes(2, &group.0);
    [header(), blob("OSMData", &block.0, Packing::Zlib)].concat()
}

fn list(numbers: &[i64]) -> Vec<u8> {
    let mut list = Message::default();
    for number in numbers {
        list.zigzag(*number);
    }
    list.0
}

#[test]
fn everything_that_is_written_is_visited() {
    let city = Made::city(10, 3);
    let counted = counts(&city.pbf()).unwrap();
    let (nodes, ways, relations) = city.counts();
    assert_eq!(
        (counted.nodes, counted.ways, counted.relations),
        (nodes as u64, ways as u64, relations as u64)
    );
}

#[test]
fn a_sum_that_overflows_is_a_fault() {
    let mut dense = Message::default();
    let most = list(&[i64::MAX, i64::MAX]);
    dense.bytes(1, &most).bytes(8, &list(&[1, 1])).bytes(9, &list(&[1, 1]));
    let said = refusal(&file(Message::default().bytes(2, &dense.0)));
    assert!(said.contains("a sum overflows") && said.contains("blob at byte 31"), "{said}");
    let mut node = Message::default();
    node.number(1, 14).number(8, u64::MAX - 1).number(9, 0); // latitude of i64::MAX
    let said = refusal(&file(Message::default().bytes(1, &node.0)));
    assert!(said.contains("node 7: lies off the globe"), "{said}");
}

#[test]
fn lists_that_belong_together_are_of_one_length() {
    let mut dense = Message::default();
    dense.bytes(1, &list(&[1])).bytes(8, &list(&[1, 2])).bytes(9, &list(&[1]));
    assert!(refusal(&file(Message::default().bytes(2, &dense.0))).contains("differ in length"));
    let mut dense = Message::default();
    dense.bytes(1, &list(&[1, 1])).bytes(8, &list(&[1])).bytes(9, &list(&[1]));
    assert!(refusal(&file(Message::default().bytes(2, &dense.0))).contains("cut off"));
    let mut way = Message::default();
    way.number(1, 5).bytes(2, &[2]).bytes(3, &[3, 3]).bytes(8, &list(&[1, 1]));
    let said = refusal(&file(Message::default().bytes(3, &way.0)));
    assert!(said.contains("way 5: ") && said.contains("more values than keys"), "{said}");
}

#[test]
fn a_string_that_is_not_there_is_a_fault_of_its_element() {
    for (keys, said) in [(9, "string 9 of a table of 4"), (1, "string 1: invalid utf-8")] {
        let mut way = Message::default();
        way.number(1, 5).bytes(2, &[keys]).bytes(3, &[3]);
        let refused = refusal(&file(Message::default().bytes(3, &way.0)));
        assert!(refused.contains("way 5: ") && refused.contains(said), "{refused}");
    }
}

#[test]
fn sizes_are_not_believed() {
    // A header that announces 4 GiB, a blob of a negative size, and 1 to 3 bytes at the end.
    assert!(refusal(&[0xff; 8]).contains("over 65536"));
    let mut announced = Message::default();
    announced.bytes(1, b"OSMData").number(3, u64::MAX);
    let mut bytes = vec![0, 0, 0, announced.0.len() as u8];
    bytes.extend(&announced.0);
    assert!(refusal(&bytes).contains("over 33554432"));
    let whole = [header(), vec![0, 0]].concat();
    let said = refusal(&whole);
    assert!(said.contains("blob at byte 31") && said.contains("ends 2 bytes early"), "{said}");
}

#[test]
fn what_unpacks_to_too_much_is_not_unpacked() {
    let zeros = blob("OSMData", &vec![0; BLOB_MAX + 1], Packing::Zlib);
    assert!(zeros.len() < 200_000);
    let said = refusal(&[header(), zeros].concat());
    assert!(said.contains("more than 33554432 bytes when unpacked"), "{said}");
}

#[test]
fn what_a_reader_does_not_know_is_refused_by_name() {
    let mut history = Message::default();
    history.bytes(4, b"HistoricalInformation");
    assert!(refusal(&blob("OSMHeader", &history.0, Packing::Raw)).contains("history"));
    let mut other = Message::default();
    other.bytes(4, b"Other");
    assert!(refusal(&blob("OSMHeader", &other.0, Packing::Raw)).contains("needs \"Other\""));
    let mut zstd = Message::default();
    let content = Message::default().bytes(7, b"x").0.clone();
    zstd.bytes(1, b"OSMData").number(3, content.len() as u64);
    let bytes = [vec![0, 0, 0, zstd.0.len() as u8], zstd.0, content].concat();
    assert!(refusal(&[header(), bytes].concat()).contains("packed with zstd"));
    let early = file(&Message::default())[header().len()..].to_vec();
    assert!(refusal(&early).contains("before the file's header"));
    let unknown = [header(), blob("OSMFuture", b"?", Packing::Raw)].concat();
    assert!(counts(&unknown).is_ok());
    assert!(refusal(&[]).contains("empty"));
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Err(error) = counts(&bytes) {
            prop_assert_eq!(error.kind(), ErrorKind::Invalid);
        }
        let _ = counts(&[header(), blob("OSMData", &bytes, Packing::Raw)].concat());
    }

    #[test]
    fn damage_is_told_and_never_worse(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        // Raw, so that damage reaches the messages and does not end at zlib's check sum.
        let mut file = pbf(&Made::city(3, 1), Packing::Raw);
        let at = at.index(file.len());
        file[at] = byte;
        for bytes in [&file[..], &file[..cut.index(file.len())]] {
            if let Err(error) = counts(bytes) {
                prop_assert_eq!(error.kind(), ErrorKind::Invalid);
            }
        }
    }
}
