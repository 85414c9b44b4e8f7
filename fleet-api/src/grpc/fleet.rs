//! Trucks.

use fleet_proto::v1;
use futures::stream::{self, BoxStream, StreamExt};
use tonic::{Request, Response, Status, async_trait};

use super::{Face, convert};
use crate::{
    live::{self, Filter, Subscription},
    problem::Problem,
};

#[async_trait]
impl v1::fleet_service_server::FleetService for Face {
    type WatchPositionsStream = BoxStream<'static, Result<v1::WatchPositionsResponse, Status>>;

    async fn get_fleet_summary(
        &self,
        _: Request<v1::GetFleetSummaryRequest>,
    ) -> Result<Response<v1::FleetSummary>, Status> {
        let work = async { Ok(self.0.summary().await?.into()) };
        self.answer("FleetService/GetFleetSummary", work).await
    }

    async fn list_trucks(
        &self,
        request: Request<v1::ListTrucksRequest>,
    ) -> Result<Response<v1::ListTrucksResponse>, Status> {
        let request = request.into_inner();
        let work = async { Ok(self.0.trucks(&request.try_into()?).await?.into()) };
        self.answer("FleetService/ListTrucks", work).await
    }

    async fn get_truck(
        &self,
        request: Request<v1::GetTruckRequest>,
    ) -> Result<Response<v1::Truck>, Status> {
        let v1::GetTruckRequest { truck_id } = request.into_inner();
        let work = async { Ok(self.0.truck(&truck_id.parse()?).await?.into()) };
        self.answer("FleetService/GetTruck", work).await
    }

    async fn list_positions(
        &self,
        request: Request<v1::ListPositionsRequest>,
    ) -> Result<Response<v1::ListPositionsResponse>, Status> {
        let v1::ListPositionsRequest { revision } = request.into_inner();
        let work = async {
            let snapshot = self.0.snapshot().await?;
            let is_unchanged = snapshot.revision == revision;
            let shown = snapshot.positions.items.iter().filter(|_| !is_unchanged);
            let positions = shown.map(Into::into).collect();
            let revision = snapshot.revision.clone();
            Ok(v1::ListPositionsResponse { positions, revision, is_unchanged })
        };
        self.answer("FleetService/ListPositions", work).await
    }

    async fn watch_positions(
        &self,
        request: Request<v1::WatchPositionsRequest>,
    ) -> Result<Response<Self::WatchPositionsStream>, Status> {
        let v1::WatchPositionsRequest { truck_id, depot, min_interval_ms } = request.into_inner();
        let work = async {
            let every = live::every(Some(min_interval_ms).filter(|ms| *ms > 0))?;
            let (truck_id, depot) = (convert::parsed(&truck_id)?, convert::given(depot));
            let filter = Filter { truck_id, depot, kind: None };
            let subscription = Subscription::open(&self.0)?;
            let moves = live::positions(subscription, filter, every).map(|moved| match moved {
                Ok(moved) => Ok(v1::WatchPositionsResponse {
                    positions: moved.positions.iter().map(Into::into).collect(),
                    is_snapshot: moved.is_snapshot,
                }),
                Err(error) => Err(Problem::from(error).into()),
            });
            let bye = Status::unavailable("the server stops: ask again later");
            Ok(moves.chain(stream::iter([Err(bye)])).boxed())
        };
        self.answer("FleetService/WatchPositions", work).await
    }
}
