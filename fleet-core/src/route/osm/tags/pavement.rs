//! From `surface`, `smoothness` and `tracktype` to roughness.
//!
//! Numbers are in the ranges of the International Roughness Index that the World Bank's scale has
//! for such roads (M. W. Sayers, T. D. Gillespie, W. D. O. Paterson, *Guidelines for Conducting and
//! Calibrating Road Roughness Measurements*, World Bank Technical Paper 46, 1986, figure 2): new
//! pavements 1.5 to 3.5 m/km, older ones 2.5 to 6, maintained unpaved roads 3.5 to 10, damaged
//! pavements 4 to 11, rough unpaved roads 8 to 20.

use super::Highway;
use crate::route::{Surface, osm::element::Tags};

/// The roughness of a road, m/km, 1.5 to 20: by smoothness, else by surface, else by track type,
/// else what its highway usually has.
pub(super) fn iri_m_per_km(tags: &Tags, highway: Highway) -> f64 {
    let told = [
        tags.get("smoothness").and_then(by_smoothness),
        tags.get("surface").and_then(by_surface),
        tags.get("tracktype").and_then(by_tracktype),
    ];
    told.into_iter().flatten().next().unwrap_or(match highway {
        Highway::Ferry => 1.5,
        Highway::Motorway => 2.5,
        Highway::Trunk => 3.0,
        Highway::Primary => 3.5,
        Highway::Secondary => 4.5,
        Highway::Tertiary => 5.5,
        Highway::Unclassified | Highway::Service => 7.0,
        Highway::Residential | Highway::LivingStreet => 6.0,
        Highway::Track => 12.0,
    })
}

fn by_smoothness(word: &str) -> Option<f64> {
    Some(match word {
        "excellent" => 1.5,
        "good" => 2.5,
        "intermediate" => 4.5,
        "bad" => 8.0,
        "very_bad" => 12.0,
        "horrible" => 16.0,
        "very_horrible" => 20.0,
        _ => return None,
    })
}

fn by_surface(word: &str) -> Option<f64> {
    Some(match word {
        "asphalt" | "chipseal" => 3.0,
        "paved" | "concrete" | "cement" | "concrete:plates" => 3.5,
        "concrete:lanes" | "metal" | "wood" => 5.0,
        "paving_stones" | "bricks" | "brick" => 5.0,
        "sett" => 7.0,
        "cobblestone" | "unhewn_cobblestone" => 9.0,
        "compacted" | "fine_gravel" => 6.0,
        "gravel" | "pebblestone" | "unpaved" | "laterite" => 10.0,
        "dirt" | "earth" | "ground" | "clay" | "grass" | "grass_paver" => 12.0,
        "sand" | "mud" | "rock" | "stone" | "rocky" => 16.0,
        _ => return None,
    })
}

fn by_tracktype(word: &str) -> Option<f64> {
    Some(match word {
        "grade1" => 5.0,
        "grade2" => 8.0,
        "grade3" => 11.0,
        "grade4" => 14.0,
        "grade5" => 17.0,
        _ => return None,
    })
}

/// The word for a roughness, with the limits half way between the classes of the bundled network
/// (2.5, 4.2, 6.8 and 9.5 m/km).
pub(super) fn surface(iri_m_per_km: f64) -> Surface {
    match iri_m_per_km {
        iri if iri < 3.35 => Surface::Good,
        iri if iri < 5.5 => Surface::Fair,
        iri if iri < 8.15 => Surface::Poor,
        _ => Surface::VeryPoor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "numbers of a table")]
    fn smoothness_beats_surface_beats_class() {
        let iri = |tags: Tags| iri_m_per_km(&tags, Highway::Primary);
        assert_eq!(iri(Tags::from([("surface", "asphalt"), ("smoothness", "bad")])), 8.0);
        assert_eq!(iri(Tags::from([("surface", "gravel"), ("smoothness", "odd")])), 10.0);
        assert_eq!(iri(Tags::from([("tracktype", "grade2")])), 8.0);
        assert_eq!(iri(Tags::default()), 3.5);
    }

    #[test]
    fn the_words_are_those_of_the_bundled_network() {
        for segment in crate::route::Network::ne_india().segments() {
            assert_eq!(surface(segment.iri_m_per_km), segment.surface, "{}", segment.id);
        }
    }
}
