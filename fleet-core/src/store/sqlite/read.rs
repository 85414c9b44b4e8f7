//! Queries. Each touches pages in proportion to its answer.

use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::{
    FeedPage, StoredEvent, StoredTrip, TelemetryQuery, TripQuery, Watermarks,
    rows::{self, COLUMNS, FROM, TRIP_COLUMNS},
};
use crate::{
    domain::{EventId, TripId, TripStatus, TruckId},
    store::FeedItem,
    stream::{Partition, Topic},
    time::Time,
};

/// History of one truck, slot by slot in the order asked for.
pub(super) fn telemetry(
    connection: &Connection,
    query: &TelemetryQuery,
    now: Time,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let truck: Option<i64> = connection
        .prepare_cached("SELECT id FROM trucks WHERE name = ?1")?
        .query_row([query.truck_id.as_str()], |row| row.get(0))
        .optional()?;
    let Some(truck) = truck else { return Ok(Vec::new()) };
    let (mut low, mut high) = (query.from.as_ms(), query.to.as_ms());
    let mut after = None;
    if let Some((time, id)) = &query.after {
        let ord = match id {
            EventId::Counted { seq, .. } => rows::ord(*seq, None),
            EventId::Sourced { source_id, .. } => rows::ord(0, Some(source_id)),
        };
        after = Some((time.as_ms(), ord));
        if query.newest_first {
            high = high.min(time.as_ms().saturating_add(1));
        } else {
            low = low.max(time.as_ms());
        }
    }
    let (order, beyond, step) = if query.newest_first {
        ("DESC", "<", "SELECT MAX(slot) FROM telemetry WHERE slot <= ?1")
    } else {
        ("ASC", ">", "SELECT MIN(slot) FROM telemetry WHERE slot >= ?1")
    };
    let page_sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE slot = ?1 AND truck = ?2 AND time >= ?3 AND time < ?4
         AND (?5 IS NULL OR (time, ord) {beyond} (?5, ?6)) AND expires_at > ?7
         ORDER BY time {order}, ord {order} LIMIT ?8"
    );
    let first = rows::slot(Time::from_ms(low));
    let last = rows::slot(Time::from_ms(high.saturating_sub(1)));
    let mut slot = if query.newest_first { last } else { first };
    let mut found = Vec::new();
    while found.len() < query.limit && low < high {
        let next: Option<i64> =
            connection.prepare_cached(step)?.query_row([slot], |row| row.get(0))?;
        let Some(here) = next.filter(|here| (first..=last).contains(here)) else { break };
        let left = i64::try_from(query.limit - found.len()).unwrap_or(i64::MAX);
        let (after_time, after_ord) = after.unzip();
        let bounds = params![here, truck, low, high, after_time, after_ord, now.as_ms(), left];
        let mut page = connection.prepare_cached(&page_sql)?;
        for event in page.query_map(bounds, rows::stored_event)? {
            found.push(event?);
        }
        slot = if query.newest_first { here - 1 } else { here + 1 };
    }
    Ok(found)
}

/// The newest event of each truck, or of one.
pub(super) fn latest(
    connection: &Connection,
    truck_id: Option<&TruckId>,
    now: Time,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM trucks JOIN telemetry ON telemetry.slot = trucks.newest_time / 600000
             AND telemetry.truck = trucks.id AND telemetry.time = trucks.newest_time
             AND telemetry.ord = trucks.newest_ord
         JOIN partitions ON partitions.id = telemetry.partition
         WHERE (?1 IS NULL OR trucks.name = ?1) AND expires_at > ?2 ORDER BY trucks.name"
    );
    let name = truck_id.map(TruckId::as_str);
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map(params![name, now.as_ms()], rows::stored_event)?.collect()
}

/// Trips, newest departure first.
pub(super) fn trips(
    connection: &Connection,
    query: &TripQuery,
) -> rusqlite::Result<Vec<StoredTrip>> {
    let mut sql = format!("SELECT {TRIP_COLUMNS} WHERE 1");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut filter = |text: &str, value: Box<dyn ToSql>| {
        sql.push_str(text);
        values.push(value);
    };
    if let Some(truck_id) = &query.truck_id {
        filter(" AND truck = ?", Box::new(truck_id.to_string()));
    }
    if let Some(status) = query.status {
        filter(" AND is_done = ?", Box::new(status == TripStatus::Done));
    }
    if let Some(on_time) = query.on_time {
        filter(" AND on_time = ?", Box::new(on_time));
    }
    if let Some(from) = query.from {
        filter(" AND started_at >= ?", Box::new(from.as_ms()));
    }
    if let Some(to) = query.to {
        filter(" AND started_at < ?", Box::new(to.as_ms()));
    }
    if let Some((started_at, id)) = &query.after {
        filter(" AND (started_at, trips.id) < (?", Box::new(started_at.as_ms()));
        filter(", ?)", Box::new(id.to_string()));
    }
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    filter(" ORDER BY started_at DESC, trips.id DESC LIMIT ?", Box::new(limit));
    let mut statement = connection.prepare_cached(&sql)?;
    let values: Vec<&dyn ToSql> = values.iter().map(|value| &**value).collect();
    statement.query_map(&values[..], rows::stored_trip)?.collect()
}

/// One trip.
pub(super) fn trip(
    connection: &Connection,
    trip_id: &TripId,
) -> rusqlite::Result<Option<StoredTrip>> {
    let sql = format!("SELECT {TRIP_COLUMNS} WHERE trips.id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_row([trip_id.as_str()], rows::stored_trip).optional()
}

/// Every partition: its row, itself, its watermark.
pub(super) fn watermarks(connection: &Connection) -> rusqlite::Result<Vec<(i64, Partition, u64)>> {
    let mut rows = connection
        .prepare_cached("SELECT id, topic, number, next FROM partitions ORDER BY topic, number")?;
    rows.query_map([], |row| {
        let topic: String = row.get(1)?;
        let topic: Topic = topic.parse().unwrap_or(Topic::TELEMETRY); // checked when it came in
        let partition = Partition { topic, number: row.get(2)? };
        Ok((row.get(0)?, partition, row.get::<_, i64>(3)?.cast_unsigned()))
    })?
    .collect()
}

/// A piece of the feed below the watermarks; the room is shared by the partitions that have more.
pub(super) fn feed(
    connection: &Connection,
    from: &Watermarks,
    max: usize,
    now: Time,
) -> rusqlite::Result<FeedPage> {
    let transaction = connection.unchecked_transaction()?; // one state for marks and rows
    let partitions = watermarks(&transaction)?;
    let mut page = FeedPage { items: Vec::new(), next: from.clone(), has_more: false };
    for (done, (id, partition, end)) in partitions.iter().enumerate() {
        let start = from.get(partition).copied().unwrap_or(0);
        let left = max - page.items.len();
        let share = left.div_ceil(partitions.len() - done);
        if start >= *end {
            page.next.entry(partition.clone()).or_insert(*end);
            continue;
        }
        let items = items(&transaction, *id, (start, *end), share)?;
        let is_cut = items.len() == share;
        let next = match items.last() {
            Some(last) if is_cut => last.place().offset + 1,
            _ if share == 0 => start,
            _ => *end,
        };
        page.has_more |= is_cut && next < *end;
        page.next.insert(partition.clone(), next);
        page.items.extend(items.into_iter().filter(|item| match item {
            FeedItem::Telemetry(stored) => stored.expires_at > now,
            FeedItem::Trip(_) => true,
        }));
    }
    Ok(page)
}

/// What was first seen in `partition` within [start, end), oldest first; a partition holds either
/// telemetry or trips.
fn items(
    connection: &Connection,
    partition: i64,
    (start, end): (u64, u64),
    limit: usize,
) -> rusqlite::Result<Vec<FeedItem>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let bounds = [partition, start.cast_signed(), end.cast_signed(), limit];
    let range = "place >= ?2 AND place < ?3 ORDER BY place LIMIT ?4";
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE telemetry.partition = ?1 AND {range}");
    let mut telemetry = connection.prepare_cached(&sql)?;
    let mut items = telemetry
        .query_map(bounds, |row| Ok(FeedItem::Telemetry(Box::new(rows::stored_event(row)?))))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    if items.is_empty() {
        let sql = format!("SELECT {TRIP_COLUMNS} WHERE trips.partition = ?1 AND {range}");
        let mut trips = connection.prepare_cached(&sql)?;
        items = trips
            .query_map(bounds, |row| Ok(FeedItem::Trip(Box::new(rows::stored_trip(row)?))))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
    }
    Ok(items)
}
