//! Laws of what is kept and of how far groups are behind: lag, trim, back-pressure.

use super::*;
use crate::stream::PartitionLag;

/// What `lag` must say of `group`, computed from what is kept and from what it has committed.
async fn expected_lag(
    log: &dyn EventLog,
    topic: &Topic,
    committed: &BTreeMap<Partition, u64>,
) -> Vec<PartitionLag> {
    let mut lags = Vec::new();
    for extent in log.extents(topic).await.expect("the log is there") {
        let committed = committed.get(&extent.partition).copied();
        let all = log.read(&extent.partition, committed.unwrap_or(0), 100_000).await;
        let open = all.expect("the log is there");
        lags.push(PartitionLag {
            committed,
            end: extent.end,
            records: open.len() as u64,
            oldest_appended_at: open.first().map(|record| record.appended_at),
            partition: extent.partition,
        });
    }
    lags
}

#[track_caller]
fn assert_same_lag(mut told: Vec<PartitionLag>, expected: &[PartitionLag], when: &str) {
    // A partition that was never written may be told, or not, but not as something to do.
    told.retain(|lag| lag.end > 0 || lag.records > 0 || lag.oldest_appended_at.is_some());
    told.sort_by(|a, b| a.partition.cmp(&b.partition));
    assert_eq!(told, expected, "{when}");
}

/// Lag is, per partition, what is kept and not committed, and since when: before any commit, after
/// some, after a trim, after a crash, and when caught up.
pub async fn lag_counts_what_is_kept_and_not_committed(subject: Subject) {
    let (topic, group) = (subject.events(), subject.group("archiver"));
    let log = (subject.open)();
    let mut member = join(&*log, &group, &topic).await;
    for batch in 0..4 {
        publish(&*log, records(&topic, batch * 15, 15, 9)).await;
        subject.clock.advance_ms(10_000);
    }
    let mut committed = BTreeMap::new();
    let told = log.lag(&group).await.expect("there").partitions;
    assert_same_lag(told, &expected_lag(&*log, &topic, &committed).await, "before any commit");
    let read = receive(&mut *member, 60).await;
    for done in [7, 31, 60] {
        commit(&mut *member, &read[..done]).await;
        committed = after(&read[..done]);
        let told = log.lag(&group).await.expect("there").partitions;
        assert_eq!(told.iter().map(|lag| lag.records).sum::<u64>(), 60 - done as u64);
        assert_same_lag(told, &expected_lag(&*log, &topic, &committed).await, "after a commit");
        subject.clock.advance_ms(RETENTION_MS);
        log.trim(now(&subject)).await.expect("trimmed");
        let told = log.lag(&group).await.expect("there").partitions;
        assert_same_lag(told, &expected_lag(&*log, &topic, &committed).await, "after a trim");
    }
    publish(&*log, records(&topic, 60, 5, 9)).await;
    drop((member, log));
    let log = (subject.open)();
    let told = log.lag(&group).await.expect("there").partitions;
    assert_same_lag(told, &expected_lag(&*log, &topic, &committed).await, "after a crash");
    let late = subject.group("late");
    let _late = join(&*log, &late, &topic).await;
    let told = log.lag(&late).await.expect("there").partitions;
    assert_same_lag(
        told,
        &expected_lag(&*log, &topic, &BTreeMap::new()).await,
        "of a group that came when much was gone",
    );
    assert_eq!(behind(&*log, &late).await, 5);
}

/// Trim takes what is older than the retention and committed by every group that reads it, whether
/// or not a member of it is there, and nothing else.
pub async fn trim_keeps_what_is_young_or_not_committed(subject: Subject) {
    let topic = subject.events();
    let (fast, slow) = (subject.group("archiver"), subject.group("recorder"));
    let log = (subject.open)();
    publish(&*log, records(&topic, 0, 40, 9)).await;
    let mut members = vec![join(&*log, &fast, &topic).await, join(&*log, &slow, &topic).await];
    let read = receive(&mut *members[0], 40).await;
    commit(&mut *members[0], &read).await;
    subject.clock.advance_ms(RETENTION_MS + 1);
    assert_eq!(log.trim(now(&subject)).await.expect("trimmed"), 0, "one has committed nothing");

    let read = receive(&mut *members[1], 40).await;
    commit(&mut *members[1], &read[..18]).await;
    drop((members, log)); // nobody is there, but the groups are known
    let log = (subject.open)();
    publish(&*log, records(&topic, 40, 10, 9)).await;
    assert_eq!(log.trim(now(&subject)).await.expect("trimmed"), 18);
    assert_eq!(log.trim(now(&subject)).await.expect("trimmed"), 0, "twice is once");
    let left: BTreeSet<u32> = kept(&*log, &topic).await.iter().map(number).collect();
    let expected: BTreeSet<u32> = read[18..].iter().map(number).chain(40..50).collect();
    assert_eq!(left, expected);
    let mut member = join(&*log, &slow, &topic).await;
    assert_eq!(receive(&mut *member, 32).await.len(), 32, "the slow one misses nothing");

    let others = subject.topic("others"); // nobody reads that one
    publish(&*log, records(&others, 0, 20, 9)).await;
    subject.clock.advance_ms(RETENTION_MS);
    assert_eq!(log.trim(now(&subject)).await.expect("trimmed"), 0, "just as old as it may be");
    subject.clock.advance_ms(1);
    assert_eq!(log.trim(now(&subject)).await.expect("trimmed"), 20);
}

/// Trim takes the oldest of a partition up to the first that must stay, so that what is kept has
/// no holes, even if a clock went back and later records look older.
pub async fn trim_leaves_no_holes_when_a_clock_goes_back(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    for (number, step_ms) in [(0, 50_000), (1, -90_000), (2, 60_000), (3, 0)] {
        publish(&*log, vec![record(&topic, 0, number)]).await;
        subject.clock.advance_ms(step_ms);
    }
    // Appended at 0, 50, -40 and 20 s: by then the first and the third are too old.
    subject.clock.advance_ms(RETENTION_MS - 10_000);
    assert_eq!(log.trim(now(&subject)).await.expect("trimmed"), 1);
    let left: Vec<u64> = kept(&*log, &topic).await.iter().map(|r| r.place.offset).collect();
    assert_eq!(left, [1, 2, 3]);
    let late = subject.group("late");
    let _late = join(&*log, &late, &topic).await;
    assert_eq!(behind(&*log, &late).await, 3);
}

/// Publishing waits while a group is too far behind, and goes on once it has caught up; nothing of
/// the waiting call is lost.
pub async fn publishing_waits_for_a_group_that_is_behind(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let mut member = join(&*log, &subject.group("archiver"), &topic).await;
    let over = u32::try_from(UNCOMMITTED_MAX).expect("small") + 1;
    publish(&*log, records(&topic, 0, over, 9)).await;
    let mut waiting = log.publish(records(&topic, over, 5, 9));
    let wait = subject.settle.max(Duration::from_millis(1));
    let early = tokio::time::timeout(wait, &mut waiting).await;
    assert!(early.is_err(), "the group is {over} behind, and publishing goes on");
    let elsewhere = records(&subject.topic("others"), 0, 5, 9);
    publish(&*log, elsewhere).await; // nobody reads that one

    let read = receive(&mut *member, over as usize).await;
    let (places, ()) = tokio::join!(in_time("the publish", waiting), async {
        for part in read.chunks(100) {
            commit(&mut *member, part).await;
        }
    });
    assert_eq!(places.expect("the log is there").len(), 5);
    assert_eq!(receive(&mut *member, 5).await.len(), 5);
}

/// A group that comes when much is gone is behind by what it can still read, no more: it does not
/// hold publishers back, and nobody waits for it to commit what is not there.
pub async fn a_new_group_is_not_behind_by_what_is_gone(subject: Subject) {
    let (topic, group) = (subject.events(), subject.group("late"));
    let log = (subject.open)();
    let over = u32::try_from(UNCOMMITTED_MAX).expect("small") + 50;
    publish(&*log, records(&topic, 0, over, 9)).await;
    subject.clock.advance_ms(RETENTION_MS + 1);
    assert_eq!(log.trim(now(&subject)).await.expect("trimmed"), u64::from(over));
    let mut member = join(&*log, &group, &topic).await;
    assert_eq!(behind(&*log, &group).await, 0);
    publish(&*log, records(&topic, over, 3, 9)).await;
    drop((member, log));
    let log = (subject.open)();
    publish(&*log, records(&topic, over + 3, 3, 9)).await;
    assert_eq!(behind(&*log, &group).await, 6);
    member = join(&*log, &group, &topic).await;
    assert_eq!(receive(&mut *member, 6).await.len(), 6);
}
