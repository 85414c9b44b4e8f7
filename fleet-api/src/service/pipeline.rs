//! Dead letters.

use fleet_core::{
    Error, Result,
    stream::dead_letter::{self, Counted, DeadLetter, Filter, Mode, Reason, Redriven, Redriver},
};

use super::Service;
use crate::{
    messages::{LettersFilter, Page, RedriveQuestion, RedriveResult},
    page,
};

const REDRIVES_MAX: usize = 1_000;
/// What the letters of one page come to, bytes: an answer of gRPC holds twice that.
const LETTERS_BYTES_MAX: usize = 2 << 20;
/// So many letters are counted.
const COUNT_MAX: usize = 100_000;

/// Held while letters are put back: two at the same moment could put one back twice.
pub(super) type Redriving = tokio::sync::Mutex<()>;

/// A letter, and whether it was put back.
#[derive(Debug)]
pub(crate) struct KeptLetter {
    pub(crate) letter: DeadLetter,
    pub(crate) redriven: bool,
}

impl Service {
    pub(crate) async fn dead_letters(
        &self,
        asked: &LettersFilter,
        page_size: Option<u32>,
        page_token: Option<&str>,
    ) -> Result<Page<KeptLetter>> {
        let size = page::size(page_size)?;
        let (letters, next_page_token) = self.letters(asked, size, page_token).await?;
        let mut items = Vec::with_capacity(letters.len());
        for letter in letters {
            items.push(self.kept(letter).await?);
        }
        Ok(Page { items, next_page_token })
    }

    /// A page of letters, as many as `size` or as come to a page's bytes, and the token for the next.
    async fn letters(
        &self,
        asked: &LettersFilter,
        size: usize,
        page_token: Option<&str>,
    ) -> Result<(Vec<DeadLetter>, String)> {
        let filter = filter(asked)?;
        let name = format!("dead letters {asked:?}");
        let after: Option<String> = page::after(&name, page_token)?;
        let log = &*self.parts.log;
        let found =
            dead_letter::list(log, &filter, after.as_deref(), size, LETTERS_BYTES_MAX).await?;
        let token = found.next.map(|next| page::token(&name, &next)).unwrap_or_default();
        Ok((found.letters, token))
    }

    pub(crate) async fn count_dead_letters(&self, asked: &LettersFilter) -> Result<Counted> {
        dead_letter::count(&*self.parts.log, &filter(asked)?, COUNT_MAX).await
    }

    pub(crate) async fn dead_letter(&self, id: &str) -> Result<KeptLetter> {
        self.kept(dead_letter::get(&*self.parts.log, id).await?).await
    }

    async fn kept(&self, letter: DeadLetter) -> Result<KeptLetter> {
        let redriven = dead_letter::is_redriven(&*self.parts.store, &letter.id()).await?;
        Ok(KeptLetter { letter, redriven })
    }

    pub(crate) async fn redrive(&self, asked: &RedriveQuestion) -> Result<Page<RedriveResult>> {
        let mode = if asked.dry_run { Mode::DryRun } else { Mode::PutBack };
        let Some(by) = &asked.filter else {
            let ids = asked.ids.as_deref().unwrap_or_default();
            if asked.page_size.is_some() || asked.page_token.as_ref().is_some_and(|t| !t.is_empty())
            {
                return Err(Error::invalid("page_size, page_token: only with a filter"));
            }
            let items = self.redrive_named(ids, mode).await?;
            return Ok(Page { items, next_page_token: String::new() });
        };
        if asked.ids.is_some() {
            return Err(Error::invalid("ids, filter: expected one of them"));
        }
        let size = page::size(asked.page_size)?;
        let (letters, next_page_token) =
            self.letters(by, size, asked.page_token.as_deref()).await?;
        let items = self.redrive_letters(&letters, mode).await?;
        Ok(Page { items, next_page_token })
    }

    async fn redrive_named(&self, ids: &[String], mode: Mode) -> Result<Vec<RedriveResult>> {
        if !(1..=REDRIVES_MAX).contains(&ids.len()) {
            return Err(Error::invalid("ids: expected 1 to 1000, or a filter"));
        }
        let _turn = self.redriving.lock().await;
        let answers = self.redriver().redrive_named(ids, mode).await?;
        Ok(ids.iter().cloned().zip(answers).map(told).collect())
    }

    async fn redrive_letters(
        &self,
        letters: &[DeadLetter],
        mode: Mode,
    ) -> Result<Vec<RedriveResult>> {
        let _turn = self.redriving.lock().await;
        let answers = self.redriver().redrive(letters, mode).await?;
        Ok(letters.iter().map(DeadLetter::id).zip(answers).map(told).collect())
    }

    fn redriver(&self) -> Redriver<'_> {
        let (log, store) = (&*self.parts.log, &*self.parts.store);
        Redriver { log, store, read: &fleet_proto::reread }
    }
}

fn told((id, answer): (String, Redriven)) -> RedriveResult {
    let reason = answer.reason().map(Reason::as_str);
    RedriveResult { id, outcome: answer.as_str(), detail: answer.detail().to_owned(), reason }
}

/// Which letters are asked for.
fn filter(LettersFilter { topic, reason, from, to }: &LettersFilter) -> Result<Filter> {
    Filter::of(topic.as_deref(), reason.as_deref(), *from, *to)
}
