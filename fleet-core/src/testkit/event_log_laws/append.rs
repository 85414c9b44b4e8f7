//! Laws of what is appended: order, places, durability, bounds.

use std::collections::BTreeMap;

use super::*;
use crate::ErrorKind;

/// The records of one key lie in one partition, over batches and crashes, in the order in which
/// they were published; places are told in the order of the call.
pub async fn a_key_keeps_its_partition_and_its_order(subject: Subject) {
    let topic = subject.events();
    let mut home: BTreeMap<String, Partition> = BTreeMap::new();
    for start in 0..3 {
        let log = (subject.open)();
        for batch in 0..4 {
            let batch = records(&topic, 60 * start + 15 * batch, 15, 7);
            let places = publish(&*log, batch.clone()).await;
            for (record, place) in batch.iter().zip(places) {
                let key = String::from_utf8_lossy(&record.key).into_owned();
                let told = home.entry(key).or_insert_with(|| place.partition.clone());
                assert_eq!(*told, place.partition, "{record:?} lies elsewhere than before");
                let there = log.read(&place.partition, place.offset, 1).await.expect("there");
                assert_eq!(there[0].place, place);
                assert_eq!(there[0].payload, record.payload, "another record is at {place:?}");
            }
        }
    }
    let log = (subject.open)();
    let mut member = join(&*log, &subject.group("reader"), &topic).await;
    let read = receive(&mut *member, 180).await;
    for key in home.keys() {
        let numbers = numbers(&read, key);
        assert!(numbers.len() > 20 && numbers.is_sorted(), "{key}: {numbers:?}");
    }
}

/// Keys, headers and payloads are bytes: empty, binary, and at their bounds; so is the time.
pub async fn records_come_back_as_they_went_in(subject: Subject) {
    let topic = subject.events();
    let all_bytes: Bytes = (0..=255).collect::<Vec<u8>>().into();
    let header = |name: &str, value: &Bytes| (name.to_owned(), value.clone());
    let plain = record(&topic, 1, 1);
    let full: Vec<_> = (0..32).map(|ix| header(&format!("h{ix}"), &all_bytes)).collect();
    let cases = vec![
        plain.clone(),
        NewRecord { key: Bytes::new(), payload: Bytes::new(), ..plain.clone() },
        NewRecord { key: all_bytes.clone(), payload: all_bytes.clone(), ..plain.clone() },
        NewRecord {
            headers: vec![
                header("x", &all_bytes),
                header("ट्रक", &Bytes::new()),
                header("x", &plain.key),
            ],
            ..plain.clone()
        },
        NewRecord { headers: full, ..plain.clone() },
        NewRecord { key: vec![7; 1 << 10].into(), payload: vec![9; 1 << 20].into(), ..plain },
    ];
    let log = (subject.open)();
    let places = publish(&*log, cases.clone()).await;
    for log in [log, (subject.open)()] {
        for (case, place) in cases.iter().zip(&places) {
            let there = log.read(&place.partition, place.offset, 1).await.expect("there");
            let Record { key, headers, payload, appended_at, .. } = there[0].clone();
            let back = NewRecord { topic: topic.clone(), key, headers, payload };
            assert!(back == *case, "went in as {case:?}, came back as {back:?}");
            assert_eq!(appended_at, NOW, "the log's clock says when");
        }
    }
}

/// A record over a bound is `Invalid`, and takes its whole call with it.
pub async fn what_breaks_a_bound_is_invalid_and_appends_nothing(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let plain = record(&topic, 1, 1);
    let header = |bytes: usize| ("h".to_owned(), Bytes::from(vec![0; bytes]));
    let cases = [
        ("key", NewRecord { key: vec![0; (1 << 10) + 1].into(), ..plain.clone() }),
        ("payload", NewRecord { payload: vec![0; (1 << 20) + 1].into(), ..plain.clone() }),
        ("headers", NewRecord { headers: vec![header(0); 33], ..plain.clone() }),
        ("headers", NewRecord { headers: vec![header(8 << 10); 2], ..plain.clone() }),
    ];
    for (field, case) in cases {
        let batch = vec![plain.clone(), case, plain.clone()];
        let error = log.publish(batch).await.expect_err("a bound is broken");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().starts_with(field), "{error}: does not name {field}");
    }
    let long = "g".repeat(250);
    for group in ["", "a group", "a/b", long.as_str()] {
        let error = log.subscribe(group, std::slice::from_ref(&topic)).await.expect_err("bad");
        assert_eq!(error.kind(), ErrorKind::Invalid, "group {group:?}: {error}");
    }
    assert!(publish(&*log, Vec::new()).await.is_empty());
    assert!(kept(&*log, &topic).await.is_empty(), "a part of a refused call was appended");
}

/// What was answered is there for the process after a kill, each time.
pub async fn what_was_published_survives_a_crash(subject: Subject) {
    let topic = subject.events();
    let mut answered = BTreeSet::new();
    for start in 0..4 {
        let log = (subject.open)();
        assert_eq!(places(&kept(&*log, &topic).await), answered, "after {start} crashes");
        for batch in 0..3 {
            let batch = records(&topic, 30 * start + 10 * batch, 10, 5);
            answered.extend(publish(&*log, batch).await);
        }
    }
    let log = (subject.open)();
    let read = kept(&*log, &topic).await;
    assert_eq!(places(&read), answered);
    let numbers: BTreeSet<u32> = read.iter().map(number).collect();
    assert!(numbers.into_iter().eq(0..120), "the places are there, the records are not");
}

/// Offsets have no gaps and are never used twice, not even when nothing is left.
pub async fn offsets_grow_over_a_full_trim_and_a_crash(subject: Subject) {
    let topic = subject.events();
    let mut ends: BTreeMap<Partition, u64> = BTreeMap::new();
    for start in 0..3 {
        let log = (subject.open)();
        for place in publish(&*log, records(&topic, 40 * start, 40, 9)).await {
            let end = ends.entry(place.partition.clone()).or_insert(0);
            assert_eq!(place.offset, *end, "in {:?} after {start} trims", place.partition);
            *end += 1;
        }
        subject.clock.advance_ms(RETENTION_MS + 1);
        let trimmed = log.trim(now(&subject)).await.expect("trimmed");
        assert_eq!(trimmed, 40, "no group holds anything back");
        let log = (subject.open)();
        for extent in log.extents(&topic).await.expect("the log is there") {
            let end = ends.get(&extent.partition).copied().unwrap_or(0);
            assert_eq!((extent.start, extent.end), (end, end), "{:?}", extent.partition);
        }
    }
}

/// Publishers at once get a place each, and each one's records keep their order.
pub async fn publishers_at_once_share_no_place(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let publishers: Vec<_> = (0..8)
        .map(|key| {
            let (log, topic) = (Arc::clone(&log), topic.clone());
            tokio::spawn(async move {
                let mut places = Vec::new();
                for number in 0..10 {
                    places.extend(publish(&*log, vec![record(&topic, key, number)]).await);
                }
                places
            })
        })
        .collect();
    let mut all = BTreeSet::new();
    for publisher in publishers {
        let places = publisher.await.expect("a publisher");
        assert!(places.is_sorted(), "one key's records were published in this order: {places:?}");
        all.extend(places);
    }
    assert_eq!(all.len(), 80, "two records have one place");
    let read = kept(&*log, &topic).await;
    assert_eq!(places(&read), all);
    for key in 0..8 {
        assert!(numbers(&read, &format!("k{key}")).into_iter().eq(0..10));
    }
}

/// Reading outside a group pages on from any offset: from the oldest kept if that one is gone, and
/// to nothing at the end or where nothing was ever written.
pub async fn reading_starts_at_the_oldest_kept_and_ends_at_the_end(subject: Subject) {
    let (log, topic) = ((subject.open)(), subject.events());
    let unknown = Partition { topic: topic.clone(), number: 0 };
    assert!(log.extents(&topic).await.expect("there").is_empty(), "never written");
    assert!(log.read(&unknown, 0, 9).await.expect("there").is_empty(), "never written");

    let old = publish(&*log, records(&topic, 0, 6, 1)).await;
    subject.clock.advance_ms(RETENTION_MS + 1);
    publish(&*log, records(&topic, 6, 5, 1)).await;
    log.trim(now(&subject)).await.expect("trimmed");
    let partition = &old[0].partition;
    let offsets = async |from, max| {
        let page = log.read(partition, from, max).await.expect("the log is there");
        page.iter().map(|record| record.place.offset).collect::<Vec<_>>()
    };
    assert_eq!(offsets(0, 2).await, [6, 7], "0 is gone");
    assert_eq!(offsets(8, 9).await, [8, 9, 10]);
    assert_eq!(offsets(8, 0).await, [] as [u64; 0]);
    assert_eq!(offsets(11, 9).await, [] as [u64; 0], "the end");
    assert_eq!(offsets(u64::MAX, usize::MAX).await, [] as [u64; 0], "far beyond it");
}

/// A log keeps its identity over crashes; another one has another, even if made at the same time.
pub async fn an_incarnation_names_one_log(subject: Subject) {
    let first = (subject.open)();
    let name = first.incarnation().to_owned();
    assert!((1..=64).contains(&name.len()), "{name:?}");
    assert!(name.bytes().all(|b| b.is_ascii_graphic()), "{name:?}: it is part of cursors");
    publish(&*first, records(&subject.events(), 0, 3, 2)).await;
    assert_eq!((subject.open)().incarnation(), name, "after a crash");
    assert_ne!((subject.another)().incarnation(), name, "of another log");
}
