//! Telemetry that is sent in, by the batch or by a stream of batches.

use std::sync::Arc;

use fleet_core::{Error, domain::TelemetryEvent};
use fleet_proto::v1;
use futures::stream::{self, BoxStream, StreamExt};
use tonic::{Status, Streaming};

use crate::{
    Service,
    guard::Payer,
    ingest::{Batch, Form, Receipt, Report, derived_status, identified},
    problem::Problem,
};

/// A sender need neither count nor know a status; the contract's own conversion wants both.
pub(crate) fn of_message(mut message: v1::TelemetryEvent) -> Report {
    let is_nameless = message.seq == 0 && message.source_id.is_empty();
    if is_nameless {
        message.source_id = "-".to_owned();
    }
    let has_status = message.status != i32::from(v1::Status::Unspecified);
    if !has_status {
        message.status = v1::Status::Idle.into();
    }
    let mut event = TelemetryEvent::try_from(message)?;
    if is_nameless {
        event.source_id = None;
    }
    if !has_status {
        event.status = derived_status(&event.signals);
    }
    identified(event)
}

/// Takes one batch in, of which so many events are paid.
pub(super) async fn one(
    service: &Service,
    payer: &Payer,
    request: v1::IngestTelemetryRequest,
    prepaid: u32,
) -> Result<v1::IngestTelemetryResponse, Problem> {
    let reports = request.events.into_iter().map(of_message).collect();
    let batch = Batch { prepaid, ..Batch::new(Form::Grpc, reports) };
    let receipts = service.ingest(payer, batch).await?;
    Ok(v1::IngestTelemetryResponse { results: super::convert::all(receipts) })
}

/// Answers batch after batch, each once it is durable. The first that is refused as a whole ends the
/// stream, with what came before it answered; so does the sender's end, and that of the API.
pub(super) fn all(
    service: &Arc<Service>,
    payer: Payer,
    requests: Streaming<v1::IngestTelemetryRequest>,
) -> Result<BoxStream<'static, Result<v1::IngestTelemetryResponse, Status>>, Problem> {
    let slot = service.ingest.open_stream()?;
    let closed = Box::pin(service.closing.closed());
    let state = Some((Arc::clone(service), payer, requests, closed, slot));
    let answers = stream::unfold(state, |state| async move {
        let (service, payer, mut requests, mut closed, slot) = state?;
        // What was taken from the sender is answered, closing or not.
        let request = tokio::select! {
            () = &mut closed => {
                let bye = Error::unavailable("the server stops");
                return Some((Err(Problem::from(bye).into()), None));
            }
            request = requests.message() => request,
        };
        let answer = match request {
            Ok(None) => return None,
            Err(status) => Err(status),
            Ok(Some(request)) => next(&service, &payer, request).await.map_err(Status::from),
        };
        let state = answer.is_ok().then_some((service, payer, requests, closed, slot));
        Some((answer, state))
    });
    Ok(answers.boxed())
}

async fn next(
    service: &Service,
    payer: &Payer,
    request: v1::IngestTelemetryRequest,
) -> Result<v1::IngestTelemetryResponse, Problem> {
    service.still_counts(&payer.caller).await?;
    one(service, payer, request, 0).await
}

impl From<Receipt> for v1::IngestResult {
    fn from(receipt: Receipt) -> Self {
        Self {
            outcome: receipt.outcome.as_str().to_owned(),
            event_id: receipt.event_id.unwrap_or_default(),
            detail: receipt.detail,
        }
    }
}
