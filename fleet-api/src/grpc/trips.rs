//! Trips.

use fleet_proto::v1;
use tonic::{Request, Response, Status, async_trait};

use super::{Face, convert};

#[async_trait]
impl v1::trip_service_server::TripService for Face {
    async fn list_trips(
        &self,
        request: Request<v1::ListTripsRequest>,
    ) -> Result<Response<v1::ListTripsResponse>, Status> {
        let request = request.into_inner();
        let work = async { Ok(self.0.trips(request.try_into()?).await?.into()) };
        self.answer("TripService/ListTrips", work).await
    }

    async fn get_trip(
        &self,
        request: Request<v1::GetTripRequest>,
    ) -> Result<Response<v1::TripSummary>, Status> {
        let v1::GetTripRequest { trip_id } = request.into_inner();
        let work = async { Ok((&self.0.trip(&trip_id.parse()?).await?).into()) };
        self.answer("TripService/GetTrip", work).await
    }

    async fn get_trip_replay(
        &self,
        request: Request<v1::GetTripReplayRequest>,
    ) -> Result<Response<v1::TripReplay>, Status> {
        let v1::GetTripReplayRequest { trip_id, max_points } = request.into_inner();
        let work = async {
            let most = convert::size(max_points);
            Ok(self.0.replay(&trip_id.parse()?, most).await?.into())
        };
        self.answer("TripService/GetTripReplay", work).await
    }
}
