//! A network as OSM XML, for `osrm-extract` with its stock car profile.
//!
//! OSRM measures the line of a way and never sees a road's length. The line written here is the
//! one trucks follow (`route::shape`), which is as long as its road, so OSRM's distances are
//! the network's.
//!
//! OSRM drives at 0.8 times `maxspeed`, cut to a whole number (`speed_reduction` in its car
//! profile), so [`SpeedTag::Truck`] writes `truck_speed_kmh` / 0.8: durations are then those of a
//! loaded truck. `lanes=1` is not written: the profile would halve the rate of a two way road with
//! it, and other ways than those of least time would win. `oneway=no` is, for `highway=motorway`
//! implies one way.
//!
//! Node i of the network (from 0) becomes OSM node i + 1, so that `annotations=nodes` names towns;
//! points of the line count from 1,000,001; segment i becomes way i + 1.

use std::{borrow::Cow, fmt, io};

use crate::{
    Error, Result,
    geo::{Position, flat_distance_m},
    route::{Ferries, Network, Segment, SegmentIx},
};

/// OSM ids of points that are no nodes of the network begin here.
const FIRST_POINT_ID: u64 = 1_000_001;
/// OSRM's car profile drives at this share of `maxspeed`.
const SPEED_REDUCTION: f64 = 0.8;

/// Which speed stands in `maxspeed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpeedTag {
    /// What makes OSRM drive as fast as a loaded truck.
    #[default]
    Truck,
    /// The posted limit.
    Posted,
}

/// What an export holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Export {
    /// Nodes of the network.
    pub towns: usize,
    /// Further points of its lines.
    pub points: u64,
    /// Roads.
    pub ways: usize,
    /// Length by road, metres.
    pub road_m: f64,
    /// Length of the lines, metres.
    pub drawn_m: f64,
    /// The greatest difference of the two on one road, metres.
    pub worst_m: f64,
}

/// Writes `network` to `out` as OSM XML; the same network gives the same bytes.
///
/// ```
/// use fleet_core::route::{Ferries, Network, osm};
/// let mut xml = Vec::new();
/// let export =
///     osm::write(Network::ne_india(), Ferries::Allowed, osm::SpeedTag::Truck, &mut xml)?;
/// assert_eq!((export.towns, export.points), (210, 29_268));
/// assert!(export.worst_m < 2.0, "lines are as long as their roads");
/// # Ok::<(), fleet_core::Error>(())
/// ```
///
/// # Errors
/// `Unavailable` if `out` does not take it.
pub fn write(
    network: &Network,
    ferries: Ferries,
    speed: SpeedTag,
    out: &mut dyn io::Write,
) -> Result<Export> {
    let failed =
        |cause: io::Error| Error::unavailable("OSM export: not written").with_source(cause);
    let mut writer = Writer {
        out: io::BufWriter::new(out),
        export: Export {
            towns: network.nodes().len(),
            points: 0,
            ways: 0,
            road_m: 0.0,
            drawn_m: 0.0,
            worst_m: 0.0,
        },
    };
    writer.document(network, ferries, speed).map_err(failed)?;
    Ok(writer.export)
}

struct Writer<'a> {
    out: io::BufWriter<&'a mut dyn io::Write>,
    export: Export,
}

/// A way that is still to be written: OSM wants all nodes first.
struct Way {
    segment: SegmentIx,
    /// Ids of its first point and of the one after its last.
    points: (u64, u64),
}

impl Writer<'_> {
    fn document(&mut self, network: &Network, ferries: Ferries, speed: SpeedTag) -> io::Result<()> {
        use io::Write;
        let bbox = network.bbox();
        writeln!(self.out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
        writeln!(self.out, r#"<osm version="0.6" generator="data-fleet">"#)?;
        writeln!(
            self.out,
            r#" <bounds minlat="{}" minlon="{}" maxlat="{}" maxlon="{}"/>"#,
            bbox.south, bbox.west, bbox.north, bbox.east
        )?;
        for (ix, node) in (1_u64..).zip(network.nodes()) {
            let Position { lat, lon } = node.position;
            writeln!(self.out, r#" <node id="{ix}" version="1" lat="{lat:.6}" lon="{lon:.6}">"#)?;
            self.tag("name", &node.name)?;
            self.tag("ele", node.altitude_m)?;
            writeln!(self.out, " </node>")?;
        }
        let is_written = |segment: &Segment| !segment.ferry || ferries == Ferries::Allowed;
        let mut ways = Vec::new();
        for ix in network.segment_indices() {
            if is_written(&network.segments()[ix.index()]) {
                ways.push(self.points(network, ix)?);
            }
        }
        for way in ways {
            self.way(network, &way, speed)?;
        }
        writeln!(self.out, "</osm>")?;
        self.out.flush()
    }

    /// The points of a road between its ends.
    fn points(&mut self, network: &Network, segment: SegmentIx) -> io::Result<Way> {
        use io::Write;
        let line = network.line(segment);
        let drawn_m: f64 = line.windows(2).map(|pair| flat_distance_m(pair[0], pair[1])).sum();
        let road_m = network.segments()[segment.index()].length_m;
        let export = &mut self.export;
        export.ways += 1;
        export.road_m += road_m;
        export.drawn_m += drawn_m;
        export.worst_m = export.worst_m.max((drawn_m - road_m).abs());
        let first = FIRST_POINT_ID + export.points;
        for (id, Position { lat, lon }) in (first..).zip(&line[1..line.len() - 1]) {
            writeln!(self.out, r#" <node id="{id}" version="1" lat="{lat:.6}" lon="{lon:.6}"/>"#)?;
            self.export.points += 1;
        }
        Ok(Way { segment, points: (first, FIRST_POINT_ID + self.export.points) })
    }

    fn way(&mut self, network: &Network, way: &Way, speed: SpeedTag) -> io::Result<()> {
        use io::Write;
        let segment = &network.segments()[way.segment.index()];
        writeln!(self.out, r#" <way id="{}" version="1">"#, way.segment.index() + 1)?;
        let end = |node: usize| node as u64 + 1;
        let inner = way.points.0..way.points.1;
        for id in
            [end(segment.from.index())].into_iter().chain(inner).chain([end(segment.to.index())])
        {
            writeln!(self.out, r#"  <nd ref="{id}"/>"#)?;
        }
        if segment.ferry {
            self.tag("route", "ferry")?;
            let minutes = segment.length_m * 0.06 / segment.truck_speed_kmh;
            let minutes = minutes.round_ties_even() as i64;
            self.tag("duration", format_args!("{:02}:{:02}", minutes / 60, minutes % 60))?;
            self.tag("motor_vehicle", "yes")?;
        } else {
            self.tag("highway", segment.road_class.as_str())?;
            match speed {
                SpeedTag::Truck => {
                    let maxspeed = segment.truck_speed_kmh / SPEED_REDUCTION;
                    self.tag("maxspeed", maxspeed.round_ties_even())?;
                }
                SpeedTag::Posted => self.tag("maxspeed", segment.maxspeed_kmh)?,
            }
            self.tag("surface", "asphalt")?;
            self.tag("oneway", "no")?;
            if segment.lanes > 1 {
                self.tag("lanes", segment.lanes)?;
            }
        }
        let name = |node| &network.node_at(node).name;
        self.tag("name", format_args!("{} - {}", name(segment.from), name(segment.to)))?;
        self.tag("ref", &segment.highway)?;
        writeln!(self.out, " </way>")
    }

    fn tag(&mut self, key: &str, value: impl fmt::Display) -> io::Result<()> {
        use io::Write;
        let value = value.to_string();
        writeln!(self.out, r#"  <tag k="{key}" v="{}"/>"#, escaped(&value))
    }
}

/// Text as it stands between double quotes of XML.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\n', '\r', '\t']) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match c {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '"' => "&quot;".into(),
        '\n' | '\r' | '\t' => format!("&#{};", u32::from(c)).into(),
        other => Cow::Owned::<str>(other.to_string()),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(ferries: Ferries, speed: SpeedTag) -> (Export, String) {
        let mut xml = Vec::new();
        let export = write(Network::ne_india(), ferries, speed, &mut xml).expect("memory takes it");
        (export, String::from_utf8(xml).expect("text"))
    }

    #[test]
    fn the_line_of_each_way_is_as_long_as_its_road() {
        let (export, xml) = export(Ferries::Allowed, SpeedTag::Truck);
        assert_eq!((export.towns, export.points, export.ways), (210, 29_268, 246));
        assert!(export.worst_m < 2.0, "{export:?}");
        assert!((export.road_m - 10_701_000.0).abs() < 1.0, "{export:?}");
        // khanapara--jorabat begins so: 8 km, rolling, no point given.
        let points = ["26.123691\" lon=\"91.826319", "26.125797\" lon=\"91.830225"];
        assert!(points.iter().all(|point| xml.contains(point)));
    }

    #[test]
    fn ferries_are_left_out_where_they_are_not_wanted() {
        let (with, xml) = export(Ferries::Allowed, SpeedTag::Truck);
        let (without, dry) = export(Ferries::LeftOut, SpeedTag::Truck);
        let ferries = Network::ne_india().segments().iter().filter(|s| s.ferry).count();
        assert_eq!(with.ways - without.ways, ferries);
        assert!(xml.contains("route\" v=\"ferry") && !dry.contains("ferry"));
    }

    #[test]
    fn truck_speeds_are_whole_after_the_profile_has_cut_them() {
        for segment in Network::ne_india().segments() {
            let maxspeed = segment.truck_speed_kmh / SPEED_REDUCTION;
            assert!((maxspeed - maxspeed.round()).abs() < 1e-9, "{}: {maxspeed}", segment.id);
        }
        let (_, xml) = export(Ferries::LeftOut, SpeedTag::Posted);
        assert!(xml.contains("maxspeed\" v=\"80\""));
    }

    #[test]
    fn names_are_quoted_for_xml() {
        assert_eq!(escaped("A & B <\"C\">\n"), "A &amp; B &lt;&quot;C&quot;&gt;&#10;");
        assert_eq!(escaped("Sohra (Cherrapunji)"), "Sohra (Cherrapunji)");
    }
}
