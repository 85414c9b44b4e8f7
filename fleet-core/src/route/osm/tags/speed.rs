//! How fast a road is driven: a table that is an argument, so that another's can take its place.

use std::collections::BTreeMap;

use super::{
    Highway,
    measure::{Limit, speed_kmh},
};
use crate::route::{Terrain, osm::element::Tags};

/// Free flow by road, km/h: what a plan counts with before traffic and weather.
///
/// A posted limit counts by [`posted_share`](Self::posted_share); without one the highway's own
/// speed counts. What is left is cut by surface, smoothness and track type, by
/// [`most_kmh`](Self::most_kmh), and multiplied by the factor of the land.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeedProfile {
    /// Name for logs and caches.
    pub name: String,
    /// Speed by highway without a posted limit; an absent highway is not driven at all.
    pub by_highway: BTreeMap<Highway, f64>,
    /// The same for slip roads (`…_link`); absent ones as the highway itself.
    pub by_link: BTreeMap<Highway, f64>,
    /// Tags that hold a posted limit, the most exact first.
    pub posted_keys: Vec<String>,
    /// What is driven of a posted limit, as a share.
    pub posted_share: f64,
    /// Whether a posted limit is cut to a whole number first.
    pub posted_is_cut: bool,
    /// A posted limit raises the speed at most so far above the highway's own, as a factor.
    pub posted_lift_max: f64,
    /// Limits that stand for a word, such as `urban` of `IN:urban`; other words count as none.
    pub zones: BTreeMap<String, f64>,
    /// The most by `surface`.
    pub by_surface: BTreeMap<String, f64>,
    /// The most by `smoothness`.
    pub by_smoothness: BTreeMap<String, f64>,
    /// The most by `tracktype`.
    pub by_tracktype: BTreeMap<String, f64>,
    /// The most anywhere.
    pub most_kmh: f64,
    /// Boats whose `duration` is not told.
    pub ferry_kmh: f64,
    /// Factor by land: plain, rolling, hilly, mountainous.
    pub by_terrain: [f64; 4],
}

impl SpeedProfile {
    /// A laden truck, as it drives on the bundled network.
    ///
    /// Highways of the main classes have the mean `truck_speed_kmh` of the bundled network's roads
    /// in plains (62, 52, 43 and 36 km/h), lands its mean factors; lesser roads go on downwards.
    /// 80 km/h is the limit for goods vehicles on Indian expressways (notification S.O. 1522(E) of
    /// the Ministry of Road Transport and Highways, 2018).
    pub fn truck() -> Self {
        use Highway::*;
        Self {
            name: "truck".to_owned(),
            by_highway: BTreeMap::from([
                (Motorway, 62.0),
                (Trunk, 52.0),
                (Primary, 43.0),
                (Secondary, 36.0),
                (Tertiary, 28.0),
                (Unclassified, 22.0),
                (Residential, 18.0),
                (LivingStreet, 8.0),
                (Service, 12.0),
                (Track, 10.0),
            ]),
            by_link: BTreeMap::from([(Motorway, 40.0), (Trunk, 35.0), (Primary, 30.0)]),
            posted_keys: ["maxspeed:hgv", "maxspeed:advisory", "maxspeed"].map(Into::into).into(),
            posted_share: 0.8,
            posted_is_cut: false,
            posted_lift_max: 1.5,
            zones: table(&[("urban", 50.0), ("living_street", 10.0)]),
            by_surface: table(&[
                ("compacted", 40.0),
                ("fine_gravel", 40.0),
                ("paving_stones", 40.0),
                ("bricks", 40.0),
                ("sett", 30.0),
                ("cobblestone", 25.0),
                ("gravel", 25.0),
                ("unpaved", 25.0),
                ("laterite", 20.0),
                ("pebblestone", 20.0),
                ("dirt", 15.0),
                ("earth", 15.0),
                ("ground", 15.0),
                ("clay", 12.0),
                ("grass", 10.0),
                ("sand", 10.0),
                ("rock", 8.0),
                ("stone", 8.0),
                ("mud", 6.0),
            ]),
            by_smoothness: table(&[
                ("intermediate", 60.0),
                ("bad", 30.0),
                ("very_bad", 15.0),
                ("horrible", 8.0),
                ("very_horrible", 5.0),
            ]),
            by_tracktype: table(&[
                ("grade1", 20.0),
                ("grade2", 15.0),
                ("grade3", 10.0),
                ("grade4", 8.0),
                ("grade5", 6.0),
            ]),
            most_kmh: 80.0,
            ferry_kmh: 10.0,
            by_terrain: [1.0, 0.86, 0.67, 0.48],
        }
    }

    /// OSRM's stock car profile (`profiles/car.lua` of OSRM 26), for comparisons with a server.
    ///
    /// Its speeds, without its turn costs, its rates for narrow and service roads (they choose the
    /// way, not the time), and without the exceptions of its table of national limits.
    pub fn osrm_car() -> Self {
        use Highway::*;
        Self {
            name: "osrm_car".to_owned(),
            by_highway: BTreeMap::from([
                (Motorway, 90.0),
                (Trunk, 85.0),
                (Primary, 65.0),
                (Secondary, 55.0),
                (Tertiary, 40.0),
                (Unclassified, 25.0),
                (Residential, 25.0),
                (LivingStreet, 10.0),
                (Service, 15.0),
            ]),
            by_link: BTreeMap::from([
                (Motorway, 45.0),
                (Trunk, 40.0),
                (Primary, 30.0),
                (Secondary, 25.0),
                (Tertiary, 20.0),
            ]),
            posted_keys: ["maxspeed:advisory", "maxspeed", "source:maxspeed", "maxspeed:type"]
                .map(Into::into)
                .into(),
            posted_share: 0.8,
            posted_is_cut: true,
            posted_lift_max: f64::INFINITY,
            zones: table(&[
                ("urban", 50.0),
                ("rural", 90.0),
                ("trunk", 110.0),
                ("motorway", 130.0),
            ]),
            by_surface: osrm_surfaces(),
            by_smoothness: table(&[
                ("intermediate", 80.0),
                ("bad", 40.0),
                ("very_bad", 20.0),
                ("horrible", 10.0),
                ("very_horrible", 5.0),
            ]),
            by_tracktype: table(&[
                ("grade1", 60.0),
                ("grade2", 40.0),
                ("grade3", 30.0),
                ("grade4", 25.0),
                ("grade5", 20.0),
            ]),
            most_kmh: f64::INFINITY,
            ferry_kmh: 5.0,
            by_terrain: [1.0; 4],
        }
    }

    /// The speed on flat land in one direction (`:forward` or `:backward`), km/h, with the posted
    /// limit if there is one; `None` if the highway is not driven. A limit that is not understood
    /// goes to `odd` by its key.
    pub(super) fn flat_kmh(
        &self,
        tags: &Tags,
        (highway, is_link): (Highway, bool),
        direction: &str,
        odd: &mut Option<String>,
    ) -> Option<(f64, Option<f64>)> {
        let link = if is_link { self.by_link.get(&highway) } else { None };
        let own = *link.or_else(|| self.by_highway.get(&highway))?;
        let posted = self.posted_kmh(tags, direction, odd);
        let free = posted.map_or(own, |posted| {
            let posted = if self.posted_is_cut { posted.trunc() } else { posted };
            (posted * self.posted_share).min(own * self.posted_lift_max)
        });
        let most = [
            ("surface", &self.by_surface),
            ("smoothness", &self.by_smoothness),
            ("tracktype", &self.by_tracktype),
        ];
        let caps = most.iter().filter_map(|(key, table)| table.get(tags.get(key)?));
        let free = caps.fold(free.min(self.most_kmh), |free, most| free.min(*most));
        Some((free.max(1.0), posted))
    }

    fn posted_kmh(&self, tags: &Tags, direction: &str, odd: &mut Option<String>) -> Option<f64> {
        for key in &self.posted_keys {
            let directed = format!("{key}{direction}");
            let Some((key, text)) = tags.first(&[&directed, key]) else { continue };
            match speed_kmh(text) {
                Limit::Value(kmh) => return Some(kmh),
                Limit::Zone(zone) => {
                    if let Some(kmh) = self.zones.get(zone) {
                        return Some(*kmh);
                    }
                }
                Limit::None => return None,
                Limit::Unknown if key.starts_with("maxspeed") && !key.ends_with(":type") => {
                    *odd = Some(key.to_owned());
                }
                Limit::Unknown => {}
            }
        }
        None
    }

    /// The factor of a land.
    pub(in crate::route::osm) fn factor(&self, terrain: Terrain) -> f64 {
        self.by_terrain[match terrain {
            Terrain::Plain => 0,
            Terrain::Rolling => 1,
            Terrain::Hilly => 2,
            Terrain::Mountainous => 3,
        }]
    }
}

impl Default for SpeedProfile {
    fn default() -> Self {
        Self::truck()
    }
}

fn osrm_surfaces() -> BTreeMap<String, f64> {
    table(&[
        ("cement", 80.0),
        ("compacted", 80.0),
        ("fine_gravel", 80.0),
        ("paving_stones", 60.0),
        ("metal", 60.0),
        ("bricks", 60.0),
        ("grass", 40.0),
        ("wood", 40.0),
        ("sett", 40.0),
        ("grass_paver", 40.0),
        ("gravel", 40.0),
        ("unpaved", 40.0),
        ("ground", 40.0),
        ("dirt", 40.0),
        ("pebblestone", 40.0),
        ("tartan", 40.0),
        ("cobblestone", 30.0),
        ("clay", 30.0),
        ("earth", 20.0),
        ("stone", 20.0),
        ("rocky", 20.0),
        ("sand", 20.0),
        ("laterite", 15.0),
        ("mud", 10.0),
        ("ice", 20.0),
        ("snow", 30.0),
    ])
}

fn table(rows: &[(&str, f64)]) -> BTreeMap<String, f64> {
    rows.iter().map(|(word, kmh)| ((*word).to_owned(), *kmh)).collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "numbers of a table")]
mod tests {
    use super::*;

    fn kmh(profile: &SpeedProfile, tags: &Tags, highway: Highway) -> f64 {
        profile.flat_kmh(tags, (highway, false), ":forward", &mut None).unwrap().0
    }

    #[test]
    fn osrm_drives_four_fifths_of_a_whole_limit() {
        let car = SpeedProfile::osrm_car();
        let posted = |text| Tags::from([("maxspeed", text)]);
        assert_eq!(kmh(&car, &posted("22.5"), Highway::Primary), 0.8 * 22.0);
        assert_eq!(kmh(&car, &posted("100"), Highway::Residential), 80.0);
        assert_eq!(kmh(&car, &posted("IN:rural"), Highway::Primary), 72.0);
        assert_eq!(kmh(&car, &posted("none"), Highway::Motorway), 90.0);
        let gravel = Tags::from([("maxspeed", "100"), ("surface", "gravel")]);
        assert_eq!(kmh(&car, &gravel, Highway::Primary), 40.0);
    }

    #[test]
    fn a_truck_heeds_its_own_limit_and_never_hurries() {
        let truck = SpeedProfile::truck();
        let tags = Tags::from([("maxspeed", "120"), ("maxspeed:hgv", "60")]);
        assert_eq!(kmh(&truck, &tags, Highway::Motorway), 48.0);
        let tags = Tags::from([("maxspeed", "130")]);
        assert_eq!(kmh(&truck, &tags, Highway::Motorway), 80.0);
        let tags = Tags::from([("maxspeed", "50")]);
        assert_eq!(kmh(&truck, &tags, Highway::Residential), 27.0);
        let tags = Tags::from([("maxspeed:forward", "30"), ("maxspeed", "60")]);
        assert_eq!(kmh(&truck, &tags, Highway::Primary), 24.0);
    }

    #[test]
    fn a_limit_that_is_not_understood_is_told_and_passed_over() {
        let (truck, mut odd) = (SpeedProfile::truck(), None);
        let tags = Tags::from([("maxspeed", "fast")]);
        let (free, posted) =
            truck.flat_kmh(&tags, (Highway::Trunk, true), ":forward", &mut odd).unwrap();
        assert_eq!((free, posted, odd.as_deref()), (35.0, None, Some("maxspeed")));
        assert!(truck.flat_kmh(&tags, (Highway::Ferry, false), "", &mut odd).is_none());
    }

    #[test]
    fn main_roads_are_as_fast_as_the_bundled_network_has_them() {
        let truck = SpeedProfile::truck();
        for (class, highway) in [
            (crate::route::RoadClass::Motorway, Highway::Motorway),
            (crate::route::RoadClass::Trunk, Highway::Trunk),
            (crate::route::RoadClass::Primary, Highway::Primary),
            (crate::route::RoadClass::Secondary, Highway::Secondary),
        ] {
            let segments = crate::route::Network::ne_india().segments().iter();
            let plain: Vec<f64> = segments
                .filter(|s| s.road_class == class && s.terrain == Terrain::Plain && !s.ferry)
                .map(|s| s.truck_speed_kmh)
                .collect();
            let mean = plain.iter().sum::<f64>() / plain.len() as f64;
            assert!((mean - truck.by_highway[&highway]).abs() < 1.5, "{class:?}: {mean}");
        }
    }
}
