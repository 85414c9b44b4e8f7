//! Trucks.

use fleet_proto::v1;
use tonic::{Request, Response, Status, async_trait};

use super::{Face, convert};

#[async_trait]
impl v1::fleet_service_server::FleetService for Face {
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
        let v1::ListTrucksRequest { page_size, page_token, status } = request.into_inner();
        let work = async {
            let status = convert::status(status)?;
            let size = convert::size(page_size);
            Ok(self.0.trucks(status, size, Some(&page_token)).await?.into())
        };
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
        _: Request<v1::ListPositionsRequest>,
    ) -> Result<Response<v1::ListPositionsResponse>, Status> {
        let work = async {
            let positions = self.0.positions().await?;
            Ok(v1::ListPositionsResponse { positions: convert::all(positions) })
        };
        self.answer("FleetService/ListPositions", work).await
    }
}
