//! Laws of one consumer: what comes, what comes again, when it comes.

use super::*;
use crate::ErrorKind;

/// What was delivered and not committed comes again: to the next member, and after a crash.
pub async fn what_is_not_committed_comes_again(subject: Subject) {
    let (topic, group) = (subject.events(), subject.group("archiver"));
    let log = (subject.open)();
    publish(&*log, records(&topic, 0, 40, 9)).await;
    let mut member = join(&*log, &group, &topic).await;
    let first = receive(&mut *member, 40).await;
    assert_eq!(places(&first).len(), 40, "each once");
    silence(&subject, &mut *member).await;
    drop(member);
    let mut member = join(&*log, &group, &topic).await;
    let second = receive(&mut *member, 40).await;
    assert_eq!(places(&second), places(&first), "to the next member");
    drop((member, log)); // killed: nothing was committed

    let log = (subject.open)();
    let mut member = join(&*log, &group, &topic).await;
    let third = receive(&mut *member, 40).await;
    assert_eq!(places(&third), places(&first), "after a crash");
    for key in 0..9 {
        let numbers = numbers(&third, &format!("k{key}"));
        assert!(numbers.is_sorted(), "k{key} comes again in another order: {numbers:?}");
    }
}

/// What was committed stays so: for the next member, and after a crash; the rest comes.
pub async fn what_is_committed_does_not_come_again(subject: Subject) {
    let (topic, group) = (subject.events(), subject.group("archiver"));
    let log = (subject.open)();
    publish(&*log, records(&topic, 0, 40, 9)).await;
    let mut member = join(&*log, &group, &topic).await;
    let done = receive(&mut *member, 15).await;
    receive(&mut *member, 5).await; // delivered, and never committed
    commit(&mut *member, &done).await;
    drop(member);
    let mut member = join(&*log, &group, &topic).await;
    let rest = receive(&mut *member, 25).await;
    assert!(places(&rest).is_disjoint(&places(&done)), "committed, and there again");
    silence(&subject, &mut *member).await;
    commit(&mut *member, &rest[..10]).await;
    drop((member, log)); // killed right after the answer

    let log = (subject.open)();
    assert_eq!(behind(&*log, &group).await, 15, "the group is known after a crash");
    let mut member = join(&*log, &group, &topic).await;
    let last = receive(&mut *member, 15).await;
    assert_eq!(places(&last), places(&rest[10..]));
    commit(&mut *member, &last).await;
    silence(&subject, &mut *member).await;
    assert_eq!(behind(&*log, &group).await, 0);
}

/// An older position than the one committed is ignored, also beside a newer one of another
/// partition.
pub async fn a_commit_never_goes_back(subject: Subject) {
    let (topic, group) = (subject.events(), subject.group("archiver"));
    let log = (subject.open)();
    publish(&*log, records(&topic, 0, 30, 9)).await;
    let mut member = join(&*log, &group, &topic).await;
    let read = receive(&mut *member, 30).await;
    commit(&mut *member, &read[..20]).await;
    commit(&mut *member, &read[..5]).await;
    assert_eq!(behind(&*log, &group).await, 10, "after an older commit");
    let older = after(&read[..20]).into_keys().map(|partition| (partition, 0)).collect();
    member.commit(&older).await.expect("ignored, not refused");
    assert_eq!(behind(&*log, &group).await, 10, "after a commit of 0");
    drop((member, log));
    let log = (subject.open)();
    assert_eq!(behind(&*log, &group).await, 10, "after a crash");
    let mut member = join(&*log, &group, &topic).await;
    assert_eq!(places(&receive(&mut *member, 10).await), places(&read[20..]));
}

/// A position beyond the end of its partition is `Invalid`, and nothing of that call is committed:
/// it would skip records that are still to come.
pub async fn a_commit_beyond_the_end_is_invalid(subject: Subject) {
    let (topic, group) = (subject.events(), subject.group("archiver"));
    let log = (subject.open)();
    publish(&*log, records(&topic, 0, 20, 9)).await;
    let mut member = join(&*log, &group, &topic).await;
    let read = receive(&mut *member, 20).await;
    let ends = after(&read);
    for partition in ends.keys() {
        for beyond in [ends[partition] + 1, u64::MAX] {
            let mut next = ends.clone();
            next.insert(partition.clone(), beyond);
            let error = member.commit(&next).await.expect_err("beyond the end");
            assert_eq!(error.kind(), ErrorKind::Invalid, "{beyond}: {error}");
        }
    }
    assert_eq!(behind(&*log, &group).await, 20, "a part of a refused commit was kept");
    publish(&*log, records(&topic, 20, 20, 9)).await;
    assert_eq!(receive(&mut *member, 20).await.len(), 20, "nothing is skipped");
    member.commit(&ends).await.expect("up to where the end was");
    assert_eq!(behind(&*log, &group).await, 20);
}

/// What one group reads and commits is nothing to another.
pub async fn groups_progress_alone(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let (one, two) = (subject.group("archiver"), subject.group("recorder"));
    publish(&*log, records(&topic, 0, 30, 9)).await;
    let mut first = join(&*log, &one, &topic).await;
    let mut second = join(&*log, &two, &topic).await;
    let read = receive(&mut *first, 30).await;
    commit(&mut *first, &read).await;
    assert_eq!((behind(&*log, &one).await, behind(&*log, &two).await), (0, 30));
    assert_eq!(places(&receive(&mut *second, 30).await), places(&read));
    commit(&mut *second, &read[..7]).await;
    assert_eq!((behind(&*log, &one).await, behind(&*log, &two).await), (0, 23));
    let mut late = join(&*log, &subject.group("late"), &topic).await;
    assert_eq!(places(&receive(&mut *late, 30).await), places(&read), "from the oldest on");
    let unknown = log.lag(&subject.group("unknown")).await.expect("there");
    assert_eq!(
        (unknown.members, unknown.partitions),
        (crate::stream::Members::Present(0), Vec::new())
    );
}

/// A poll brings at most `max`, nothing for 0, each record once, each partition in order; and only
/// of the topics asked for.
pub async fn a_poll_keeps_its_bounds(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let mut member = join(&*log, &subject.group("archiver"), &topic).await;
    silence(&subject, &mut *member).await;
    publish(&*log, records(&topic, 0, 50, 11)).await;
    publish(&*log, records(&subject.topic("others"), 0, 20, 11)).await;
    let mut read = Vec::new();
    for max in [1, 2, 3, 7, 1, 20, 1_000] {
        let none = member.poll(0, Duration::ZERO).await.expect("the log is there");
        assert!(none.is_empty(), "0 were asked for");
        let page = in_time("more", member.poll(max, FOREVER)).await.expect("the log is there");
        assert!((1..=max).contains(&page.len()), "{} of at most {max}", page.len());
        read.extend(page);
    }
    let left = 50 - read.len();
    read.extend(receive(&mut *member, left).await);
    assert_eq!(places(&read).len(), 50, "one came twice");
    assert!(read.iter().all(|record| record.place.partition.topic == topic), "another topic");
    let mut next: BTreeMap<&Partition, u64> = BTreeMap::new();
    for Record { place, .. } in &read {
        let expected = next.entry(&place.partition).or_insert(0);
        assert_eq!(place.offset, *expected, "out of order in {:?}", place.partition);
        *expected += 1;
    }
}

/// However a publish falls together with a poll that has just found nothing, it wakes it.
pub async fn a_waiting_poll_is_woken_by_a_publish(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let mut member = join(&*log, &subject.group("archiver"), &topic).await;
    for round in 0..150 {
        let (log, topic) = (Arc::clone(&log), topic.clone());
        let publisher = tokio::spawn(async move {
            // Between asking and waiting there are only few points to come in at: try them all.
            for _ in 0..round % 10 {
                tokio::task::yield_now().await;
            }
            publish(&*log, vec![record(&topic, round % 9, round)]).await
        });
        let read = receive(&mut *member, 1).await;
        let published = publisher.await.expect("published");
        assert_eq!(read[0].place, published[0]);
        if round % 16 == 0 {
            commit(&mut *member, &read).await;
        }
    }
}

/// A paused member gets nothing, keeps its partitions, may commit, and goes on where it stopped.
pub async fn a_paused_member_goes_on_where_it_stopped(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let mut member = join(&*log, &subject.group("archiver"), &topic).await;
    publish(&*log, records(&topic, 0, 20, 9)).await;
    let before = receive(&mut *member, 8).await;
    let assigned = member.assignment();
    member.pause().await;
    publish(&*log, records(&topic, 20, 20, 9)).await;
    silence(&subject, &mut *member).await;
    commit(&mut *member, &before[..3]).await;
    silence(&subject, &mut *member).await;
    assert_eq!(member.assignment(), assigned, "a pause is no leave");
    member.resume().await;
    let rest = receive(&mut *member, 32).await;
    assert!(places(&rest).is_disjoint(&places(&before)), "went back");
    assert_eq!(places(&rest).len(), 32);
    silence(&subject, &mut *member).await;
}

/// A consumer goes on when the handle that it came from is gone; dropped, it leaves nothing behind
/// that keeps the next process from its place.
pub async fn a_consumer_outlives_its_log(subject: Subject) {
    let (topic, group) = (subject.events(), subject.group("archiver"));
    let log = (subject.open)();
    publish(&*log, records(&topic, 0, 20, 9)).await;
    let mut member = join(&*log, &group, &topic).await;
    drop(log);
    let read = receive(&mut *member, 20).await;
    commit(&mut *member, &read[..12]).await;
    drop(member);
    let log = (subject.open)();
    let mut member = join(&*log, &group, &topic).await;
    assert_eq!(places(&receive(&mut *member, 8).await), places(&read[12..]));
}
