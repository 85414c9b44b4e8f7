//! Files by hand and by mistake: each fault has its line.

use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

/// What was visited, in words.
#[derive(Default)]
struct Seen(Vec<String>);

impl Visitor for Seen {
    fn wants(&self) -> super::super::element::Wants {
        super::super::element::Wants { nodes: true, ways_and_relations: true }
    }

    fn node(&mut self, node: Node, tags: &Tags) -> Result<()> {
        self.0.push(format!("{node:?} {tags:?}"));
        Ok(())
    }

    fn way(&mut self, id: i64, refs: &[i64], tags: &Tags) -> Result<()> {
        self.0.push(format!("way {id} {refs:?} {tags:?}"));
        Ok(())
    }

    fn relation(&mut self, id: i64, members: &[Member], tags: &Tags) -> Result<()> {
        self.0.push(format!("relation {id} {} {tags:?}", members.len()));
        Ok(())
    }
}

fn seen(text: &str) -> Result<Vec<String>> {
    let mut seen = Seen::default();
    read(&mut text.as_bytes(), &mut seen).map(|()| seen.0)
}

#[track_caller]
fn refusal(text: &str) -> String {
    let error = seen(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    error.to_string()
}

#[test]
fn elements_are_read_with_or_without_content() {
    let text = r#"<?xml version="1.0"?>
<!-- a <comment> -->
<osm version="0.6"><bounds minlat="1"/>
 <node id="1" lat="26.5" lon="-91.25"/>
 <node id='-2' lat='0' lon='180'><tag k="name" v="A &amp; &quot;B&quot; &#233;"/></node>
 <node id="3" visible="false"/> <way id="4" action="delete"/>
 <way id="7"><nd ref="1"/><nd ref="-2"/><tag k="highway" v="primary"></tag></way>
 <relation id="8"><member type="way" ref="7" role="from"/><member type="node" ref="1"/></relation>
 <other><thing><deep/></thing></other>
</osm>"#;
    let point = |id, lat_e7, lon_e7| format!("{:?}", Node { id, at: Point { lat_e7, lon_e7 } });
    assert_eq!(
        seen(text).unwrap(),
        [
            format!("{} {{}}", point(1, 265_000_000, -912_500_000)),
            format!("{} {{\"name\": \"A & \\\"B\\\" é\"}}", point(-2, 0, 1_800_000_000)),
            "way 7 [1, -2] {\"highway\": \"primary\"}".to_owned(),
            "relation 8 2 {}".to_owned(),
        ]
    );
}

#[test]
fn every_fault_of_an_element_is_told_with_its_line() {
    let text = r#"<osm>
<node id="x" lat="1" lon="1"/>
<node id="2" lat="91" lon="1"/>
<node id="3" lat="1"/>
<way id="4">
 <nd ref="one"/>
</way>
<way id="5"><tag k="a"/></way>
<relation id="6"><member type="thing" ref="1"/></relation>
</osm>"#;
    let said = refusal(text);
    for fault in [
        "line 2: id: \"x\" is not a number",
        "line 3: node 2: 91,1 lies off the globe",
        "line 4: element 3: lon is missing",
        "line 6: ref: \"one\" is not a number",
        "line 8: v is missing",
        "line 9: type: \"thing\" is no kind of element",
    ] {
        assert!(said.contains(fault), "{fault:?} is missing in {said}");
    }
}

#[test]
fn what_is_no_xml_ends_the_reading_at_its_line() {
    for (text, said) in [
        ("<osm>\n<node id=\"1\" lat=\"1\" lon=\"1\">\n</way></osm>", "line 3: not XML"),
        ("<osm>\n<node id=\"1\"", "line 2: not XML"),
        ("<osm>\n\n<node id=\"1\" lat=\"1\" lon=\"1\"/>", "ends within a tag"),
        ("<osm><node id=\"1\" id=\"2\" lat=\"1\" lon=\"1\"/></osm>", "line 1: attributes"),
        ("<osm><way id=\"1\"><tag k=\"a\" v=\"&bogus;\"/></way></osm>", "line 1: v"),
        ("<osmChange/>", "a file of changes"),
        ("<html></html>", "<html>: expected <osm>"),
        ("", "no <osm>"),
        ("just text", "no <osm>"),
    ] {
        let refused = refusal(text);
        assert!(refused.contains(said), "{said:?} is missing in {refused}");
    }
    let deep = format!("<osm>{}", "<a>".repeat(100));
    assert!(refusal(&deep).contains("tags deep"));
}

#[test]
fn no_tag_takes_more_than_a_mebibyte_of_memory() {
    let endless = format!("<osm>\n<node id=\"{}\"/></osm>", "1".repeat(2 << 20));
    assert!(refusal(&endless).contains("more than 1048576 bytes"));
    let comment = format!("<osm><!--{}--></osm>", "x".repeat(2 << 20));
    assert!(refusal(&comment).contains("more than 1048576 bytes"));
    let many = "<tag k=\"a\" v=\"b\"/>".repeat(5_000);
    let said = refusal(&format!("<osm><way id=\"1\">{many}</way></osm>"));
    assert!(said.contains("more than 4096 tags"), "{said}");
}

#[test]
fn no_more_than_twenty_faults_are_told() {
    let faulty = "<node id=\"x\"/>\n".repeat(1_000);
    assert_eq!(refusal(&format!("<osm>{faulty}</osm>")).matches("line ").count(), FAULTS_MAX);
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "\\PC*", tags in "[<>/a-z=\"& ]*") {
        for text in [text, format!("<osm>{tags}</osm>")] {
            if let Err(error) = seen(&text) {
                prop_assert_eq!(error.kind(), ErrorKind::Invalid);
            }
        }
    }
}
