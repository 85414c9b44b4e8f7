//! One loop for every group: take, write, set aside, commit — in that order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use fleet_core::{
    Error, Result,
    backoff::Backoff,
    error::Remedy,
    hook::Hook,
    random::Stream,
    store::{FleetStore, Watermarks, Write, WriteOutcome},
    stream::{
        Consumer, EventLog, NewRecord, Partition, Record,
        dead_letter::{self, Reason, Refusal},
    },
    time::Clock,
};
use tracing::{error, info, warn};

use crate::{PipelineMetrics, Sink};

/// How a group takes and tries.
#[derive(Clone, Copy, Debug)]
pub struct ConsumerSettings {
    /// What it does.
    pub sink: Sink,
    /// Records in one write, at most.
    pub batch_max: usize,
    /// How long one poll waits for the first record.
    pub poll_wait: Duration,
    /// The first wait before trying again; see [`Backoff`].
    pub backoff_min: Duration,
    /// The longest wait before trying again.
    pub backoff_max: Duration,
    /// How often the dead-letter topic is tried before the partition halts.
    pub dead_letter_attempts: u32,
}

impl ConsumerSettings {
    /// The usual ones for `sink`: 2,000 records, 20 ms to 5 s of backoff, 8 attempts.
    pub const fn new(sink: Sink) -> Self {
        Self {
            sink,
            batch_max: 2_000,
            poll_wait: Duration::from_secs(1),
            backoff_min: Duration::from_millis(20),
            backoff_max: Duration::from_secs(5),
            dead_letter_attempts: 8,
        }
    }
}

/// What a group works with.
#[derive(Clone, Debug)]
pub struct Components {
    /// Where records come from, and where dead letters go.
    pub log: Arc<dyn EventLog>,
    /// Where they go.
    pub store: Arc<dyn FleetStore>,
    /// Platform time.
    pub clock: Arc<dyn Clock>,
    /// What operators see.
    pub metrics: PipelineMetrics,
    /// Called at `before_write`, `after_write`, `after_dead_letters`, `after_commit`.
    pub hook: Hook,
}

/// A record with what is to be written for it, or why it is set aside.
struct Handled<'a> {
    record: &'a Record,
    outcome: Result<Write, Refusal>,
}

/// What the store made of one write.
enum Written {
    Answered(WriteOutcome),
    Refused(Error),
}

/// A letter on its way to the dead letters.
struct Letter<'a> {
    record: &'a Record,
    reason: Reason,
    letter: NewRecord,
}

struct Group<'a> {
    settings: ConsumerSettings,
    parts: &'a Components,
    name: &'static str,
}

/// Runs the group until `shutdown`; then what was taken is written and committed.
///
/// # Errors
/// When going on would lose or spoil data: store or log say `Corrupt` or `Internal`, or the
/// dead-letter topic cannot be written (the message names the partitions that halt; the others are
/// committed, and the group ends). Nothing is
/// committed that was not written or set aside.
pub async fn run(
    settings: ConsumerSettings,
    parts: Components,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let group = Group { settings, parts: &parts, name: settings.sink.group() };
    let outcome = group.consume(shutdown).await;
    if let Err(cause) = &outcome {
        parts.metrics.halted.with_label_values(&[group.name]).set(1);
        error!(group = group.name, error = %cause, "halted; nothing is lost, fix it and restart");
    }
    outcome
}

/// Whether a group goes on after a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

impl Group<'_> {
    async fn consume(&self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        tokio::pin!(shutdown);
        let Some(mut consumer) = self.subscribe(&mut shutdown).await? else { return Ok(()) };
        let mut backoff = self.backoff("poll");
        let mut owed = BTreeMap::new();
        loop {
            let polled = tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                polled = consumer.poll(self.settings.batch_max, self.settings.poll_wait) => polled,
            };
            let records = match polled {
                Err(cause) if cause.kind().remedy() == Remedy::Retry => {
                    warn!(group = self.name, error = %cause, "the log does not answer; will retry");
                    if wait(&mut backoff, &mut shutdown).await == Next::Stop {
                        return Ok(());
                    }
                    continue;
                }
                polled => polled?,
            };
            backoff.reset();
            if records.is_empty() {
                self.commit(&mut *consumer, &mut owed).await?;
                continue;
            }
            let next = self.handle(&mut *consumer, &records, &mut owed, &mut shutdown).await?;
            if next == Next::Stop {
                return Ok(());
            }
        }
    }

    /// Joins the group, trying as long as the log is away; `None` if told to stop meanwhile.
    async fn subscribe(
        &self,
        shutdown: &mut (impl Future<Output = ()> + Unpin + Send),
    ) -> Result<Option<Box<dyn Consumer>>> {
        let topics = self.settings.sink.topics();
        let mut backoff = self.backoff("subscribe");
        loop {
            match self.parts.log.subscribe(self.name, &topics).await {
                Err(cause) if cause.kind().remedy() == Remedy::Retry => {
                    warn!(group = self.name, error = %cause, "the log does not answer; will retry");
                    if wait(&mut backoff, shutdown).await == Next::Stop {
                        return Ok(None);
                    }
                }
                subscribed => return subscribed.map(Some),
            }
        }
    }

    fn backoff(&self, purpose: &str) -> Backoff {
        // Seeded by the clock: members of one group must not come back in step.
        let seed = self.parts.clock.now().as_ms().cast_unsigned();
        let jitter = Stream::new(seed, self.name, purpose);
        Backoff::new(self.settings.backoff_min, self.settings.backoff_max, jitter)
    }

    /// One batch, to its end. A shutdown while a server is away leaves it uncommitted.
    async fn handle(
        &self,
        consumer: &mut dyn Consumer,
        records: &[Record],
        owed: &mut BTreeMap<Partition, u64>,
        shutdown: &mut (impl Future<Output = ()> + Unpin + Send),
    ) -> Result<Next> {
        let now = self.parts.clock.now();
        let mut next: BTreeMap<Partition, u64> = BTreeMap::new();
        for record in records {
            next.insert(record.place.partition.clone(), record.place.offset + 1);
        }
        let handled: Vec<Handled<'_>> = records
            .iter()
            .map(|record| Handled { record, outcome: self.settings.sink.write(record, now) })
            .collect();
        self.parts.metrics.batch_records.observe(records.len() as f64);
        self.parts.hook.pass("before_write");
        let safe = until_refused(&next, &handled);
        let Some(outcomes) = self.write(consumer, &handled, &safe, shutdown).await? else {
            return Ok(Next::Stop);
        };
        self.parts.hook.pass("after_write");
        let letters = self.letters(&handled, outcomes);
        owed.extend(next.clone());
        if self.set_aside(consumer, letters, owed, shutdown).await? == Next::Stop {
            return Ok(Next::Stop);
        }
        if safe != next && self.write(consumer, &[], &next, shutdown).await?.is_none() {
            return Ok(Next::Stop);
        }
        self.parts.hook.pass("after_dead_letters");
        self.commit(consumer, owed).await?;
        self.parts.hook.pass("after_commit");
        Ok(Next::GoOn)
    }

    /// Writes the good ones, trying as long as the store is away; returns what became of each, in
    /// their order, or `None` if told to stop meanwhile.
    async fn write(
        &self,
        consumer: &mut dyn Consumer,
        handled: &[Handled<'_>],
        watermarks: &Watermarks,
        shutdown: &mut (impl Future<Output = ()> + Unpin + Send),
    ) -> Result<Option<Vec<Written>>> {
        let writes: Vec<Write> =
            handled.iter().filter_map(|h| h.outcome.as_ref().ok()).cloned().collect();
        let paused = self.parts.metrics.paused.with_label_values(&[self.name]);
        let mut backoff = self.backoff("store");
        loop {
            let failure = match self.write_or_bisect(&writes, watermarks).await {
                Ok(outcomes) => {
                    if backoff.attempts() > 0 {
                        info!(group = self.name, "the store is back; resumed");
                        consumer.resume().await;
                        paused.set(0);
                    }
                    return Ok(Some(outcomes));
                }
                Err(failure) => failure,
            };
            if failure.kind().remedy() != Remedy::Retry {
                return Err(failure);
            }
            if backoff.attempts() == 0 {
                warn!(group = self.name, error = %failure, "the store is away; paused");
                consumer.pause().await;
                paused.set(1);
            }
            let pause = backoff.next_wait();
            // A paused member still polls, or it would be taken for dead; nothing is delivered.
            tokio::select! {
                () = &mut *shutdown => return Ok(None),
                polled = consumer.poll(1, pause) => match polled {
                    Err(cause) if cause.kind().remedy() == Remedy::Retry => {
                        warn!(group = self.name, error = %cause, "the log is away, too");
                        if wait(&mut backoff, shutdown).await == Next::Stop {
                            return Ok(None);
                        }
                    }
                    polled => drop(polled?),
                }
            }
        }
    }

    /// Writes all at once; if the store refuses them for one of them, it is found by halving.
    async fn write_or_bisect(
        &self,
        writes: &[Write],
        watermarks: &Watermarks,
    ) -> Result<Vec<Written>> {
        match self.try_write(writes, watermarks).await {
            Err(cause) if cause.kind().remedy() == Remedy::DeadLetter && !writes.is_empty() => {
                warn!(group = self.name, error = %cause, "a record spoils its batch; halving it");
            }
            written => return written,
        }
        // Depth first, left before right: the outcomes come in the order of the writes. The
        // watermark follows when all is written.
        let mut outcomes = Vec::with_capacity(writes.len());
        let mut todo = vec![writes];
        while let Some(part) = todo.pop() {
            match self.try_write(part, &Watermarks::new()).await {
                Ok(written) => outcomes.extend(written),
                Err(cause) if cause.kind().remedy() != Remedy::DeadLetter => return Err(cause),
                Err(cause) if part.len() == 1 => outcomes.push(Written::Refused(cause)),
                Err(_) => {
                    let (left, right) = part.split_at(part.len() / 2);
                    todo.extend([right, left]);
                }
            }
        }
        self.try_write(&[], watermarks).await?;
        Ok(outcomes)
    }

    async fn try_write(&self, writes: &[Write], watermarks: &Watermarks) -> Result<Vec<Written>> {
        let outcomes = self.parts.store.write(writes.to_vec(), watermarks.clone()).await?;
        if outcomes.len() != writes.len() {
            return Err(Error::internal("the store answered another number of writes"));
        }
        Ok(outcomes.into_iter().map(Written::Answered).collect())
    }

    /// Counts what became of each record, and writes the letters of those to be set aside.
    fn letters<'a>(&self, handled: &'a [Handled<'a>], written: Vec<Written>) -> Vec<Letter<'a>> {
        let mut written = written.into_iter();
        let mut letters = Vec::new();
        let (now, levels) = (self.parts.clock.now(), self.parts.metrics.levels());
        for Handled { record, outcome } in handled {
            let fate = match outcome {
                Err(refusal) => Err(refusal.clone()),
                Ok(_) => match written.next().expect("as many answers as writes") {
                    Written::Answered(WriteOutcome::Stored) => Ok("stored"),
                    Written::Answered(WriteOutcome::Unchanged) => Ok("unchanged"),
                    Written::Answered(WriteOutcome::Conflict(why)) => {
                        Err(Refusal::new(Reason::Conflict, why))
                    }
                    Written::Refused(cause) => Err(Refusal::by_store(&cause)),
                },
            };
            let word = fate.as_ref().map_or("dead_lettered", |word| word);
            self.parts.metrics.records.with_label_values(&[self.name, word]).inc();
            if let (Ok(write), Ok(word)) = (outcome, &fate) {
                levels.handled(record, write, *word == "stored", now);
            }
            if let Err(refusal) = fate {
                levels.set_aside(record);
                let letter = dead_letter::set_aside(record, self.name, &refusal, now);
                letters.push(Letter { record, reason: refusal.reason, letter });
            }
        }
        letters
    }

    /// Publishes the letters, within bounds. Where that fails the partitions they come from halt:
    /// the others are committed, and the error names those.
    async fn set_aside(
        &self,
        consumer: &mut dyn Consumer,
        letters: Vec<Letter<'_>>,
        owed: &mut BTreeMap<Partition, u64>,
        shutdown: &mut (impl Future<Output = ()> + Unpin + Send),
    ) -> Result<Next> {
        if letters.is_empty() {
            return Ok(Next::GoOn);
        }
        let records: Vec<NewRecord> = letters.iter().map(|letter| letter.letter.clone()).collect();
        let mut backoff = self.backoff("dead letters");
        loop {
            let Err(cause) = self.parts.log.publish(records.clone()).await else {
                self.told(&letters);
                return Ok(Next::GoOn);
            };
            let is_last = backoff.attempts() + 1 >= self.settings.dead_letter_attempts;
            if is_last || cause.kind().remedy() != Remedy::Retry {
                let halted = letters.iter().map(|letter| &letter.record.place.partition);
                let halted: BTreeSet<&Partition> = halted.collect();
                owed.retain(|partition, _| !halted.contains(partition));
                self.commit(consumer, owed).await?;
                let names: Vec<String> = halted.iter().map(ToString::to_string).collect();
                let text =
                    format!("halted at {}: dead letters cannot be written", names.join(", "));
                return Err(Error::new(cause.kind(), text).with_source(cause));
            }
            warn!(group = self.name, error = %cause, "dead letters refused; will retry");
            if wait(&mut backoff, shutdown).await == Next::Stop {
                return Ok(Next::Stop);
            }
        }
    }

    fn told(&self, letters: &[Letter<'_>]) {
        for Letter { record, reason, .. } in letters {
            let Partition { topic, number } = &record.place.partition;
            let (offset, reason) = (record.place.offset, reason.as_str());
            let labels = [topic.as_str(), reason];
            self.parts.metrics.dead_letters.with_label_values(&labels).inc();
            warn!(group = self.name, %topic, partition = number, offset, reason, "set aside");
        }
    }

    /// Commits what is owed, and owes it still if the log cannot take it now: nothing is lost by it,
    /// the records would come again and change nothing.
    async fn commit(
        &self,
        consumer: &mut dyn Consumer,
        owed: &mut BTreeMap<Partition, u64>,
    ) -> Result<()> {
        if owed.is_empty() {
            return Ok(());
        }
        match consumer.commit(owed).await {
            Ok(()) => owed.clear(),
            Err(cause) if cause.kind().remedy() == Remedy::Retry => {
                warn!(group = self.name, error = %cause, "commit refused; will try again");
            }
            Err(cause) => return Err(cause),
        }
        Ok(())
    }
}

/// How far the feed may go before the letters are safe: a record that does not decode today may be
/// stored after a fix, and must not come behind what readers have seen.
fn until_refused(next: &Watermarks, handled: &[Handled<'_>]) -> Watermarks {
    let mut safe = next.clone();
    for Handled { record, .. } in handled.iter().filter(|handled| handled.outcome.is_err()) {
        let place = &record.place;
        let until = safe.entry(place.partition.clone()).or_insert(place.offset);
        *until = place.offset.min(*until);
    }
    safe
}

/// Waits before the next attempt, unless told to stop.
async fn wait(
    backoff: &mut Backoff,
    shutdown: &mut (impl Future<Output = ()> + Unpin + Send),
) -> Next {
    tokio::select! {
        () = shutdown => Next::Stop,
        () = tokio::time::sleep(backoff.next_wait()) => Next::GoOn,
    }
}
