use proptest::prelude::*;

use super::*;
use crate::{ErrorKind, route::NetworkBuilder, route::Node, route::Segment};

fn ne_india() -> Places<'static> {
    Places::new(Network::ne_india())
}

#[track_caller]
fn finds(text: &str, id: &str) {
    let node = Network::ne_india().node(id).unwrap();
    assert_eq!(ne_india().find(text).unwrap(), Place::Node(node), "{text}");
}

#[track_caller]
fn refuses(text: &str, kind: ErrorKind, message: &str) {
    let error = ne_india().find(text).unwrap_err();
    assert_eq!((error.kind(), format!("{error:#}").as_str()), (kind, message), "{text}");
}

#[test]
fn names_are_matched_from_the_strict_to_the_lenient() {
    finds("guwahati", "guwahati");
    finds("  GUWAHATI ", "guwahati");
    finds("north-lakhimpur", "north_lakhimpur");
    finds("northLAKHIMPUR", "north_lakhimpur");
    finds("Chumoukedima", "chumoukedima");
    finds("Pfutsero", "pfutsero");
    finds("Pfu\u{308}tsero", "pfutsero");
    finds("Sribhumi", "karimganj");
    finds("sribhumi karimganj", "karimganj");
    finds("guwa", "guwahati");
    finds("Lakhimpur", "north_lakhimpur");
}

#[test]
fn a_whole_name_beats_the_beginning_of_another() {
    finds("Tezu", "tezu"); // Tezpur begins so no more, but Tezu is one
    finds("Mon", "mon");
    finds("Sonapur", "sonapur"); // not Sonapur Tunnel
    finds("sonapur t", "sonapur_tunnel");
}

#[test]
fn several_places_are_listed_and_an_unknown_one_suggests_the_nearest() {
    let said = ne_india().find("dim").map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(said, Ok(()), "only Dimapur begins so");
    refuses(
        "tez",
        ErrorKind::Invalid,
        "\"tez\" may be Tezpur (tezpur, Assam), Tezu (tezu, Arunachal Pradesh): give the id that is meant",
    );
    refuses(
        "Guwahatti",
        ErrorKind::NotFound,
        "no place is called \"Guwahatti\": did you mean Guwahati?",
    );
    refuses("", ErrorKind::Invalid, "place: expected an id, a name or latitude,longitude");
    refuses(" -- ", ErrorKind::Invalid, "place: expected an id, a name or latitude,longitude");
    let long = "x".repeat(10_000);
    let said = ne_india().find(&long).unwrap_err().to_string();
    assert!(said.len() < 200, "{said}");
    let many = ne_india().find("d").unwrap_err().to_string();
    assert!(many.contains(" more: give the id"), "{many}");
}

#[test]
fn coordinates_are_latitude_and_longitude_and_a_swap_is_told() {
    let at = |text: &str| ne_india().find(text);
    assert_eq!(at("26.1, 91.7").unwrap(), Place::At(Position { lat: 26.1, lon: 91.7 }));
    assert_eq!(at("-26.1,91.7").unwrap(), Place::At(Position { lat: -26.1, lon: 91.7 }));
    let error = at("91.7,26.1").unwrap_err();
    assert!(error.to_string().contains("latitude comes first"), "{error}");
    let error = at("191.7,226.1").unwrap_err();
    assert!(!error.to_string().contains("comes first"), "{error}");
    assert_eq!(at("26.1,north").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn places_of_one_name_are_told_apart_by_id_and_nameless_ones_have_one() {
    let mut city = NetworkBuilder::new("two villages");
    let node = |id: &str, name: &str, lon| Node {
        name: name.into(),
        ..Node::junction(id, Position { lat: 26.2, lon })
    };
    let [a, b] =
        [("n1", 91.70), ("n2", 91.71)].map(|(id, lon)| city.add_node(node(id, "Rampur", lon)));
    let c = city.add_node(node("n3", "", 91.72));
    city.add_segment(Segment::between("ab", a, b));
    city.add_segment(Segment::between("bc", b, c));
    let network = city.build().unwrap();
    let places = Places::new(&network);
    assert_eq!(places.find("n2").unwrap(), Place::Node(b));
    assert_eq!(places.find("N3").unwrap(), Place::Node(c));
    let said = places.find("rampur").unwrap_err().to_string();
    assert_eq!(said, "\"rampur\" may be Rampur (n1), Rampur (n2): give the id that is meant");
    let said = places.find("n44").unwrap_err().to_string();
    assert!(said.contains("did you mean"), "{said}");
}

/// A name as somebody may type it: other case, other separators, accents left out.
fn typed(name: &str, picks: u64) -> String {
    let mut out = String::new();
    for (at, c) in name.chars().enumerate() {
        let pick = picks.rotate_left(u32::try_from(at * 2 % 64).unwrap_or(0)) % 4;
        match c {
            'ü' if pick < 2 => out.push('u'),
            ' ' | '-' | '(' | ')' => {
                out.push_str(["", " ", "-", "_"][usize::try_from(pick).unwrap_or(0)]);
            }
            _ if pick % 2 == 0 => out.extend(c.to_uppercase()),
            _ => out.extend(c.to_lowercase()),
        }
    }
    out
}

proptest! {
    #[test]
    fn every_place_is_found_by_its_id_and_by_its_name_however_typed(
        pick in 0_usize..210, picks in any::<u64>(),
    ) {
        let (network, places) = (Network::ne_india(), ne_india());
        let ix = network.node_indices().nth(pick).unwrap();
        let node = network.node_at(ix);
        prop_assert_eq!(places.find(&node.id).unwrap(), Place::Node(ix));
        let text = typed(&node.name, picks);
        prop_assert_eq!(places.find(&text).unwrap(), Place::Node(ix), "{}", text);
    }

    #[test]
    fn a_beginning_finds_its_place_or_lists_it_among_others_or_is_another_s_whole_name(
        pick in 0_usize..210, letters in 1_usize..12,
    ) {
        let (network, places) = (Network::ne_india(), ne_india());
        let ix = network.node_indices().nth(pick).unwrap();
        let node = network.node_at(ix);
        let text: String = node.name.chars().take(letters).collect();
        match places.find(&text) {
            Ok(Place::Node(found)) => {
                let whole = spellings(&network.node_at(found).id, &network.node_at(found).name);
                prop_assert!(found == ix || whole.contains(&fold(&text)), "{}", text);
            }
            Ok(Place::At(_)) => prop_assert!(false, "{} is no number", text),
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Invalid);
                let said = error.to_string();
                prop_assert!(said.contains(&*node.id) || said.contains(" more:"), "{}", said);
            }
        }
    }

    #[test]
    fn whatever_is_typed_is_answered_and_a_suggestion_is_a_place(text in ".{0,60}") {
        let (network, places) = (Network::ne_india(), ne_india());
        if let Err(error) = places.find(&text) {
            let said = error.to_string();
            prop_assert!(said.len() < 1_000, "{}", said);
            if let Some((_, names)) = said.split_once("did you mean ") {
                let last = names.trim_end_matches('?').rsplit(" or ").next().unwrap_or_default();
                prop_assert!(network.nodes().iter().any(|node| &*node.name == last), "{}", said);
            }
        }
    }

    #[test]
    fn one_letter_left_out_of_a_long_name_suggests_it(pick in 0_usize..210, at in 1_usize..30) {
        let (network, places) = (Network::ne_india(), ne_india());
        let ix = network.node_indices().nth(pick).unwrap();
        let name = network.node_at(ix).name.split(" (").next().unwrap_or_default().to_owned();
        prop_assume!(name.chars().count() >= 8);
        let at = at % (name.chars().count() - 1);
        let text: String = name.chars().enumerate().filter(|(i, _)| *i != at).map(|(_, c)| c).collect();
        if let Err(error) = places.find(&text) {
            let said = error.to_string();
            prop_assert!(error.kind() != ErrorKind::NotFound || said.contains(&name), "{}", said);
        }
    }
}
