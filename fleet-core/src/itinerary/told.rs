//! What is told of a way: values rounded for people, whose sums add up.

use serde::{Serialize, Serializer};

use crate::time::Time;

/// What decides the times.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Each road's own speed for loaded trucks; halts take no time.
    FreeFlow,
    /// What this truck makes of grade, traffic and hour, with its halts.
    Truck,
}

impl Basis {
    /// It as a word, e.g. `free_flow`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FreeFlow => "free_flow",
            Self::Truck => "truck",
        }
    }
}

/// A way with its timetable. Times are shown with India's offset.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, Serialize)]
pub struct Itinerary {
    /// Name of the roads.
    pub network: String,
    /// Where it begins.
    pub from: Waypoint,
    /// Places that it calls at, in their order.
    pub via: Vec<Waypoint>,
    /// Where it ends.
    pub to: Waypoint,
    /// What decides the times.
    pub basis: Basis,
    /// What drives.
    pub truck: ItineraryTruck,
    /// What was not said, and is taken so.
    pub assumed: Vec<String>,
    /// Departure, if one was asked for.
    #[serde(serialize_with = "ist")]
    pub departs: Option<Time>,
    /// Arrival, if there is a departure.
    #[serde(serialize_with = "ist")]
    pub arrives: Option<Time>,
    /// One in twenty arrives before it.
    #[serde(serialize_with = "ist")]
    pub earliest: Option<Time>,
    /// One in twenty arrives after it.
    #[serde(serialize_with = "ist")]
    pub latest: Option<Time>,
    /// By road, ferries included.
    pub distance_km: f64,
    /// Departure to arrival; in free flow the driving alone.
    pub duration_h: f64,
    /// Under way, ferries too.
    pub driving_h: f64,
    /// At halts; in free flow what halts would add.
    pub stopped_h: f64,
    /// All ways up.
    pub climb_m: f64,
    /// All ways down.
    pub descent_m: f64,
    /// The highest point.
    pub highest_m: f64,
    /// Diesel burned.
    pub fuel_l: f64,
    /// In the tank at the start; start + bought − burned = end.
    pub fuel_start_l: f64,
    /// Bought on the way.
    pub fuel_bought_l: f64,
    /// In the tank at the end.
    pub fuel_end_l: f64,
    /// Carbon dioxide of the diesel burned: 2.64 kg a litre.
    pub co2_kg: f64,
    /// Diesel and tolls, ₹; none where the network knows no price of diesel.
    pub cost_inr: Option<f64>,
    /// What was burned, at the moving average price in the tank, ₹.
    pub diesel_inr: Option<f64>,
    /// Fees for this truck's axles, ₹.
    pub tolls_inr: f64,
    /// What a customer is promised.
    pub promised_h: Promise,
    /// The way road by road.
    pub legs: Vec<ItineraryLeg>,
    /// What the driver does.
    pub turns: Vec<ItineraryTurn>,
    /// Where it stands, and why.
    pub stops: Vec<ItineraryStop>,
    /// Roads that close in the season of the passage.
    pub risks: Vec<ClosureRisk>,
    /// What the plan cannot promise.
    pub warnings: Vec<String>,
    /// Other ways, if they were asked for.
    pub alternatives: Vec<OtherWay>,
}

/// A place of a way.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, Serialize)]
pub struct Waypoint {
    /// Of a node of the network; none beside nodes.
    pub id: Option<String>,
    /// For people; beside nodes its coordinates.
    pub name: String,
    /// Latitude, degrees.
    pub lat: f64,
    /// Longitude, degrees.
    pub lon: f64,
    /// Above sea level.
    pub altitude_m: f64,
    /// How far the road is from the point that was asked for.
    pub snapped_m: f64,
}

/// The truck of a way, with its load and crew.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, Serialize)]
pub struct ItineraryTruck {
    /// The id of its model.
    pub model: String,
    /// For people.
    pub name: String,
    /// What it carries, t.
    pub load_t: f64,
    /// With that, t.
    pub gross_t: f64,
    /// On board.
    pub drivers: u32,
    /// As toll plazas count them.
    pub axles: u8,
}

/// What a customer is promised from door to door, h.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Promise {
    /// Of an ordinary load.
    pub standard: f64,
    /// Of a perishable load or a parcel.
    pub express: f64,
}

/// A part of a way on one road.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, Serialize)]
pub struct ItineraryLeg {
    /// Its number, else its name, else empty; `ferry` for a crossing by boat.
    pub road: String,
    /// The class of most of it, e.g. `trunk`.
    pub class: &'static str,
    /// A crossing by boat.
    pub ferry: bool,
    /// Where it begins.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// How long it is.
    pub distance_km: f64,
    /// Its end, from the start of the way.
    pub end_km: f64,
    /// Under way.
    pub minutes: f64,
    /// All ways up.
    pub climb_m: f64,
    /// All ways down.
    pub descent_m: f64,
    /// Diesel burned.
    pub fuel_l: f64,
    /// Towns that are passed between its ends.
    pub towns: Vec<String>,
    /// When it ends, if there is a departure.
    #[serde(serialize_with = "ist")]
    pub arrives: Option<Time>,
    /// The same in seconds from the departure, which there need not be. Not in the JSON.
    #[serde(skip)]
    pub arrives_s: f64,
    #[serde(skip)]
    pub(super) start_m: f64,
    #[serde(skip)]
    pub(super) end_m: f64,
}

/// What the driver does, and the road that follows.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, Serialize)]
pub struct ItineraryTurn {
    /// depart, straight, `slight_left`, left, `sharp_left`, and so to the right, back, board, land,
    /// arrive.
    pub turn: &'static str,
    /// The road that follows.
    pub road: String,
    /// The town there, if it has a name.
    pub place: Option<String>,
    /// From the start of the way.
    pub at_km: f64,
    /// To the next turn.
    pub distance_km: f64,
}

/// Where a truck stands, and why.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, Serialize)]
pub struct ItineraryStop {
    /// fuel, break, rest, toll, barred (a town that bars trucks at this hour) or closed (a ferry or
    /// a road out of its hours).
    pub kind: &'static str,
    /// Where that is, for somebody on the road.
    pub place: String,
    /// From the start of the way.
    pub at_km: f64,
    /// How long it stands.
    pub minutes: f64,
    /// When it comes there, if there is a departure.
    #[serde(serialize_with = "ist")]
    pub arrives: Option<Time>,
    /// Diesel bought.
    pub litres: Option<f64>,
    /// Its price, ₹ a litre.
    pub inr_per_l: Option<f64>,
    /// What is paid, ₹.
    pub inr: Option<f64>,
    /// When it comes there in seconds from the departure, which there need not be. Not in the JSON.
    #[serde(skip)]
    pub arrives_s: f64,
    #[serde(skip)]
    pub(super) at_m: f64,
}

/// A road that closes in the season of the passage.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, Serialize)]
pub struct ClosureRisk {
    /// Where, for people.
    pub zone: String,
    /// From the start of the way.
    pub at_km: f64,
    /// The chance of a closure a day, 0 to 1.
    pub closed_per_day: f64,
    /// The shortest and the longest of such closures, h.
    pub hours: (f64, f64),
}

/// Another way, in short.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, Serialize)]
pub struct OtherWay {
    /// Its roads in their order.
    pub roads: Vec<String>,
    /// By road, ferries included.
    pub distance_km: f64,
    /// Departure to arrival; in free flow the driving alone.
    pub duration_h: f64,
    /// All ways up.
    pub climb_m: f64,
    /// Diesel burned.
    pub fuel_l: f64,
    /// Diesel and tolls, ₹.
    pub cost_inr: Option<f64>,
    /// Fees for this truck's axles, ₹.
    pub tolls_inr: f64,
}

fn ist<S: Serializer>(time: &Option<Time>, to: S) -> Result<S::Ok, S::Error> {
    time.map(Time::to_ist_string).serialize(to)
}
