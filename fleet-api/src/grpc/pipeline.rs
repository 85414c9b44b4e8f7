//! The pipeline's groups and its dead letters.

use fleet_proto::v1;
use tonic::{Request, Response, Status, async_trait};

use super::{Face, caller, convert};

#[async_trait]
impl v1::pipeline_service_server::PipelineService for Face {
    async fn list_groups(
        &self,
        _: Request<v1::ListGroupsRequest>,
    ) -> Result<Response<v1::ListGroupsResponse>, Status> {
        let work = async {
            let groups = self.0.groups().await?;
            Ok(v1::ListGroupsResponse { groups: convert::all(groups) })
        };
        self.answer("PipelineService/ListGroups", work).await
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        let request = request.into_inner();
        let work = async {
            let v1::ListDeadLettersRequest { page_size, page_token, topic, reason, .. } = request;
            let (from_ms, to_ms) = (request.from_ms, request.to_ms);
            let filter = v1::DeadLetterFilter { topic, reason, from_ms, to_ms }.try_into()?;
            let size = convert::size(page_size);
            Ok(self.0.dead_letters(&filter, size, Some(&page_token)).await?.into())
        };
        self.answer("PipelineService/ListDeadLetters", work).await
    }

    async fn count_dead_letters(
        &self,
        request: Request<v1::CountDeadLettersRequest>,
    ) -> Result<Response<v1::CountDeadLettersResponse>, Status> {
        let v1::CountDeadLettersRequest { filter } = request.into_inner();
        let work = async {
            let filter = filter.unwrap_or_default().try_into()?;
            Ok(self.0.count_dead_letters(&filter).await?.into())
        };
        self.answer("PipelineService/CountDeadLetters", work).await
    }

    async fn get_dead_letter(
        &self,
        request: Request<v1::GetDeadLetterRequest>,
    ) -> Result<Response<v1::DeadLetter>, Status> {
        let v1::GetDeadLetterRequest { id } = request.into_inner();
        let work = async { Ok(self.0.dead_letter(&id).await?.into()) };
        self.answer("PipelineService/GetDeadLetter", work).await
    }

    async fn redrive_dead_letters(
        &self,
        request: Request<v1::RedriveDeadLettersRequest>,
    ) -> Result<Response<v1::RedriveDeadLettersResponse>, Status> {
        let caller = caller(&request);
        let request = request.into_inner();
        let work = async {
            let page = self.0.redrive_as(caller, request.try_into()?).await?;
            let (results, next_page_token) = (convert::all(page.items), page.next_page_token);
            Ok(v1::RedriveDeadLettersResponse { results, next_page_token })
        };
        self.answer("PipelineService/RedriveDeadLetters", work).await
    }
}
