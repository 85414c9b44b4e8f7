//! One loop for every group: take, write, set aside, commit — in that order.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fleet_core::{
    Error, ErrorKind, Result,
    error::Remedy,
    hook::Hook,
    store::{FleetStore, Watermarks, Write, WriteOutcome},
    stream::{Consumer, EventLog, NewRecord, Partition, Record, dead_letter},
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
    /// The first wait before trying again; doubles.
    pub backoff_min: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
    /// How often the dead-letter topic is tried before the group halts.
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
    /// Passes `before_write`, `after_write`, `after_dead_letters`, `after_commit`.
    pub hook: Hook,
}

/// A record with what is to be written for it, or why it is set aside.
struct Handled<'a> {
    record: &'a Record,
    outcome: Result<Write>,
}

struct Group<'a> {
    settings: ConsumerSettings,
    parts: &'a Components,
    name: &'static str,
}

/// Runs the group until `shutdown`; then what was taken is written and committed.
///
/// # Errors
/// When going on would lose or spoil data: the store says `Corrupt` or `Internal`, or the
/// dead-letter topic cannot be written. The message names the group; nothing was committed.
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

impl Group<'_> {
    async fn consume(&self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let topics = self.settings.sink.topics();
        let mut consumer = self.parts.log.subscribe(self.name, &topics).await?;
        tokio::pin!(shutdown);
        let mut owed = BTreeMap::new();
        loop {
            let records = tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                polled = consumer.poll(self.settings.batch_max, self.settings.poll_wait) => polled,
            };
            let records = match records {
                Err(cause) if cause.kind() == ErrorKind::Unavailable => {
                    warn!(group = self.name, error = %cause, "the log does not answer; will retry");
                    tokio::time::sleep(self.settings.backoff_max).await;
                    continue;
                }
                records => records?,
            };
            if records.is_empty() {
                self.commit(&mut *consumer, &mut owed).await;
            } else if !self.handle(&mut *consumer, &records, &mut owed, &mut shutdown).await? {
                return Ok(());
            }
        }
    }

    /// One batch, to its end. A shutdown while the store is away leaves it uncommitted: `false`.
    async fn handle(
        &self,
        consumer: &mut dyn Consumer,
        records: &[Record],
        owed: &mut BTreeMap<Partition, u64>,
        shutdown: &mut (impl Future<Output = ()> + Unpin + Send),
    ) -> Result<bool> {
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
        let Some(bad) = self.write(consumer, &handled, &next, shutdown).await? else {
            return Ok(false);
        };
        self.parts.hook.pass("after_write");
        self.set_aside(bad).await?;
        self.parts.hook.pass("after_dead_letters");
        owed.extend(next);
        self.commit(consumer, owed).await;
        self.parts.hook.pass("after_commit");
        Ok(true)
    }

    /// Writes the good ones, trying as long as the store is away; returns what is to be set aside,
    /// or `None` if it was told to stop meanwhile.
    async fn write(
        &self,
        consumer: &mut dyn Consumer,
        handled: &[Handled<'_>],
        watermarks: &Watermarks,
        shutdown: &mut (impl Future<Output = ()> + Unpin + Send),
    ) -> Result<Option<Vec<NewRecord>>> {
        let paused = self.parts.metrics.paused.with_label_values(&[self.name]);
        let mut wait = self.settings.backoff_min;
        let mut is_paused = false;
        loop {
            let failure = match self.try_write(handled, watermarks).await {
                Ok(bad) => {
                    if is_paused {
                        info!(group = self.name, "the store is back; resumed");
                        consumer.resume().await;
                        paused.set(0);
                    }
                    return Ok(Some(bad));
                }
                Err(failure) => failure,
            };
            if failure.kind().remedy() != Remedy::Retry {
                return Err(failure);
            }
            if !is_paused {
                warn!(group = self.name, error = %failure, "the store is away; paused");
                consumer.pause().await;
                paused.set(1);
                is_paused = true;
            }
            // A paused member still polls, or it would be taken for dead; nothing is delivered.
            tokio::select! {
                () = &mut *shutdown => return Ok(None),
                polled = consumer.poll(1, wait) => drop(polled?),
            }
            wait = (wait * 2).min(self.settings.backoff_max);
        }
    }

    async fn try_write(
        &self,
        handled: &[Handled<'_>],
        watermarks: &Watermarks,
    ) -> Result<Vec<NewRecord>> {
        let good: Vec<&Handled<'_>> = handled.iter().filter(|h| h.outcome.is_ok()).collect();
        let writes: Vec<Write> =
            good.iter().filter_map(|h| h.outcome.as_ref().ok()).cloned().collect();
        let outcomes = match self.parts.store.write(writes, watermarks.clone()).await {
            Err(cause) if cause.kind().remedy() == Remedy::DeadLetter && !good.is_empty() => {
                return self.write_one_by_one(handled, watermarks, &cause).await;
            }
            outcomes => outcomes?,
        };
        if outcomes.len() != good.len() {
            return Err(Error::internal("the store answered with another number of outcomes"));
        }
        let mut bad = self.refused(handled);
        for (h, outcome) in good.into_iter().zip(outcomes) {
            bad.extend(self.count(h.record, &outcome));
        }
        Ok(bad)
    }

    /// The store refuses the batch for one of its records: each is tried alone.
    async fn write_one_by_one(
        &self,
        handled: &[Handled<'_>],
        watermarks: &Watermarks,
        cause: &Error,
    ) -> Result<Vec<NewRecord>> {
        warn!(group = self.name, error = %cause, "a record spoils its batch; trying one by one");
        let mut bad = self.refused(handled);
        for h in handled {
            let Ok(write) = &h.outcome else { continue };
            match self.parts.store.write(vec![write.clone()], Watermarks::new()).await {
                Ok(outcomes) => {
                    bad.extend(outcomes.iter().filter_map(|outcome| self.count(h.record, outcome)));
                }
                Err(refusal) if refusal.kind().remedy() == Remedy::DeadLetter => {
                    bad.push(self.letter(h.record, refusal.kind(), &refusal.to_string()));
                }
                Err(failure) => return Err(failure),
            }
        }
        self.parts.store.write(Vec::new(), watermarks.clone()).await?;
        Ok(bad)
    }

    /// Letters for what did not even decode.
    fn refused(&self, handled: &[Handled<'_>]) -> Vec<NewRecord> {
        let refusal = |h: &Handled<'_>| {
            let cause = h.outcome.as_ref().err()?;
            Some(self.letter(h.record, cause.kind(), &cause.to_string()))
        };
        handled.iter().filter_map(refusal).collect()
    }

    fn letter(&self, record: &Record, reason: ErrorKind, detail: &str) -> NewRecord {
        dead_letter::set_aside(record, self.name, reason, detail, 1, self.parts.clock.now())
    }

    fn count(&self, record: &Record, outcome: &WriteOutcome) -> Option<NewRecord> {
        let (word, letter) = match outcome {
            WriteOutcome::Stored => ("stored", None),
            WriteOutcome::Unchanged => ("unchanged", None),
            WriteOutcome::Conflict(detail) => {
                ("conflict", Some(self.letter(record, ErrorKind::Conflict, detail)))
            }
        };
        self.parts.metrics.records.with_label_values(&[self.name, word]).inc();
        letter
    }

    /// Publishes the letters, within bounds; without them nothing may be committed.
    async fn set_aside(&self, letters: Vec<NewRecord>) -> Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        let mut wait = self.settings.backoff_min;
        for attempt in 1.. {
            match self.parts.log.publish(letters.clone()).await {
                Ok(_) => break,
                Err(cause) if attempt >= self.settings.dead_letter_attempts => {
                    let topic = &letters[0].topic;
                    let text = format!("{}: {topic} cannot be written", self.name);
                    return Err(Error::new(cause.kind(), text).with_source(cause));
                }
                Err(cause) => {
                    warn!(group = self.name, error = %cause, "dead letters refused; will retry");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(self.settings.backoff_max);
                }
            }
        }
        for letter in &letters {
            let reason = letter.headers.iter().find(|(name, _)| name == "fleet-reason");
            let reason = reason.and_then(|(_, value)| std::str::from_utf8(value).ok());
            let labels = [letter.topic.as_str(), reason.unwrap_or("unknown")];
            self.parts.metrics.dead_letters.with_label_values(&labels).inc();
            warn!(group = self.name, topic = %letter.topic, reason = labels[1], "set aside");
        }
        Ok(())
    }

    /// Commits what is owed, and owes it still if that is not possible: nothing is lost by it, the
    /// records would come again to whoever joins next and change nothing.
    async fn commit(&self, consumer: &mut dyn Consumer, owed: &mut BTreeMap<Partition, u64>) {
        if owed.is_empty() {
            return;
        }
        match consumer.commit(owed).await {
            Ok(()) => owed.clear(),
            Err(cause) => warn!(group = self.name, error = %cause, "commit refused; will retry"),
        }
    }
}
