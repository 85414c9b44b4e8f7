//! Records that were set aside, from the terminal.

mod source;

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use fleet_core::time::Time;
use fleet_proto::v1::{DeadLetter, DeadLetterFilter, RedriveResult};
use serde::Serialize;

use self::source::Source;
use crate::{
    dump::{ErasedLine, hex, runtime},
    settings,
};

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// Counts by reason, then one line each.
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        at: At,
    },
    /// One in full, with its bytes in hexadecimal.
    Show {
        /// Its id, as `list` prints it.
        id: String,
        #[command(flatten)]
        at: At,
    },
    /// One line of JSON each: original, reason and origin; bytes in hexadecimal.
    Export {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        at: At,
    },
    /// Put back where they came from, each once: what was cut off can be begun again.
    Redrive {
        /// Their ids; or give a filter, or --all.
        #[arg(conflicts_with_all = ["reason", "topic", "since", "until", "limit", "all"])]
        ids: Vec<String>,
        /// Every letter there is.
        #[arg(long, conflicts_with_all = ["reason", "topic", "since", "until", "limit"])]
        all: bool,
        #[command(flatten)]
        which: Which,
        /// Only say what would happen.
        #[arg(long)]
        dry_run: bool,
        /// At most so many a second, 1 to 100,000 [default: as fast as it goes].
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        rate: Option<u32>,
        #[command(flatten)]
        at: At,
    },
}

/// Which letters.
#[derive(Debug, Default, Args)]
pub(crate) struct Which {
    /// Only those set aside for this reason: undecodable, out_of_range, too_large, conflict, rejected,
    /// unknown_version or unknown.
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Only those whose originals stood in this topic, like fleet.telemetry.v1.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Set aside from this time on, RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Set aside before this time, RFC 3339.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many, the first ones [default: 100 for list, else all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

/// Where letters are.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// Where the data is.
    #[arg(long, default_value = settings::DATA_DIR)]
    data_dir: PathBuf,
    /// Ask this platform or cluster instead, by its gRPC address like http://127.0.0.1:50051.
    #[arg(long, value_name = "URL", conflicts_with = "data_dir")]
    server: Option<String>,
    /// A file with the API key for --server.
    #[arg(long, value_name = "FILE", requires = "server")]
    key_file: Option<PathBuf>,
}

impl Which {
    fn filter(&self) -> Result<DeadLetterFilter> {
        let time = |flag: &'static str, text: &Option<String>| -> Result<Option<i64>> {
            let time = text.as_deref().map(str::parse::<Time>).transpose().context(flag)?;
            Ok(time.map(Time::as_ms))
        };
        Ok(DeadLetterFilter {
            topic: self.topic.clone().unwrap_or_default(),
            reason: self.reason.clone().unwrap_or_default(),
            from_ms: time("--since", &self.since)?,
            to_ms: time("--until", &self.until)?,
        })
    }

    fn is_given(&self) -> bool {
        let Self { reason, topic, since, until, limit } = self;
        [reason, topic, since, until].iter().any(|text| text.is_some()) || limit.is_some()
    }
}

pub(crate) fn run(command: DeadLettersCommand) -> Result<()> {
    runtime()?.block_on(async {
        match command {
            DeadLettersCommand::List { which, at } => list(&which, &at).await,
            DeadLettersCommand::Show { id, at } => show(&id, &at).await,
            DeadLettersCommand::Export { which, at } => export(&which, &at).await,
            DeadLettersCommand::Redrive { ids, all, which, dry_run, rate, at } => {
                if ids.is_empty() && !all && !which.is_given() {
                    bail!("expected ids, a filter like --reason, or --all");
                }
                let mut source = Source::to_change(&at, dry_run).await?;
                let told = if ids.is_empty() {
                    redrive_found(&mut source, &which, dry_run, rate).await?
                } else {
                    redrive_named(&mut source, &ids, dry_run, rate).await?
                };
                told.end()
            }
        }
    })
}

/// Letters on one screen.
const LISTED: u64 = 100;

async fn list(which: &Which, at: &At) -> Result<()> {
    let (mut source, filter) = (Source::to_read(at).await?, which.filter()?);
    let mut out = BufWriter::new(io::stdout());
    let counted = source.count(&filter).await?;
    for group in &counted.counts {
        let (oldest, newest) =
            (Time::from_ms(group.oldest_at_ms), Time::from_ms(group.newest_at_ms));
        let (letters, topic, reason) = (group.letters, &group.topic, &group.reason);
        writeln!(out, "{letters:>8}  {reason:<15}  {topic}  {oldest} to {newest}")?;
    }
    if !counted.is_complete {
        writeln!(out, "and more: the count ends here")?;
    }
    let mut left = which.limit.unwrap_or(LISTED);
    let mut token = String::new();
    loop {
        let page = source.page(&filter, left, &token).await?;
        for letter in &page.dead_letters {
            let DeadLetter { id, reason, detail, .. } = letter;
            let mark = if letter.redriven { "  (put back)" } else { "" };
            writeln!(out, "{id}  {reason}  {}{mark}", printable(detail))?;
        }
        left -= left.min(page.dead_letters.len() as u64);
        token = page.next_page_token;
        if token.is_empty() || left == 0 {
            break;
        }
    }
    if !token.is_empty() {
        writeln!(out, "... (--limit shows more)")?;
    }
    Ok(out.flush()?)
}

/// Text of strangers, for a terminal that would obey its control characters.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

/// One in full.
async fn show(id: &str, at: &At) -> Result<()> {
    let letter = Source::to_read(at).await?.get(id).await?;
    let mut out = io::stdout().lock();
    writeln!(out, "id: {}", letter.id)?;
    writeln!(out, "reason: {}", letter.reason)?;
    writeln!(out, "detail: {}", printable(&letter.detail))?;
    writeln!(out, "topic: {}", letter.topic)?;
    if let (Some(partition), Some(offset)) = (letter.partition, letter.offset) {
        writeln!(out, "partition: {partition}")?;
        writeln!(out, "offset: {offset}")?;
    }
    writeln!(out, "group: {}", printable(&letter.group))?;
    writeln!(out, "attempts: {}", letter.attempts)?;
    writeln!(out, "first failed at: {}", Time::from_ms(letter.first_failed_at_ms))?;
    writeln!(out, "dead-lettered at: {}", Time::from_ms(letter.dead_lettered_at_ms))?;
    writeln!(out, "redriven: {}", letter.redriven)?;
    if !letter.redriven_from.is_empty() {
        writeln!(out, "was put back before, as: {}", letter.redriven_from)?;
    }
    if letter.is_cut {
        writeln!(out, "cut: the letter had no room for all of the original")?;
    }
    writeln!(out, "key: {}", printable(&String::from_utf8_lossy(&letter.key)))?;
    for header in &letter.headers {
        let value = printable(&String::from_utf8_lossy(&header.value));
        writeln!(out, "header: {}={value}", printable(&header.name))?;
    }
    writeln!(out, "payload: {}", hex(&letter.payload))?;
    Ok(())
}

/// A letter as a line of JSON.
#[derive(Serialize)]
struct Line {
    id: String,
    topic: String,
    partition: Option<u32>,
    offset: Option<u64>,
    group: String,
    reason: String,
    detail: String,
    attempts: u32,
    first_failed_at: Time,
    dead_lettered_at: Time,
    redriven: bool,
    redriven_from: Option<String>,
    is_cut: bool,
    key_hex: String,
    headers: Vec<[String; 2]>,
    payload_hex: String,
}

impl From<DeadLetter> for Line {
    fn from(letter: DeadLetter) -> Self {
        let DeadLetter { redriven_from, headers, .. } = letter;
        Self {
            id: letter.id,
            topic: letter.topic,
            partition: letter.partition,
            offset: letter.offset,
            group: letter.group,
            reason: letter.reason,
            detail: letter.detail,
            attempts: letter.attempts,
            first_failed_at: Time::from_ms(letter.first_failed_at_ms),
            dead_lettered_at: Time::from_ms(letter.dead_lettered_at_ms),
            redriven: letter.redriven,
            redriven_from: (!redriven_from.is_empty()).then_some(redriven_from),
            is_cut: letter.is_cut,
            key_hex: hex(&letter.key),
            headers: headers.into_iter().map(|h| [h.name, hex(&h.value)]).collect(),
            payload_hex: hex(&letter.payload),
        }
    }
}

async fn export(which: &Which, at: &At) -> Result<()> {
    let (mut source, filter) = (Source::to_read(at).await?, which.filter()?);
    let mut out = BufWriter::new(io::stdout());
    let (mut left, mut token) = (which.limit.unwrap_or(u64::MAX), String::new());
    loop {
        let page = source.page(&filter, left, &token).await?;
        left -= left.min(page.dead_letters.len() as u64);
        for letter in page.dead_letters {
            Line::from(letter).write(&mut out)?;
        }
        token = page.next_page_token;
        if token.is_empty() || left == 0 {
            return Ok(out.flush()?);
        }
    }
}

/// The outcomes after which nothing is left to do.
const PUT_BACK: [&str; 3] = ["redriven", "already_redriven", "would_redrive"];

/// How many came out how.
#[derive(Default)]
struct Told {
    letters: usize,
    failed: usize,
}

impl Told {
    fn say(&mut self, results: &[RedriveResult]) -> Result<()> {
        let mut out = io::stdout().lock();
        for RedriveResult { id, outcome, detail, .. } in results {
            self.letters += 1;
            self.failed += usize::from(!PUT_BACK.contains(&outcome.as_str()));
            let colon = if detail.is_empty() { "" } else { ": " };
            let (outcome, detail) = (outcome.replace('_', " "), printable(detail));
            writeln!(out, "{}: {outcome}{colon}{detail}", printable(id))?;
        }
        Ok(())
    }

    fn end(self) -> Result<()> {
        let Self { letters, failed } = self;
        if failed > 0 { bail!("{failed} of {letters} were not put back") } else { Ok(()) }
    }
}

/// What one call may put back.
const STEP_MAX: u32 = 500;

/// How many at once, so that `rate` a second is kept by a pause after each step.
fn step(rate: Option<u32>) -> u32 {
    rate.unwrap_or(STEP_MAX).min(STEP_MAX)
}

/// Waits until `letters` more may have gone.
async fn pace(letters: usize, rate: Option<u32>) {
    if let Some(rate) = rate {
        tokio::time::sleep(Duration::from_secs_f64(letters as f64 / f64::from(rate))).await;
    }
}

async fn redrive_named(
    source: &mut Source,
    ids: &[String],
    dry_run: bool,
    rate: Option<u32>,
) -> Result<Told> {
    let mut told = Told::default();
    for ids in ids.chunks(usize::try_from(step(rate))?) {
        told.say(&source.redrive_named(ids, dry_run).await?)?;
        pace(ids.len(), rate).await;
    }
    Ok(told)
}

async fn redrive_found(
    source: &mut Source,
    which: &Which,
    dry_run: bool,
    rate: Option<u32>,
) -> Result<Told> {
    let (mut filter, mut told) = (which.filter()?, Told::default());
    // What is given up again meanwhile is a letter anew, and waits for the next time.
    let now_ms = source.now().as_ms() + 1;
    filter.to_ms = Some(filter.to_ms.map_or(now_ms, |to_ms| to_ms.min(now_ms)));
    let (mut left, mut token) = (which.limit.unwrap_or(u64::MAX), String::new());
    loop {
        let size = u32::try_from(left).unwrap_or(u32::MAX).min(step(rate));
        let page = source.redrive_found(&filter, size, &token, dry_run).await?;
        told.say(&page.results)?;
        left -= left.min(page.results.len() as u64);
        token = page.next_page_token;
        if token.is_empty() || left == 0 {
            return Ok(told);
        }
        let moved = page.results.iter().filter(|result| result.outcome == "redriven").count();
        pace(moved, rate).await;
    }
}
