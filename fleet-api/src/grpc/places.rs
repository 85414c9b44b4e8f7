//! Depots, stations and zones; geofences, and what trucks did at them.

use fleet_proto::v1;
use tonic::{Request, Response, Status, async_trait};

use super::{Face, caller, convert};
use crate::{
    geofences::{FenceEventTold, FenceEvents, FenceEventsQuestion, Geofence, GeofencesQuestion},
    places::{DepotPlace, Line, Station, ZonePlace},
};

#[async_trait]
impl v1::place_service_server::PlaceService for Face {
    async fn list_depots(
        &self,
        _: Request<v1::ListDepotsRequest>,
    ) -> Result<Response<v1::ListDepotsResponse>, Status> {
        let depots = self.0.depots();
        let work = async { Ok(v1::ListDepotsResponse { depots: convert::all(depots) }) };
        self.answer("PlaceService/ListDepots", work).await
    }

    async fn list_stations(
        &self,
        _: Request<v1::ListStationsRequest>,
    ) -> Result<Response<v1::ListStationsResponse>, Status> {
        let stations = self.0.stations();
        let work = async { Ok(v1::ListStationsResponse { stations: convert::all(stations) }) };
        self.answer("PlaceService/ListStations", work).await
    }

    async fn list_zones(
        &self,
        _: Request<v1::ListZonesRequest>,
    ) -> Result<Response<v1::ListZonesResponse>, Status> {
        let zones = self.0.zones();
        let work = async { Ok(v1::ListZonesResponse { zones: convert::all(zones) }) };
        self.answer("PlaceService/ListZones", work).await
    }

    async fn list_geofences(
        &self,
        request: Request<v1::ListGeofencesRequest>,
    ) -> Result<Response<v1::ListGeofencesResponse>, Status> {
        let v1::ListGeofencesRequest { page_size, page_token } = request.into_inner();
        let page_size = convert::size(page_size);
        let question = GeofencesQuestion { format: None, page_size, page_token: Some(page_token) };
        let work = async {
            let page = self.0.geofences(&question).await?;
            let (geofences, next_page_token) = (convert::all(page.items), page.next_page_token);
            Ok(v1::ListGeofencesResponse { geofences, next_page_token })
        };
        self.answer("PlaceService/ListGeofences", work).await
    }

    async fn get_geofence(
        &self,
        request: Request<v1::GetGeofenceRequest>,
    ) -> Result<Response<v1::Geofence>, Status> {
        let v1::GetGeofenceRequest { fence_id } = request.into_inner();
        let work = async { Ok(self.0.geofence(&fence_id.parse()?).await?.into()) };
        self.answer("PlaceService/GetGeofence", work).await
    }

    async fn import_geofences(
        &self,
        request: Request<v1::ImportGeofencesRequest>,
    ) -> Result<Response<v1::ImportGeofencesResponse>, Status> {
        let caller = caller(&request);
        let v1::ImportGeofencesRequest { geojson } = request.into_inner();
        let work = async {
            let kept = self.0.import_geofences(&caller, &geojson).await?;
            Ok(v1::ImportGeofencesResponse { geofences: convert::all(kept) })
        };
        self.answer("PlaceService/ImportGeofences", work).await
    }

    async fn put_geofence(
        &self,
        request: Request<v1::PutGeofenceRequest>,
    ) -> Result<Response<v1::Geofence>, Status> {
        let caller = caller(&request);
        let v1::PutGeofenceRequest { fence_id, geojson } = request.into_inner();
        let work =
            async { Ok(self.0.put_geofence(&caller, &fence_id.parse()?, &geojson).await?.into()) };
        self.answer("PlaceService/PutGeofence", work).await
    }

    async fn delete_geofence(
        &self,
        request: Request<v1::DeleteGeofenceRequest>,
    ) -> Result<Response<v1::Geofence>, Status> {
        let caller = caller(&request);
        let v1::DeleteGeofenceRequest { fence_id } = request.into_inner();
        let work = async { Ok(self.0.delete_geofence(&caller, &fence_id.parse()?).await?.into()) };
        self.answer("PlaceService/DeleteGeofence", work).await
    }

    async fn list_geofence_events(
        &self,
        request: Request<v1::ListGeofenceEventsRequest>,
    ) -> Result<Response<v1::ListGeofenceEventsResponse>, Status> {
        let request = request.into_inner();
        let work = async {
            let question = FenceEventsQuestion {
                truck_id: convert::parsed(&request.truck_id)?,
                fence_id: convert::parsed(&request.fence_id)?,
                from: convert::time("from_ms", request.from_ms)?,
                to: convert::time("to_ms", request.to_ms)?,
            };
            Ok(self.0.fence_events(&question).await?.into())
        };
        self.answer("PlaceService/ListGeofenceEvents", work).await
    }
}

impl From<DepotPlace> for v1::Depot {
    fn from(depot: DepotPlace) -> Self {
        Self {
            depot_id: depot.depot_id,
            name: depot.name,
            position: Some(depot.position.into()),
            loading_bays: depot.loading_bays.into(),
            loading_min_per_t: depot.loading_min_per_t,
            hours_ist: depot.hours_ist,
        }
    }
}

impl From<Station> for v1::Station {
    fn from(station: Station) -> Self {
        Self {
            station_id: station.station_id,
            position: Some(station.position.into()),
            state: station.state,
            diesel_inr_per_l: station.diesel_inr_per_l,
            pumps: station.pumps.into(),
            flow_l_per_min: station.flow_l_per_min,
            hours_ist: station.hours_ist,
        }
    }
}

impl From<ZonePlace> for v1::Zone {
    fn from(zone: ZonePlace) -> Self {
        let line = |line: Line| v1::Line { points: convert::all(line.points) };
        Self {
            zone_id: zone.zone_id,
            name: zone.name,
            kind: zone.kind.to_owned(),
            severity: zone.severity,
            shape: zone.shape.to_owned(),
            centre: zone.centre.map(Into::into),
            radius_m: zone.radius_m,
            lines: zone.lines.into_iter().map(line).collect(),
        }
    }
}

impl From<Geofence> for v1::Geofence {
    fn from(fence: Geofence) -> Self {
        Self {
            fence_id: fence.fence_id.to_string(),
            name: fence.name,
            kind: fence.kind.unwrap_or_default(),
            updated_at_ms: fence.updated_at.as_ms(),
            updated_by: fence.updated_by,
            geojson: fence.feature.to_string(),
        }
    }
}

impl From<FenceEvents> for v1::ListGeofenceEventsResponse {
    fn from(found: FenceEvents) -> Self {
        Self {
            events: convert::all(found.events),
            read_from_ms: found.read_from.as_ms(),
            reports: found.reports as u64,
            trucks: found.trucks as u64,
            fences: found.fences as u64,
        }
    }
}

impl From<FenceEventTold> for v1::GeofenceEvent {
    fn from(event: FenceEventTold) -> Self {
        Self {
            event_id: event.event_id,
            truck_id: event.truck_id.to_string(),
            fence_id: event.fence_id.to_string(),
            kind: event.kind.to_owned(),
            at_ms: event.at.as_ms(),
            position: Some(event.position.into()),
            entered_at_ms: event.entered_at.as_ms(),
            evidence: event.evidence.to_owned(),
            after_report_at_ms: event.after_report_at.as_ms(),
            before_report_at_ms: event.before_report_at.as_ms(),
            confirmed_at_ms: event.confirmed_at.as_ms(),
            rule_version: event.rule.version,
            hysteresis_m: event.rule.hysteresis_m,
            confirm_fixes: event.rule.confirm_fixes.into(),
            dwell_s: event.rule.dwell_s,
        }
    }
}
