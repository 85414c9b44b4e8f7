//! Queries. Each touches pages in proportion to its answer.

use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::{
    Document, FeedPage, StoredEvent, StoredTrip, TelemetryQuery, TripQuery, Watermarks,
    rows::{self, COLUMNS, FROM, TRIP_COLUMNS},
};
use crate::{
    domain::{EventId, TripId, TripStatus, TruckId},
    store::{FeedItem, ord},
    stream::Partition,
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
            EventId::Counted { seq, .. } => ord(*seq, None),
            EventId::Sourced { source_id, .. } => ord(0, Some(source_id)),
        };
        after = Some((time.as_ms(), ord));
        if query.newest_first {
            high = high.min(time.as_ms().saturating_add(1));
        } else {
            low = low.max(time.as_ms());
        }
    }
    let (step, page_sql) = (slot_sql(query), page_sql(query));
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

/// The next slot that holds anything, in the order asked for.
fn slot_sql(query: &TelemetryQuery) -> &'static str {
    if query.newest_first {
        "SELECT MAX(slot) FROM telemetry WHERE slot <= ?1"
    } else {
        "SELECT MIN(slot) FROM telemetry WHERE slot >= ?1"
    }
}

/// One truck's events in one slot.
fn page_sql(query: &TelemetryQuery) -> String {
    let (order, beyond) = if query.newest_first { ("DESC", "<") } else { ("ASC", ">") };
    format!(
        "SELECT {COLUMNS} {FROM} WHERE slot = ?1 AND truck = ?2 AND time >= ?3 AND time < ?4
         AND (?5 IS NULL OR (time, ord) {beyond} (?5, ?6)) AND telemetry.expires_at > ?7
         ORDER BY time {order}, ord {order} LIMIT ?8"
    )
}

/// The newest event of each truck, or of one.
pub(super) fn latest(
    connection: &Connection,
    truck_id: Option<&TruckId>,
    now: Time,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let transaction = connection.unchecked_transaction()?; // one state for trucks and rows
    let named = if truck_id.is_some() { "name = ?2" } else { "?2 IS NULL" };
    let sql = format!(
        "SELECT id, name, newest_time, newest_ord FROM trucks
         WHERE expires_at > ?1 AND {named} ORDER BY name"
    );
    let mut trucks = transaction.prepare_cached(&sql)?;
    let mut trucks = trucks.query(params![now.as_ms(), truck_id.map(TruckId::as_str)])?;
    let mut found = Vec::new();
    while let Some(truck) = trucks.next()? {
        let newest =
            find(&transaction, truck.get(0)?, Time::from_ms(truck.get(2)?), truck.get(3)?)?;
        match newest.filter(|stored| stored.expires_at > now) {
            Some(newest) => found.push(newest),
            // The newest has expired before one that came late: look for that one.
            None => found.extend(newest_alive(&transaction, rows::parsed(truck, 1)?, now)?),
        }
    }
    Ok(found)
}

fn newest_alive(
    connection: &Connection,
    truck_id: Option<TruckId>,
    now: Time,
) -> rusqlite::Result<Option<StoredEvent>> {
    let Some(truck_id) = truck_id else { return Ok(None) };
    let (from, to, after) = (Time::MIN, Time::MAX, None);
    let query = TelemetryQuery { truck_id, from, to, after, newest_first: true, limit: 1 };
    Ok(telemetry(connection, &query, now)?.pop())
}

/// The event of a truck at exactly this time with exactly this `ord`, expired or not.
pub(super) fn find(
    connection: &Connection,
    truck: i64,
    time: Time,
    ord: i64,
) -> rusqlite::Result<Option<StoredEvent>> {
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE slot = ?1 AND truck = ?2 AND time = ?3 AND ord = ?4"
    );
    connection
        .prepare_cached(&sql)?
        .query_row(params![rows::slot(time), truck, time.as_ms(), ord], rows::stored_event)
        .optional()
}

/// Trips, newest departure first.
pub(super) fn trips(
    connection: &Connection,
    query: &TripQuery,
) -> rusqlite::Result<Vec<StoredTrip>> {
    let (sql, values) = trips_sql(query);
    let mut statement = connection.prepare_cached(&sql)?;
    let values: Vec<&dyn ToSql> = values.iter().map(|value| &**value).collect();
    statement.query_map(&values[..], rows::stored_trip)?.collect()
}

/// One index serves the most telling filter and the order; a `+` keeps the others from competing.
fn trips_sql(query: &TripQuery) -> (String, Vec<Box<dyn ToSql>>) {
    let mut sql = format!("SELECT {TRIP_COLUMNS} WHERE 1");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut filter = |text: &str, value: Box<dyn ToSql>| {
        sql.push_str(text);
        values.push(value);
    };
    if let Some(truck_id) = &query.truck_id {
        filter(" AND truck = ?", Box::new(truck_id.to_string()));
    }
    let has_truck = query.truck_id.is_some();
    if let Some(on_time) = query.on_time {
        let text = if has_truck { " AND +on_time = ?" } else { " AND on_time = ?" };
        filter(text, Box::new(on_time));
    }
    if let Some(status) = query.status {
        let is_helped = has_truck || query.on_time.is_some();
        let text = if is_helped { " AND +is_done = ?" } else { " AND is_done = ?" };
        filter(text, Box::new(status == TripStatus::Done));
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
    (sql, values)
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

/// A partition that has a watermark.
pub(super) struct Marked {
    id: i64,
    pub(super) partition: Partition,
    pub(super) next: u64,
    /// Everything before this place was swept, or was never a row.
    swept: u64,
}

/// Every partition that has a watermark, in order.
pub(super) fn watermarks(connection: &Connection) -> rusqlite::Result<Vec<Marked>> {
    let mut rows = connection.prepare_cached(
        "SELECT topic, number, id, next, swept FROM partitions WHERE next IS NOT NULL
         ORDER BY topic, number",
    )?;
    rows.query_map([], |row| {
        let topic = rows::required(0, rows::parsed(row, 0)?)?;
        let partition = Partition { topic, number: row.get(1)? };
        let place = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        Ok(Marked { id: row.get(2)?, partition, next: place(3)?, swept: place(4)? })
    })?
    .collect()
}

/// The row of every partition.
pub(super) fn partitions(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached("SELECT id FROM partitions")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Documents of a kind by id, or the one called `id`.
pub(super) fn documents(
    connection: &Connection,
    kind: &str,
    id: Option<&str>,
    after: Option<&str>,
    max: usize,
) -> rusqlite::Result<Vec<Document>> {
    let filter = if id.is_some() { "id = ?2" } else { "?2 IS NULL" };
    let bound = if after.is_some() { "id > ?3" } else { "?3 IS NULL" };
    let sql = format!(
        "SELECT id, body FROM documents WHERE kind = ?1 AND {filter} AND {bound}
         ORDER BY id LIMIT ?4"
    );
    let limit = i64::try_from(max).unwrap_or(i64::MAX);
    let mut rows = connection.prepare_cached(&sql)?;
    rows.query_map(params![kind, id, after, limit], |row| {
        Ok(Document { kind: kind.to_owned(), id: row.get(0)?, body: row.get(1)? })
    })?
    .collect()
}

/// A piece of the feed below the watermarks. The room is shared by the partitions, the least behind
/// first, in rounds: what one leaves goes to those with more. `None` if something that came after a
/// place in `from` has been swept.
pub(super) fn feed(
    connection: &Connection,
    from: &Watermarks,
    max: usize,
    now: Time,
) -> rusqlite::Result<Option<FeedPage>> {
    let transaction = connection.unchecked_transaction()?; // one state for marks and rows
    let start_of = |of: &Marked| from.get(&of.partition).copied().unwrap_or(of.swept);
    let behind = watermarks(&transaction)?;
    if behind.iter().any(|marked| start_of(marked) < marked.swept) {
        return Ok(None);
    }
    let mut page = FeedPage { items: Vec::new(), next: from.clone(), has_more: false };
    let mut open = Vec::new();
    for Marked { id, partition, next: end, swept } in behind {
        let start = from.get(&partition).copied().unwrap_or(swept);
        page.next.insert(partition.clone(), start.max(end)); // one ahead of the watermark stays
        if start < end {
            open.push((id, partition, start, end));
        }
    }
    let mut room = max;
    while room > 0 && !open.is_empty() {
        open.sort_by_key(|(_, _, start, end)| end - start);
        let (mut left, mut cut) = (open.len(), Vec::new());
        for (id, partition, start, end) in open {
            let share = room.div_ceil(left);
            left -= 1;
            let items = items(&transaction, id, (start, end), share)?;
            room -= items.len();
            if items.len() == share {
                let next = items.last().map_or(start, |last| last.place().offset + 1);
                cut.push((id, partition, next, end));
            }
            page.items.extend(items.into_iter().filter(|item| match item {
                FeedItem::Telemetry(stored) => stored.expires_at > now,
                FeedItem::Trip(_) => true,
            }));
        }
        open = cut;
    }
    for (_, partition, next, end) in open {
        page.has_more |= next < end;
        page.next.insert(partition, next);
    }
    Ok(Some(page))
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
    let [telemetry, trips] = items_sql();
    let mut telemetry = connection.prepare_cached(&telemetry)?;
    let mut items = telemetry
        .query_map(bounds, |row| Ok(FeedItem::Telemetry(Box::new(rows::stored_event(row)?))))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    if items.is_empty() {
        let mut trips = connection.prepare_cached(&trips)?;
        items = trips
            .query_map(bounds, |row| Ok(FeedItem::Trip(Box::new(rows::stored_trip(row)?))))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
    }
    Ok(items)
}

/// Telemetry and trips of a partition, in the order of the log.
fn items_sql() -> [String; 2] {
    let range = "place >= ?2 AND place < ?3 ORDER BY place LIMIT ?4";
    [
        format!("SELECT {COLUMNS} {FROM} WHERE telemetry.partition = ?1 AND {range}"),
        format!("SELECT {TRIP_COLUMNS} WHERE trips.partition = ?1 AND {range}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::SCHEMA;

    /// The plan must be a search by key in the order asked for: no scan of a table, no sorting.
    #[track_caller]
    fn check_plan(connection: &Connection, sql: &str, is_bounded: impl Fn(&str) -> bool) {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect(sql);
        let mut steps = plan.raw_query();
        while let Some(step) = steps.next().expect(sql) {
            let step: String = step.get(3).expect("the plan's text");
            assert!(is_bounded(&step) && !step.contains("TEMP B-TREE"), "{step}\n{sql}");
        }
    }

    #[test]
    fn queries_touch_pages_in_proportion_to_their_answer() {
        let connection = Connection::open_in_memory().expect("in memory");
        connection.execute_batch(SCHEMA.ddl).expect("the schema is right");
        let is_search = |step: &str| step.starts_with("SEARCH");
        let truck_id = TruckId::simulated(1);
        let (from, to) = (Time::MIN, Time::MAX);
        for newest_first in [false, true] {
            let (truck_id, after) = (truck_id.clone(), None);
            let query = TelemetryQuery { truck_id, from, to, after, newest_first, limit: 1 };
            check_plan(&connection, slot_sql(&query), is_search);
            check_plan(&connection, &page_sql(&query), is_search);
        }
        for sql in items_sql() {
            check_plan(&connection, &sql, is_search);
        }
        for mask in 0..64_u8 {
            let has = |bit: u8| mask & (1 << bit) != 0;
            let query = TripQuery {
                truck_id: has(0).then(|| truck_id.clone()),
                status: has(1).then_some(TripStatus::Running),
                on_time: has(2).then_some(false),
                from: has(3).then_some(from),
                to: has(4).then_some(to),
                after: has(5).then(|| (to, truck_id.trip(1))),
                limit: 1,
            };
            // Without a filter the order's own index is read from its end until the limit.
            let is_walk =
                |step: &str| is_search(step) || step.contains("USING INDEX trips_started");
            check_plan(&connection, &trips_sql(&query).0, is_walk);
        }
    }
}
