//! Who may drive, and which way.

use crate::route::osm::element::Tags;

/// Access tags from the most exact to the most general.
/// (OpenStreetMap Wiki, *Key:access*, transport mode hierarchy.)
const KEYS: [&str; 4] = ["hgv", "motor_vehicle", "vehicle", "access"];

/// Whether trucks may use something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::route::osm) enum Access {
    No,
    /// Only to reach a place on it.
    Local,
    Yes,
}

/// The access tags of an element, for one direction; `None` if they say nothing.
pub(super) fn access(tags: &Tags, direction: &str) -> Option<Access> {
    KEYS.iter().find_map(|key| {
        let exact = tags.get(&format!("{key}{direction}"));
        exact.and_then(word).or_else(|| tags.get(key).and_then(word))
    })
}

/// Whether trucks are named and let in.
pub(super) fn is_expressly_allowed(tags: &Tags) -> bool {
    KEYS[..3].iter().find_map(|key| tags.get(key).and_then(word)) == Some(Access::Yes)
}

/// What a value says; of a list the most permissive. A word nobody knows says nothing.
pub(super) fn word(value: &str) -> Option<Access> {
    value
        .split(';')
        .filter_map(|word| {
            Some(match word.trim() {
                "yes" | "designated" | "permissive" | "discouraged" | "official" => Access::Yes,
                "destination" | "delivery" | "customers" => Access::Local,
                "no" | "private" | "permit" | "residents" | "agricultural" | "forestry"
                | "emergency" | "emergency_vehicle" | "psv" | "bus" | "taxi" | "foot"
                | "bicycle" | "military" | "restricted" | "use_sidepath" | "dismount" => Access::No,
                _ => return None,
            })
        })
        .max()
}

/// The directions in which a way may be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OneWay {
    Both,
    Forward,
    Backward,
    /// Turns round by the hour: no plan can count on it.
    Reversible,
}

/// What `oneway` says, or a motorway or a roundabout implies.
pub(super) fn one_way(tags: &Tags) -> OneWay {
    let keys = ["oneway:hgv", "oneway:motor_vehicle", "oneway:vehicle", "oneway"];
    let told = tags.first(&keys).map(|(_, value)| value);
    match told {
        Some("yes" | "1" | "true") => OneWay::Forward,
        Some("-1" | "reverse") => OneWay::Backward,
        Some("reversible") => OneWay::Reversible,
        Some("no" | "0" | "false" | "alternating") => OneWay::Both,
        _ if tags.is("highway", "motorway") => OneWay::Forward,
        _ if tags.is("junction", "roundabout") || tags.is("junction", "circular") => {
            OneWay::Forward
        }
        _ => OneWay::Both,
    }
}

/// What a node puts in the way of a truck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::route::osm) enum Barrier {
    Open,
    /// Passed, but somebody may have to open it.
    Gate,
    Border,
    Shut,
}

/// Barriers that a truck drives through.
const PASSED: [&str; 8] = [
    "no",
    "cattle_grid",
    "toll_booth",
    "sally_port",
    "entrance",
    "arch",
    "speed_bump",
    "height_restrictor",
];
/// A height restrictor lower than this lets no truck through, metres.
const LOW_M: f64 = 3.5;

/// The barrier at a node of a road, if it is one.
pub(in crate::route::osm) fn barrier(tags: &Tags) -> Option<Barrier> {
    let barrier = tags.get("barrier");
    match access(tags, "") {
        Some(Access::No) => return Some(Barrier::Shut),
        Some(Access::Local | Access::Yes) => return barrier.map(|_| Barrier::Open),
        None => {}
    }
    Some(match barrier? {
        "border_control" => Barrier::Border,
        "gate" | "lift_gate" | "swing_gate" | "sliding_gate" => {
            if tags.is("locked", "yes") {
                Barrier::Shut
            } else {
                Barrier::Gate
            }
        }
        "kerb" => {
            let is_low = matches!(tags.get("kerb"), Some("lowered" | "flush" | "rolled"));
            let is_crossing = tags.is("highway", "crossing");
            if is_low || is_crossing { Barrier::Open } else { Barrier::Shut }
        }
        "bollard" if tags.is("bollard", "rising") => Barrier::Gate,
        "height_restrictor" => match tags.get("maxheight").map(super::measure::metres) {
            Some(super::measure::Limit::Value(height_m)) if height_m < LOW_M => Barrier::Shut,
            _ => Barrier::Open,
        },
        word if PASSED.contains(&word) => Barrier::Open,
        _ => Barrier::Shut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_key_decides() {
        for (tags, expected) in [
            (Tags::from([("access", "no"), ("hgv", "yes")]), Some(Access::Yes)),
            (
                Tags::from([("motor_vehicle", "destination"), ("access", "yes")]),
                Some(Access::Local),
            ),
            (Tags::from([("vehicle", "private")]), Some(Access::No)),
            (Tags::from([("access", "no;destination")]), Some(Access::Local)),
            (Tags::from([("hgv", "perhaps"), ("access", "no")]), Some(Access::No)),
            (Tags::from([("motorcar", "no")]), None),
        ] {
            assert_eq!(access(&tags, ""), expected, "{tags:?}");
        }
        let tags = Tags::from([("hgv:backward", "no"), ("hgv", "yes")]);
        assert_eq!(access(&tags, ":backward"), Some(Access::No));
        assert_eq!(access(&tags, ":forward"), Some(Access::Yes));
    }

    #[test]
    fn one_way_is_told_or_implied() {
        for (tags, expected) in [
            (Tags::from([("oneway", "yes")]), OneWay::Forward),
            (Tags::from([("oneway", "-1")]), OneWay::Backward),
            (Tags::from([("oneway", "reversible")]), OneWay::Reversible),
            (Tags::from([("highway", "motorway")]), OneWay::Forward),
            (Tags::from([("highway", "motorway"), ("oneway", "no")]), OneWay::Both),
            (Tags::from([("highway", "motorway_link")]), OneWay::Both),
            (Tags::from([("junction", "roundabout")]), OneWay::Forward),
            (Tags::from([("oneway", "yes"), ("oneway:hgv", "no")]), OneWay::Both),
            (Tags::from([("highway", "primary")]), OneWay::Both),
        ] {
            assert_eq!(one_way(&tags), expected, "{tags:?}");
        }
    }

    #[test]
    fn a_barrier_is_shut_unless_it_is_known_to_open() {
        for (tags, expected) in [
            (Tags::from([("barrier", "bollard")]), Some(Barrier::Shut)),
            (Tags::from([("barrier", "bollard"), ("bollard", "rising")]), Some(Barrier::Gate)),
            (Tags::from([("barrier", "whatnot")]), Some(Barrier::Shut)),
            (Tags::from([("barrier", "whatnot"), ("hgv", "yes")]), Some(Barrier::Open)),
            (Tags::from([("barrier", "gate")]), Some(Barrier::Gate)),
            (Tags::from([("barrier", "gate"), ("locked", "yes")]), Some(Barrier::Shut)),
            (Tags::from([("barrier", "gate"), ("access", "private")]), Some(Barrier::Shut)),
            (Tags::from([("barrier", "toll_booth")]), Some(Barrier::Open)),
            (Tags::from([("barrier", "border_control")]), Some(Barrier::Border)),
            (
                Tags::from([("barrier", "height_restrictor"), ("maxheight", "2.1")]),
                Some(Barrier::Shut),
            ),
            (Tags::from([("highway", "crossing")]), None),
            (Tags::from([("access", "no")]), Some(Barrier::Shut)),
        ] {
            assert_eq!(barrier(&tags), expected, "{tags:?}");
        }
    }
}
