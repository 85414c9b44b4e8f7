//! Where the commands find letters: in the files of a data directory, or at whoever serves them.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, Result, anyhow, bail};
use fleet_api::keys::Keys;
use fleet_core::{
    stream::dead_letter::{self, Filter, Mode, Redriven, Redriver},
    time::{Clock as _, SystemClock, Time},
};
use fleet_proto::v1::{
    CountDeadLettersRequest, CountDeadLettersResponse, DeadLetter, DeadLetterFilter,
    GetDeadLetterRequest, ListDeadLettersRequest, ListDeadLettersResponse,
    RedriveDeadLettersRequest, RedriveDeadLettersResponse, RedriveResult,
    pipeline_service_client::PipelineServiceClient,
};
use tonic::{Request, Status, transport::Channel};

use super::At;
use crate::{
    consistency,
    data_dir::{self, Addresses, DataDir},
    platform::entropy,
};

/// Letters read at once.
const PAGE_MAX: u64 = 500;
/// What they come to, bytes.
const PAGE_BYTES: usize = 4 << 20;
/// So many are counted.
const COUNT_MAX: usize = 100_000;
/// Who puts back, in the audit.
const LOCAL: &str = "local";

/// Where letters are.
pub(super) enum Source {
    /// In files that are open for this.
    Here(Box<DataDir>),
    /// At a platform or a cluster.
    There { client: Box<PipelineServiceClient<Channel>>, key: Option<String>, name: String },
}

impl Source {
    /// For looking: beside whoever runs on the data.
    pub(super) async fn to_read(at: &At) -> Result<Self> {
        match &at.server {
            Some(url) => Self::there(url, at.key_file.as_deref()).await,
            None => Ok(Self::Here(Box::new(DataDir::open_read_only(&at.data_dir)?))),
        }
    }

    /// For putting back: through whoever runs on the data, or for this process alone if nobody does.
    pub(super) async fn to_change(at: &At, dry_run: bool) -> Result<Self> {
        if let Some(url) = &at.server {
            return Self::there(url, at.key_file.as_deref()).await;
        }
        let dir = &at.data_dir;
        match data_dir::running(dir)? {
            Some(Addresses { grpc: Some(address), key, .. }) => {
                Self::connect(&format!("http://{address}"), Some(key)).await
            }
            Some(Addresses { rest, .. }) => bail!(
                "a platform without gRPC runs on {}; stop it, or \
                 POST http://{rest}/v1/pipeline/dead-letters/redrive",
                dir.display()
            ),
            None => {
                let data =
                    if dry_run { DataDir::open_read_only(dir)? } else { DataDir::open_known(dir)? };
                let checked = consistency::check(&data).await;
                checked.with_context(|| format!("data directory {}", dir.display()))?;
                Ok(Self::Here(Box::new(data)))
            }
        }
    }

    async fn there(url: &str, key_file: Option<&Path>) -> Result<Self> {
        let key = key_file.map(|file| {
            let text = fs::read_to_string(file);
            text.with_context(|| format!("key file {}", file.display()))
        });
        Self::connect(url, key.transpose()?.map(|text| text.trim().to_owned())).await
    }

    async fn connect(url: &str, key: Option<String>) -> Result<Self> {
        let client = PipelineServiceClient::connect(url.to_owned())
            .await
            .with_context(|| format!("the platform at {url} does not answer"))?;
        let (client, name) = (Box::new(client), url.to_owned());
        Ok(Self::There { client, key, name })
    }

    /// The time by which letters are dated: with a server, this machine's.
    pub(super) fn now(&self) -> Time {
        match self {
            Self::Here(data) => data.clock.now(),
            Self::There { .. } => SystemClock::new().now(),
        }
    }

    pub(super) async fn count(
        &mut self,
        filter: &DeadLetterFilter,
    ) -> Result<CountDeadLettersResponse> {
        match self {
            Self::Here(data) => {
                let filter = checked(filter)?;
                Ok(dead_letter::count(&*data.log, &filter, COUNT_MAX).await?.into())
            }
            Self::There { client, key, name } => {
                let asked = CountDeadLettersRequest { filter: Some(filter.clone()) };
                let answer = client.count_dead_letters(call(asked, key.as_deref())?).await;
                Ok(answer.map_err(|status| refused(name, &status))?.into_inner())
            }
        }
    }

    /// At most `max` letters of a page.
    pub(super) async fn page(
        &mut self,
        filter: &DeadLetterFilter,
        max: u64,
        token: &str,
    ) -> Result<ListDeadLettersResponse> {
        let size = max.min(PAGE_MAX);
        match self {
            Self::Here(data) => {
                let (filter, after) = (checked(filter)?, (!token.is_empty()).then_some(token));
                let size = usize::try_from(size)?;
                let found = dead_letter::list(&*data.log, &filter, after, size, PAGE_BYTES).await?;
                let mut dead_letters = Vec::with_capacity(found.letters.len());
                for letter in found.letters {
                    let redriven = dead_letter::is_redriven(&*data.store, &letter.id()).await?;
                    dead_letters.push(fleet_proto::letter_message(letter, redriven));
                }
                let next_page_token = found.next.unwrap_or_default();
                Ok(ListDeadLettersResponse { dead_letters, next_page_token })
            }
            Self::There { client, key, name } => {
                let DeadLetterFilter { topic, reason, from_ms, to_ms } = filter.clone();
                let (page_size, page_token) = (u32::try_from(size)?, token.to_owned());
                let asked =
                    ListDeadLettersRequest { page_size, page_token, topic, reason, from_ms, to_ms };
                let answer = client.list_dead_letters(call(asked, key.as_deref())?).await;
                Ok(answer.map_err(|status| refused(name, &status))?.into_inner())
            }
        }
    }

    pub(super) async fn get(&mut self, id: &str) -> Result<DeadLetter> {
        match self {
            Self::Here(data) => {
                let letter = dead_letter::get(&*data.log, id).await?;
                let redriven = dead_letter::is_redriven(&*data.store, id).await?;
                Ok(fleet_proto::letter_message(letter, redriven))
            }
            Self::There { client, key, name } => {
                let asked = GetDeadLetterRequest { id: id.to_owned() };
                let answer = client.get_dead_letter(call(asked, key.as_deref())?).await;
                Ok(answer.map_err(|status| refused(name, &status))?.into_inner())
            }
        }
    }

    pub(super) async fn redrive_named(
        &mut self,
        ids: &[String],
        dry_run: bool,
    ) -> Result<Vec<RedriveResult>> {
        if let Self::There { .. } = self {
            let asked =
                RedriveDeadLettersRequest { ids: ids.to_vec(), dry_run, ..Default::default() };
            return Ok(self.ask_to_redrive(asked).await?.results);
        }
        let Self::Here(data) = self else { return Ok(Vec::new()) };
        let answers = redriver(data).redrive_named(ids, mode(dry_run)).await?;
        let results: Vec<_> = ids.iter().cloned().zip(answers).map(told).collect();
        tell_audit(data, &results).await?;
        Ok(results)
    }

    pub(super) async fn redrive_found(
        &mut self,
        filter: &DeadLetterFilter,
        page_size: u32,
        token: &str,
        dry_run: bool,
    ) -> Result<RedriveDeadLettersResponse> {
        if let Self::There { .. } = self {
            return self
                .ask_to_redrive(RedriveDeadLettersRequest {
                    ids: Vec::new(),
                    dry_run,
                    filter: Some(filter.clone()),
                    page_size,
                    page_token: token.to_owned(),
                })
                .await;
        }
        let Self::Here(data) = self else { return Ok(RedriveDeadLettersResponse::default()) };
        let (filter, after) = (checked(filter)?, (!token.is_empty()).then_some(token));
        let size = usize::try_from(page_size)?;
        let found = dead_letter::list(&*data.log, &filter, after, size, PAGE_BYTES).await?;
        let answers = redriver(data).redrive(&found.letters, mode(dry_run)).await?;
        let ids = found.letters.iter().map(dead_letter::DeadLetter::id);
        let results: Vec<_> = ids.zip(answers).map(told).collect();
        tell_audit(data, &results).await?;
        let next_page_token = found.next.unwrap_or_default();
        Ok(RedriveDeadLettersResponse { results, next_page_token })
    }

    async fn ask_to_redrive(
        &mut self,
        asked: RedriveDeadLettersRequest,
    ) -> Result<RedriveDeadLettersResponse> {
        let Self::There { client, key, name } = self else { bail!("nobody to ask") };
        let answer = client.redrive_dead_letters(call(asked, key.as_deref())?).await;
        Ok(answer.map_err(|status| refused(name, &status))?.into_inner())
    }
}

/// Puts letters back without a platform.
fn redriver(data: &DataDir) -> Redriver<'_> {
    Redriver { log: &*data.log, store: &*data.store, read: &fleet_proto::reread }
}

const fn mode(dry_run: bool) -> Mode {
    if dry_run { Mode::DryRun } else { Mode::PutBack }
}

fn told((id, answer): (String, Redriven)) -> RedriveResult {
    let reason = answer.reason().map(|reason| reason.to_string()).unwrap_or_default();
    let (outcome, detail) = (answer.as_str().to_owned(), answer.detail().to_owned());
    RedriveResult { id, outcome, detail, reason }
}

async fn tell_audit(data: &DataDir, results: &[RedriveResult]) -> Result<()> {
    let redriven = results.iter().filter(|result| result.outcome == "redriven").count();
    if redriven == 0 {
        return Ok(());
    }
    let keys = Keys::new(Arc::clone(&data.store) as _, Arc::clone(&data.clock), entropy);
    let target = format!("{redriven} dead letters");
    Ok(keys.tell(LOCAL, "dead_letters.redrive", &target, "done").await?)
}

fn checked(
    DeadLetterFilter { topic, reason, from_ms, to_ms }: &DeadLetterFilter,
) -> Result<Filter> {
    let topic = Some(topic.as_str()).filter(|topic| !topic.is_empty());
    let reason = Some(reason.as_str()).filter(|reason| !reason.is_empty());
    Ok(Filter::of(topic, reason, from_ms.map(Time::from_ms), to_ms.map(Time::from_ms))?)
}

fn call<T>(message: T, key: Option<&str>) -> Result<Request<T>> {
    let mut request = Request::new(message);
    if let Some(key) = key {
        request.metadata_mut().insert("authorization", format!("Bearer {key}").parse()?);
    }
    Ok(request)
}

fn refused(name: &str, status: &Status) -> anyhow::Error {
    anyhow!("the platform at {name}: {}", status.message())
}
