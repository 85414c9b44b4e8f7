//! Random histories of a log with two groups, each step compared with a model of four lines: what
//! was appended, from where on it is kept, what each group has committed, what has come to it.

use super::{
    sharing::{Members, settle, take_turns},
    *,
};
use crate::random::Stream;

/// The model of one group.
#[derive(Default)]
struct Progress {
    is_registered: bool,
    committed: BTreeMap<Partition, u64>,
    /// What has come since the last change of members: nothing of it may come again.
    fresh: BTreeSet<Place>,
    /// What has ever come, to whomever.
    ever: BTreeSet<Place>,
}

/// The log under test beside its model.
struct History<'a> {
    subject: &'a Subject,
    topic: Topic,
    log: Option<Arc<dyn EventLog>>,
    /// The members of each group.
    members: [Members; 2],
    /// All that was ever appended, by offset.
    appended: BTreeMap<Partition, Vec<Record>>,
    starts: BTreeMap<Partition, u64>,
    groups: [Progress; 2],
    published: u32,
}

/// Small numbers drawn from one word, digit by digit.
struct Digits(u64);

impl Digits {
    fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).expect("a usize");
        let digit = self.0 % n;
        self.0 /= n;
        usize::try_from(digit).expect("below a usize")
    }
}

/// Publishing, joining, polling, committing, leaving, trimming and crashing in any order keep all
/// promises at once.
pub async fn histories_agree_with_a_naive_model(subject: Subject) {
    let stream = Stream::new(1, "log", "laws");
    let words: Vec<u64> = (0..200).map(|ix| stream.bits(ix)).collect();
    follow(&subject, &words).await;
}

/// As [`histories_agree_with_a_naive_model`], on the steps that `words` stand for: one each, of any
/// value, so that a property test can draw and shrink them. The subject must be new.
pub async fn follow(subject: &Subject, words: &[u64]) {
    let mut history = History {
        subject,
        topic: subject.events(),
        log: Some((subject.open)()),
        members: Default::default(),
        appended: BTreeMap::new(),
        starts: BTreeMap::new(),
        groups: Default::default(),
        published: 0,
    };
    for word in words {
        history.step(&mut Digits(*word)).await;
        history.compare().await;
    }
    history.end().await;
}

impl History<'_> {
    fn log(&self) -> &dyn EventLog {
        self.log.as_deref().expect("open between steps")
    }

    fn group(&self, ix: usize) -> String {
        self.subject.group(["archiver", "recorder"][ix])
    }

    async fn step(&mut self, digits: &mut Digits) {
        // The second group comes late, when something may be gone already.
        let groups = if self.published < 50 { 1 } else { 2 };
        let (kind, ix) = (digits.below(24), digits.below(groups));
        match kind {
            0..=4 => self.publish(digits).await,
            5 => self.join(ix).await,
            6 => self.leave(ix, digits).await,
            7..=13 => self.poll(ix, digits).await,
            14..=20 => self.commit(ix, digits).await,
            21 | 22 => self.trim(digits).await,
            _ => self.crash(),
        }
    }

    async fn publish(&mut self, digits: &mut Digits) {
        let (count, keys) = (1 + digits.below(9), 1 + digits.below(8));
        let small = |n| u32::try_from(n).expect("small");
        // Where nobody commits, publishing would wait for ever.
        if u64::from(self.published) + 10 > UNCOMMITTED_MAX {
            return;
        }
        let batch = records(&self.topic, self.published, small(count), small(keys));
        self.published += small(count);
        let places = publish(self.log(), batch.clone()).await;
        for (NewRecord { key, headers, payload, .. }, place) in batch.into_iter().zip(places) {
            let appended = self.appended.entry(place.partition.clone()).or_default();
            assert_eq!(place.offset, appended.len() as u64, "offsets have no gaps");
            let appended_at = now(self.subject);
            appended.push(Record { place, key, headers, payload, appended_at });
        }
    }

    async fn join(&mut self, ix: usize) {
        if self.members[ix].len() == 3 {
            return;
        }
        let member = join(self.log(), &self.group(ix), &self.topic).await;
        self.members[ix].push(member);
        self.groups[ix].is_registered = true;
        self.rebalanced(ix).await;
    }

    async fn leave(&mut self, ix: usize, digits: &mut Digits) {
        if !self.members[ix].is_empty() {
            let leaving = digits.below(self.members[ix].len());
            drop(self.members[ix].remove(leaving));
            self.rebalanced(ix).await;
        }
    }

    async fn rebalanced(&mut self, ix: usize) {
        self.groups[ix].fresh.clear();
        if !self.members[ix].is_empty() {
            let log = self.log.clone().expect("open between steps");
            let came = settle(&*log, &self.topic, &mut self.members[ix]).await;
            self.has_come(ix, &came.concat());
            if self.members[ix].len() > 1 {
                self.groups[ix].fresh.clear(); // it may have come before its partition moved
            }
        }
    }

    async fn poll(&mut self, ix: usize, digits: &mut Digits) {
        if self.members[ix].is_empty() {
            return self.join(ix).await;
        }
        let (asked, max) = (digits.below(self.members[ix].len()), digits.below(24));
        let poll = self.members[ix][asked].poll(max, self.subject.settle);
        let page = poll.await.expect("the log is there");
        assert!(page.len() <= max, "{} records, {max} were asked for", page.len());
        self.has_come(ix, &page);
    }

    /// Checks what a group was given.
    fn has_come(&mut self, ix: usize, page: &[Record]) {
        let group = &mut self.groups[ix];
        for record in page {
            let Place { partition, offset } = &record.place;
            let at = usize::try_from(*offset).expect("small");
            assert_eq!(Some(record), self.appended[partition].get(at), "not what was appended");
            let committed = group.committed.get(partition).copied().unwrap_or(0);
            assert!(*offset >= committed, "{:?} was committed", record.place);
            assert!(group.fresh.insert(record.place.clone()), "{:?} came twice", record.place);
            if *offset > committed.max(self.starts.get(partition).copied().unwrap_or(0)) {
                let before = Place { offset: offset - 1, ..record.place.clone() };
                assert!(group.ever.contains(&before), "{before:?} was skipped");
            }
            group.ever.insert(record.place.clone());
        }
    }

    /// A member commits a part of what has come to its group since the members last changed.
    async fn commit(&mut self, ix: usize, digits: &mut Digits) {
        if self.members[ix].is_empty() {
            return self.join(ix).await;
        }
        let asked = digits.below(self.members[ix].len());
        let mut next = BTreeMap::new();
        for (partition, appended) in &self.appended {
            let came = (0..appended.len()).rev().map(|at| &appended[at].place);
            let upto = came.clone().find(|place| self.groups[ix].fresh.contains(place));
            let upto = upto.map_or(0, |place| place.offset + 1);
            next.insert(partition.clone(), upto.saturating_sub(digits.below(3) as u64));
        }
        let member = &mut self.members[ix][asked];
        let owned = member.assignment();
        in_time("a commit", member.commit(&next)).await.expect("the log is there");
        let still_owned = member.assignment();
        for partition in owned.iter().filter(|partition| still_owned.contains(partition)) {
            if let Some(offset) = next.get(partition).copied() {
                let committed = self.groups[ix].committed.entry(partition.clone()).or_insert(0);
                *committed = offset.max(*committed);
            }
        }
    }

    async fn trim(&mut self, digits: &mut Digits) {
        self.subject.clock.advance_ms([0, RETENTION_MS / 3, RETENTION_MS + 1][digits.below(3)]);
        let cutoff = now(self.subject).plus_ms(-RETENTION_MS);
        let mut expected = 0;
        for (partition, appended) in &self.appended {
            let groups = self.groups.iter().filter(|group| group.is_registered);
            let bound = groups.map(|group| group.committed.get(partition).copied().unwrap_or(0));
            let bound = bound.min().unwrap_or(u64::MAX);
            let start = self.starts.entry(partition.clone()).or_insert(0);
            for record in appended {
                let Place { offset, .. } = record.place;
                if offset == *start && offset < bound && record.appended_at < cutoff {
                    *start += 1;
                    expected += 1;
                }
            }
        }
        let trimmed = self.log().trim(now(self.subject)).await.expect("the log is there");
        assert_eq!(trimmed, expected, "what is old and committed by all goes");
    }

    fn crash(&mut self) {
        self.members = Default::default();
        self.log = None;
        self.log = Some((self.subject.open)());
        self.groups.iter_mut().for_each(|group| group.fresh.clear());
    }

    async fn compare(&mut self) {
        let log = self.log.clone().expect("open between steps");
        let extents = log.extents(&self.topic).await.expect("the log is there");
        assert!(extents.iter().map(|extent| &extent.partition).eq(self.appended.keys()));
        for extent in &extents {
            let (start, end) = self.bounds(&extent.partition);
            assert_eq!((extent.start, extent.end), (start, end), "{:?}", extent.partition);
        }
        for (ix, group) in self.groups.iter().enumerate() {
            let lags = log.lag(&self.group(ix)).await.expect("the log is there").partitions;
            assert_eq!(lags.is_empty(), !group.is_registered);
            for lag in lags {
                let (start, end) = self.bounds(&lag.partition);
                let committed = group.committed.get(&lag.partition).copied();
                let told = (lag.committed.unwrap_or(0), lag.end, lag.records);
                let next = committed.unwrap_or(0).max(start);
                assert_eq!(told, (committed.unwrap_or(0), end, end - next), "{lag:?}");
            }
        }
    }

    fn bounds(&self, partition: &Partition) -> (u64, u64) {
        let start = self.starts.get(partition).copied().unwrap_or(0);
        (start, self.appended.get(partition).map_or(0, Vec::len) as u64)
    }

    /// In the end each group gets, from the members it has and then from a new one, all that it
    /// has not committed.
    async fn end(mut self) {
        for ix in [0, 1] {
            for members in 0..2 {
                if members == 1 {
                    self.members[ix].clear();
                    self.join(ix).await;
                }
                self.drain(ix).await;
                for (partition, appended) in &self.appended {
                    let committed = self.groups[ix].committed.get(partition).copied().unwrap_or(0);
                    let from = committed.max(self.bounds(partition).0);
                    let group = &self.groups[ix];
                    let came = if members == 1 { &group.fresh } else { &group.ever };
                    let mut open = appended.iter().filter(|record| record.place.offset >= from);
                    let is_there = |record: &Record| came.contains(&record.place);
                    assert!(self.members[ix].is_empty() || open.all(is_there), "one was skipped");
                }
            }
        }
    }

    async fn drain(&mut self, ix: usize) {
        loop {
            let mut came = vec![Vec::new(); self.members[ix].len()];
            take_turns(&mut self.members[ix], &mut came).await;
            let came = came.concat();
            self.has_come(ix, &came);
            if came.is_empty() {
                return;
            }
        }
    }
}
