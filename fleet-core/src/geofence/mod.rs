//! Geofences: places on the map, and when trucks come, stay and go.
//!
//! A [`Fence`] is a circle, a polygon (with holes, in several parts) or a corridor along a line or a
//! [`Route`](crate::route::Route). They come as GeoJSON ([`from_geojson`], [`to_geojson`]) or are
//! made by [`Shape`]. A [`FenceSet`] asks thousands by place. A [`Tracker`] follows one truck and
//! tells entries, dwells and exits, which
//!
//! - do not flicker at the edge: a truck has left when it is a distance outside, for some fixes in a
//!   row; the event still has the time of the crossing;
//! - find a fence that was passed wholly between two fixes, with entry and exit interpolated;
//! - leave before they enter, at one instant;
//! - are a function of the *set* of fixes: late and repeated ones lead to the same events, and what
//!   no longer holds is withdrawn by name;
//! - tell their evidence: the fixes before and after, and the thresholds.
//!
//! [`Expectation`] answers whether a truck was where it should have been.
//!
//! Everything is WGS84. Edges are straight in longitude and latitude (RFC 7946); metres are right to
//! 0.2 % up to the greatest radius and width. Fences may cross the 180th meridian; what lies beyond 85
//! degrees of latitude or around a pole is refused by name.
//!
//! ```
//! use fleet_core::{
//!     geo::Position,
//!     geofence::{Fence, FenceSet, Shape},
//!     route::BuiltinRouter,
//! };
//! let router = BuiltinRouter::ne_india();
//! let node = |id| router.network().node(id).expect("a town of the bundled network");
//! let route = router.route_nodes(node("guwahati"), node("shillong"))?;
//! let corridor = Fence::new("guwahati-shillong".parse()?, Shape::along(&route, 2_000.0)?);
//! let fences = FenceSet::new(vec![corridor])?;
//! let half_way = route.position_at(50_000.0, route.piece_at(50_000.0, 0)).0;
//! assert_eq!(fences.holding(half_way).len(), 1);
//! assert_eq!(fences.holding(Position::new(26.0, 93.0)?).len(), 0);
//! # Ok::<(), fleet_core::Error>(())
//! ```

mod check;
mod event;
mod fence;
mod fold;
mod geojson;
mod plane;
mod presence;
mod set;
mod settings;
mod shape;
mod tracker;

pub use self::{
    event::{Evidence, FenceEvent, FenceEventKind, RULE_VERSION, Rule},
    fence::{
        CONFIRM_FIXES_MAX, DWELL_S_MAX, Fence, HYSTERESIS_M, NAME_BYTES_MAX, Rules, TAGS_BYTES_MAX,
    },
    geojson::{GEOJSON_BYTES_MAX, from_geojson, to_geojson},
    presence::{Expectation, Finding, Presence, presence_at},
    set::{FENCES_MAX, FenceSet},
    settings::Settings,
    shape::{
        EXTENT_MAX_DEG, LATITUDE_MAX_DEG, PARTS_MAX, POINTS_MAX, Polygon, RADIUS_M, Shape, WIDTH_M,
    },
    tracker::{Revision, Tracker},
};

#[cfg(test)]
mod tests;
