//! Histories, and the feed in pages and as it grows.

use fleet_proto::v1;
use futures::stream::{self, BoxStream, StreamExt};
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::{Face, convert, ingest, payer};
use crate::{
    live::{self, Filter, Step, Subscription},
    problem::Problem,
};

#[async_trait]
impl v1::telemetry_service_server::TelemetryService for Face {
    type WatchFeedStream = BoxStream<'static, Result<v1::FeedEntry, Status>>;
    type StreamIngestStream = BoxStream<'static, Result<v1::IngestTelemetryResponse, Status>>;

    async fn ingest_telemetry(
        &self,
        request: Request<v1::IngestTelemetryRequest>,
    ) -> Result<Response<v1::IngestTelemetryResponse>, Status> {
        let payer = payer(&request);
        let work = async { ingest::one(&self.0, &payer?, request.into_inner(), 1).await };
        self.answer("TelemetryService/IngestTelemetry", work).await
    }

    async fn stream_ingest(
        &self,
        request: Request<Streaming<v1::IngestTelemetryRequest>>,
    ) -> Result<Response<Self::StreamIngestStream>, Status> {
        let payer = payer(&request);
        let work = async { ingest::all(&self.0, payer?, request.into_inner()) };
        self.answer("TelemetryService/StreamIngest", work).await
    }

    async fn list_telemetry(
        &self,
        request: Request<v1::ListTelemetryRequest>,
    ) -> Result<Response<v1::ListTelemetryResponse>, Status> {
        let request = request.into_inner();
        let work = async {
            let (truck_id, question) = convert::history(request)?;
            Ok(self.0.telemetry(&truck_id, &question).await?.into())
        };
        self.answer("TelemetryService/ListTelemetry", work).await
    }

    async fn get_series(
        &self,
        request: Request<v1::GetSeriesRequest>,
    ) -> Result<Response<v1::GetSeriesResponse>, Status> {
        let request = request.into_inner();
        let work = async {
            let (truck_id, question) = convert::series(&request)?;
            Ok(self.0.series(&truck_id, &question).await?.into())
        };
        self.answer("TelemetryService/GetSeries", work).await
    }

    async fn get_feed(
        &self,
        request: Request<v1::GetFeedRequest>,
    ) -> Result<Response<v1::GetFeedResponse>, Status> {
        let v1::GetFeedRequest { cursor, page_size } = request.into_inner();
        let work = async {
            let service = &self.0;
            let size = convert::size(page_size);
            let page = service.feed_page(Some(&cursor), size).await;
            let (from, page) = page.map_err(Problem::of_cursor)?;
            Ok(v1::GetFeedResponse {
                next_cursor: service.cursor(&page.next),
                has_more: page.has_more,
                entries: convert::all(live::placed(service, from, page.items)),
            })
        };
        self.answer("TelemetryService/GetFeed", work).await
    }

    async fn watch_feed(
        &self,
        request: Request<v1::WatchFeedRequest>,
    ) -> Result<Response<Self::WatchFeedStream>, Status> {
        let v1::WatchFeedRequest { cursor, truck_id, depot, kind } = request.into_inner();
        let work = async {
            let service = &self.0;
            let depot = convert::given(depot);
            let (truck_id, kind) = (convert::parsed(&truck_id)?, convert::parsed(&kind)?);
            let filter = Filter { truck_id, depot, kind };
            let subscription = Subscription::open(service)?;
            let places = service.resume(Some(&cursor)).await.map_err(Problem::of_cursor)?;
            let entries = live::entries(subscription, places, filter).filter_map(|step| async {
                match step {
                    Ok(Step::Entry(placed)) => Some(Ok(placed.into())),
                    Ok(Step::Passed(cursor)) => Some(Ok(v1::FeedEntry { cursor, item: None })),
                    Err(error) => Some(Err(Problem::of_cursor(error).into())),
                }
            });
            // The feed never ends by itself, so its end is told apart from "that was all".
            let bye = Status::unavailable("the server stops: go on later from the last cursor");
            Ok(entries.chain(stream::iter([Err(bye)])).boxed())
        };
        self.answer("TelemetryService/WatchFeed", work).await
    }
}
