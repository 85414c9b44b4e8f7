//! Between messages and what use cases take and give. An empty text, a 0 page size and an
//! unspecified enum are how proto3 says "not given".

use std::str::FromStr;

use fleet_core::{
    Error, Result,
    domain::{Status, TelemetryEvent, TripStatus, TripSummary, TruckId},
    geo::{BoundingBox, Position},
    time::Time,
};
use fleet_proto::v1;

use crate::{
    live::Placed,
    messages::{
        Downsample, Entry, FleetSummary, Gap, Group, GroupPartition, History, HistoryQuestion,
        LettersFilter, Order, Page, RedriveQuestion, RedriveResult, Replay, ReplayPoint,
        ReplaySegment, Series, SeriesQuestion, TripsQuestion, Truck, TruckOrder, TruckPosition,
        TrucksQuestion,
    },
    service::KeptLetter,
};

/// Each of a list.
pub(super) fn all<T, M: From<T>>(items: Vec<T>) -> Vec<M> {
    items.into_iter().map(M::from).collect()
}

/// What a text names, if it is given.
pub(super) fn parsed<T: FromStr<Err = Error>>(text: &str) -> Result<Option<T>> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// A page size, if it is given.
pub(super) fn size(page_size: u32) -> Option<u32> {
    (page_size > 0).then_some(page_size)
}

/// A status, if it is given.
pub(super) fn status(number: i32) -> Result<Option<Status>> {
    match v1::Status::try_from(number) {
        Ok(v1::Status::Unspecified) => Ok(None),
        Ok(status) => status.try_into().map(Some),
        Err(_) => Err(Error::invalid(format!("status: {number} is not a status"))),
    }
}

fn trip_status(number: i32) -> Result<Option<TripStatus>> {
    match v1::TripStatus::try_from(number) {
        Ok(v1::TripStatus::Unspecified) => Ok(None),
        Ok(status) => status.try_into().map(Some),
        Err(_) => Err(Error::invalid(format!("status: {number} is not a status of a trip"))),
    }
}

fn truck_order(number: i32) -> Result<Option<TruckOrder>> {
    use v1::TruckOrder as Asked;
    Ok(match Asked::try_from(number) {
        Ok(Asked::Unspecified) => None,
        Ok(Asked::TruckId) => Some(TruckOrder::TruckId),
        Ok(Asked::NewestFirst) => Some(TruckOrder::NewestFirst),
        Ok(Asked::StalestFirst) => Some(TruckOrder::StalestFirst),
        Ok(Asked::FastestFirst) => Some(TruckOrder::FastestFirst),
        Ok(Asked::SlowestFirst) => Some(TruckOrder::SlowestFirst),
        Ok(Asked::LeastFuelFirst) => Some(TruckOrder::LeastFuelFirst),
        Ok(Asked::MostFuelFirst) => Some(TruckOrder::MostFuelFirst),
        Ok(Asked::NearestFirst) => Some(TruckOrder::NearestFirst),
        Err(_) => return Err(Error::invalid(format!("order: {number} is not an order"))),
    })
}

/// The same error, of this field.
fn of<T>(field: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| Error::new(error.kind(), format!("{field}: {error}")))
}

/// What each text names.
fn words<T: FromStr<Err = Error>>(texts: &[String]) -> Result<Vec<T>> {
    texts.iter().map(|text| text.parse()).collect()
}

pub(super) fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

impl TryFrom<v1::ListTrucksRequest> for TrucksQuestion {
    type Error = Error;
    fn try_from(request: v1::ListTrucksRequest) -> Result<Self> {
        let bbox = request.bbox.map(|b| {
            of("bbox", BoundingBox::new(b.west_deg, b.south_deg, b.east_deg, b.north_deg))
        });
        let near = request.near.as_ref().map(|near| {
            let centre = near.centre.ok_or_else(|| Error::invalid("near: expected a centre"))?;
            of("near", Position::new(centre.latitude_deg, centre.longitude_deg))
        });
        Ok(Self {
            status: status(request.status)?,
            depot: given(request.depot),
            model: given(request.model),
            bbox: bbox.transpose()?,
            near: near.transpose()?,
            radius_m: request.near.map(|near| near.radius_m),
            order: truck_order(request.order)?,
            fields: words(&request.fields)?,
            signals: words(&request.signals)?,
            page_size: size(request.page_size),
            page_token: Some(request.page_token),
        })
    }
}

pub(super) fn time(field: &str, ms: Option<i64>) -> Result<Option<Time>> {
    ms.map(|ms| Time::from_ms(ms).check(field)).transpose()
}

/// What is asked of whose history.
pub(super) fn history(request: v1::ListTelemetryRequest) -> Result<(TruckId, HistoryQuestion)> {
    let question = HistoryQuestion {
        from: time("from_ms", request.from_ms)?,
        to: time("to_ms", request.to_ms)?,
        order: request.newest_first.then_some(Order::NewestFirst),
        signals: words(&request.signals)?,
        format: None,
        page_size: size(request.page_size),
        page_token: Some(request.page_token),
    };
    Ok((request.truck_id.parse()?, question))
}

/// Which signals are asked for, of whom.
pub(super) fn series(request: &v1::GetSeriesRequest) -> Result<(TruckId, SeriesQuestion)> {
    let downsample = match v1::Downsample::try_from(request.downsample) {
        Ok(v1::Downsample::Unspecified) => None,
        Ok(v1::Downsample::MinMax) => Some(Downsample::MinMax),
        Ok(v1::Downsample::Lttb) => Some(Downsample::Lttb),
        Ok(v1::Downsample::None) => Some(Downsample::None),
        Err(_) => {
            let number = request.downsample;
            return Err(Error::invalid(format!("downsample: {number} is not a way to do it")));
        }
    };
    let question = SeriesQuestion {
        from: time("from_ms", request.from_ms)?,
        to: time("to_ms", request.to_ms)?,
        signals: words(&request.signals)?,
        max_points: size(request.max_points),
        downsample,
    };
    Ok((request.truck_id.parse()?, question))
}

impl From<History> for v1::GetSeriesResponse {
    fn from(history: History) -> Self {
        let downsample = match history.downsample {
            Downsample::MinMax => v1::Downsample::MinMax,
            Downsample::Lttb => v1::Downsample::Lttb,
            Downsample::None => v1::Downsample::None,
        };
        let gap = |gap: &Gap| v1::Gap { from_ms: gap.from.as_ms(), to_ms: gap.to.as_ms() };
        let series = |series: &Series| v1::Series {
            signal: series.signal.to_string(),
            readings: series.readings as u64,
            at_ms: series.points.iter().map(|point| point.at.as_ms()).collect(),
            values: series.points.iter().map(|point| point.value).collect(),
        };
        Self {
            truck_id: history.truck_id.to_string(),
            reports: history.reports as u64,
            interval_ms: history.interval_ms,
            gaps: history.gaps.iter().map(gap).collect(),
            downsample: downsample.into(),
            series: history.series.iter().map(series).collect(),
        }
    }
}

impl From<Replay> for v1::TripReplay {
    fn from(replay: Replay) -> Self {
        let point = |point: ReplayPoint| v1::ReplayPoint {
            event_time_ms: point.event_time.as_ms(),
            position: Some(point.position.into()),
            status: v1::Status::from(point.status).into(),
            altitude_m: point.altitude_m,
            heading_deg: point.heading_deg,
            speed_kmh: point.speed_kmh,
            fuel_l: point.fuel_l,
        };
        let segment = |segment: ReplaySegment| v1::ReplaySegment {
            points: segment.points.into_iter().map(point).collect(),
        };
        Self {
            trip: Some((&replay.trip).into()),
            reports: replay.reports as u64,
            is_truncated: replay.is_truncated,
            interval_ms: replay.interval_ms,
            segments: replay.segments.into_iter().map(segment).collect(),
        }
    }
}

impl TryFrom<v1::ListTripsRequest> for TripsQuestion {
    type Error = Error;
    fn try_from(request: v1::ListTripsRequest) -> Result<Self> {
        Ok(Self {
            truck_id: parsed(&request.truck_id)?,
            status: trip_status(request.status)?,
            on_time: request.on_time,
            place: given(request.place),
            format: None,
            from: time("from_ms", request.from_ms)?,
            to: time("to_ms", request.to_ms)?,
            page_size: size(request.page_size),
            page_token: Some(request.page_token),
        })
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl From<FleetSummary> for v1::FleetSummary {
    fn from(summary: FleetSummary) -> Self {
        let by_status = summary.trucks_by_status.into_iter();
        Self {
            trucks: count(summary.trucks),
            trucks_by_status: by_status
                .map(|(status, trucks)| (status.as_str().to_owned(), count(trucks)))
                .collect(),
            trucks_silent: count(summary.trucks_silent),
            distance_mm: summary.distance_mm,
            fuel_burned_ul: summary.fuel_burned_ul,
            diesel_cost_upaise: summary.diesel_cost_upaise,
            co2_mg: summary.co2_mg,
            events: summary.events,
            trips: summary.trips,
            trips_on_time: summary.trips_on_time,
            counters_at_ms: summary.counters_at.map(Time::as_ms),
            newest_event_at_ms: summary.newest_event_at.map(Time::as_ms),
        }
    }
}

impl From<Truck> for v1::Truck {
    fn from(truck: Truck) -> Self {
        Self {
            truck_id: truck.truck_id.to_string(),
            registered: truck.registered.as_ref().map(Into::into),
            latest: truck.latest.as_ref().map(Into::into),
        }
    }
}

impl From<Page<Truck>> for v1::ListTrucksResponse {
    fn from(page: Page<Truck>) -> Self {
        Self { trucks: all(page.items), next_page_token: page.next_page_token }
    }
}

impl From<&TruckPosition> for v1::TruckPosition {
    fn from(truck: &TruckPosition) -> Self {
        Self {
            truck_id: truck.truck_id.to_string(),
            event_time_ms: truck.event_time.as_ms(),
            position: Some(truck.position.into()),
            heading_deg: truck.heading_deg,
            speed_kmh: truck.speed_kmh,
            status: v1::Status::from(truck.status).into(),
        }
    }
}

impl From<Page<TelemetryEvent>> for v1::ListTelemetryResponse {
    fn from(page: Page<TelemetryEvent>) -> Self {
        let events = page.items.iter().map(Into::into).collect();
        Self { events, next_page_token: page.next_page_token }
    }
}

impl From<Placed> for v1::FeedEntry {
    fn from(placed: Placed) -> Self {
        use v1::feed_entry::Item;
        let item = match &placed.entry {
            Entry::Telemetry { event } => Item::Telemetry((&**event).into()),
            Entry::Trip { trip } => Item::Trip((&**trip).into()),
        };
        Self { cursor: placed.cursor, item: Some(item) }
    }
}

impl From<Page<TripSummary>> for v1::ListTripsResponse {
    fn from(page: Page<TripSummary>) -> Self {
        let trips = page.items.iter().map(Into::into).collect();
        Self { trips, next_page_token: page.next_page_token }
    }
}

impl From<Group> for v1::ConsumerGroup {
    fn from(group: Group) -> Self {
        Self {
            group: group.group,
            partitions: all(group.partitions),
            lag_records: group.lag_records,
            lag_seconds: Some(group.lag_seconds),
            verdict: group.verdict.to_owned(),
            since_ms: group.since.map(Time::as_ms),
            members: group.members,
            rebalancing: group.rebalancing,
            lag_trend: group.lag_trend,
            catch_up_seconds: group.catch_up_seconds,
            loss_in_seconds: group.loss_in_seconds,
        }
    }
}

impl From<GroupPartition> for v1::PartitionLag {
    fn from(lag: GroupPartition) -> Self {
        Self {
            topic: lag.topic,
            partition: lag.partition,
            committed: lag.committed,
            end: lag.end,
            lag_records: lag.lag_records,
            lag_seconds: lag.lag_seconds,
            verdict: lag.verdict.to_owned(),
        }
    }
}

impl From<Page<KeptLetter>> for v1::ListDeadLettersResponse {
    fn from(page: Page<KeptLetter>) -> Self {
        Self { dead_letters: all(page.items), next_page_token: page.next_page_token }
    }
}

impl From<KeptLetter> for v1::DeadLetter {
    fn from(KeptLetter { letter, redriven }: KeptLetter) -> Self {
        fleet_proto::letter_message(letter, redriven)
    }
}

impl TryFrom<v1::DeadLetterFilter> for LettersFilter {
    type Error = Error;
    fn try_from(filter: v1::DeadLetterFilter) -> Result<Self> {
        Ok(Self {
            topic: given(filter.topic),
            reason: given(filter.reason),
            from: time("from_ms", filter.from_ms)?,
            to: time("to_ms", filter.to_ms)?,
        })
    }
}

impl TryFrom<v1::RedriveDeadLettersRequest> for RedriveQuestion {
    type Error = Error;
    fn try_from(request: v1::RedriveDeadLettersRequest) -> Result<Self> {
        Ok(Self {
            ids: Some(request.ids).filter(|ids| !ids.is_empty()),
            filter: request.filter.map(TryInto::try_into).transpose()?,
            page_size: size(request.page_size),
            page_token: Some(request.page_token),
            dry_run: request.dry_run,
        })
    }
}

impl From<RedriveResult> for v1::RedriveResult {
    fn from(result: RedriveResult) -> Self {
        let reason = result.reason.unwrap_or_default().to_owned();
        Self { id: result.id, outcome: result.outcome.to_owned(), detail: result.detail, reason }
    }
}
