//! Laws of a group's members: who reads what when they come and go.

use super::*;

pub(super) type Members = Vec<Box<dyn Consumer>>;

/// Polls the members in turn until each partition of `topic` belongs to exactly one and nobody
/// has too many; returns what came by member.
pub(super) async fn settle(
    log: &dyn EventLog,
    topic: &Topic,
    members: &mut Members,
) -> Vec<Vec<Record>> {
    let mut came = vec![Vec::new(); members.len()];
    let extents = log.extents(topic).await.expect("the log is there");
    let all: BTreeSet<Partition> = extents.into_iter().map(|extent| extent.partition).collect();
    let settled = async {
        loop {
            let shares: Vec<_> = members.iter().map(|member| member.assignment()).collect();
            let owned: BTreeSet<_> = shares.iter().flatten().cloned().collect();
            let is_disjoint = shares.iter().map(Vec::len).sum::<usize>() == owned.len();
            let fair = owned.len().div_ceil(members.len());
            let is_fair = shares.iter().all(|share| share.len() <= fair);
            if is_disjoint && is_fair && owned.is_superset(&all) {
                return;
            }
            take_turns(members, &mut came).await;
        }
    };
    in_time("each partition has one owner, and none too many", settled).await;
    came
}

pub(super) async fn take_turns(members: &mut Members, came: &mut [Vec<Record>]) {
    for (member, came) in members.iter_mut().zip(came) {
        came.extend(member.poll(1_000, TURN).await.expect("the log is there"));
    }
}

/// Polls the members in turn until all of `wanted` have come.
async fn receive_all(members: &mut Members, came: &mut [Vec<Record>], wanted: &BTreeSet<Place>) {
    let received = async {
        let has_come = |came: &[Vec<Record>]| places(&came.concat()).is_superset(wanted);
        while !has_come(came) {
            take_turns(members, came).await;
        }
    };
    in_time("every record", received).await;
}

/// Members of a group share its partitions: each record comes to exactly one of them, the owner of
/// its partition, and joining shares anew.
pub async fn members_share_the_partitions(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let group = subject.group("archiver");
    let mut members = Members::new();
    let mut number = 0;
    // Enough keys for a record in each partition, and so for each partition to be known.
    publish(&*log, records(&topic, 0, 64, 64)).await;
    let mut first = join(&*log, &group, &topic).await;
    let read = receive(&mut *first, 64).await;
    commit(&mut *first, &read).await;
    members.push(first);
    for count in 1..=3 {
        settle(&*log, &topic, &mut members).await;
        let mut came = vec![Vec::new(); members.len()];
        number += 64;
        let published = publish(&*log, records(&topic, number, 64, 64)).await;
        let published: BTreeSet<Place> = published.into_iter().collect();
        receive_all(&mut members, &mut came, &published).await;
        take_turns(&mut members, &mut came).await;
        assert_eq!(came.iter().map(Vec::len).sum::<usize>(), 64, "{count} members: one twice");
        for (member, came) in members.iter_mut().zip(&came) {
            assert!(!came.is_empty(), "{count} members, and one of them has nothing to do");
            let owned = member.assignment();
            assert!(came.iter().all(|record| owned.contains(&record.place.partition)));
            commit(&mut **member, came).await;
        }
        assert_eq!(behind(&*log, &group).await, 0);
        members.push(join(&*log, &group, &topic).await);
    }
}

/// A group tells how many read for it: nobody, whoever joins, and whoever has not left.
pub async fn members_are_counted(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let group = subject.group("archiver");
    publish(&*log, records(&topic, 0, 64, 64)).await;
    let mut members = Members::new();
    for count in [1, 2, 1, 0] {
        if count > members.len() {
            members.push(join(&*log, &group, &topic).await);
        } else {
            drop(members.pop());
        }
        let wanted = u32::try_from(count).expect("few");
        let told = async {
            while log.lag(&group).await.expect("the log is there").members
                != crate::stream::Members::Present(wanted)
            {
                let mut came = vec![Vec::new(); members.len()];
                take_turns(&mut members, &mut came).await;
                tokio::time::sleep(TURN).await; // no member, no turn
            }
        };
        in_time("members are told as they are", told).await;
    }
}

/// Who leaves hands its partitions over, and with them what it has taken and not committed; what
/// the others have taken meanwhile does not come to them twice.
pub async fn a_leaving_member_hands_over_what_it_has_not_committed(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let group = subject.group("archiver");
    let published = publish(&*log, records(&topic, 0, 80, 40)).await;
    let published: BTreeSet<Place> = published.into_iter().collect();
    let mut members = vec![join(&*log, &group, &topic).await, join(&*log, &group, &topic).await];
    let mut came = settle(&*log, &topic, &mut members).await;
    receive_all(&mut members, &mut came, &published).await;

    let owned = members[1].assignment();
    let mine: Vec<Record> =
        came[1].iter().filter(|record| owned.contains(&record.place.partition)).cloned().collect();
    let half = mine.len() / 2;
    commit(&mut *members[1], &mine[..half]).await;
    let done = after(&mine[..half]);
    let is_done = |place: &Place| done.get(&place.partition).is_some_and(|at| place.offset < *at);
    let left: BTreeSet<Place> = places(&mine).into_iter().filter(|place| !is_done(place)).collect();
    assert!(!left.is_empty());
    drop(members.pop()); // leaves, with `left` in its hands

    let mut again = vec![Vec::new()];
    receive_all(&mut members, &mut again, &left).await;
    take_turns(&mut members, &mut again).await;
    assert_eq!(places(&again[0]), left, "what was left, and nothing else");
    let assigned: BTreeSet<Partition> = members[0].assignment().into_iter().collect();
    assert!(assigned.is_superset(&owned.into_iter().collect()), "the last one has all");
    commit(&mut *members[0], &came[0]).await;
    commit(&mut *members[0], &again[0]).await;
    assert_eq!(behind(&*log, &group).await, 0);
}

/// Who commits for a partition that meanwhile went to another changes nothing: the new owner has
/// started from what was committed before, and has not done its work yet.
pub async fn a_commit_of_what_was_reassigned_changes_nothing(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let group = subject.group("archiver");
    publish(&*log, records(&topic, 0, 80, 40)).await;
    let mut members = vec![join(&*log, &group, &topic).await];
    let all = receive(&mut *members[0], 80).await;
    members.push(join(&*log, &group, &topic).await);
    let mut came = settle(&*log, &topic, &mut members).await;

    commit(&mut *members[0], &all).await; // of which it has kept a part
    let moved = members[1].assignment();
    let lags = log.lag(&group).await.expect("the log is there").partitions;
    for lag in lags.iter().filter(|lag| moved.contains(&lag.partition)) {
        assert_eq!(lag.records, lag.end, "{:?} is not its own", lag.partition);
    }
    let handed: BTreeSet<Place> =
        places(&all).into_iter().filter(|place| moved.contains(&place.partition)).collect();
    assert!(!handed.is_empty());
    receive_all(&mut members, &mut came, &handed).await;
    assert!(places(&came[1]).is_superset(&handed), "the new owner starts from the commit");
    assert!(came[0].is_empty(), "the old one goes on from its own place: {:?}", came[0]);
}
