//! The trucks as the writer knows them: each is read once, and written back once per batch.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::seen::Seen;
use crate::domain::TruckId;

/// Trucks that the writer remembers. Above it all are forgotten and read again.
const REMEMBERED_MAX: usize = 20_000;

/// A truck's row.
#[derive(Debug)]
pub(super) struct Truck {
    pub(super) id: i64,
    newest_time: i64,
    newest_ord: i64,
    pub(super) seen: Seen,
    /// When the last of its events will have expired.
    expires_at: i64,
    is_changed: bool,
}

impl Truck {
    fn load(connection: &Connection, truck_id: &TruckId) -> rusqlite::Result<Self> {
        let stored = connection
            .prepare_cached(
                "SELECT id, newest_time, newest_ord, run_first, run_last, expires_at FROM trucks
                 WHERE name = ?1",
            )?
            .query_row([truck_id.as_str()], |row| {
                Ok(Self {
                    id: row.get(0)?,
                    newest_time: row.get(1)?,
                    newest_ord: row.get(2)?,
                    seen: Seen { first: row.get(3)?, last: row.get(4)? },
                    expires_at: row.get(5)?,
                    is_changed: false,
                })
            })
            .optional()?;
        if let Some(truck) = stored {
            return Ok(truck);
        }
        connection
            .prepare_cached(
                "INSERT INTO trucks (name, newest_time, newest_ord, run_first, run_last, expires_at)
                 VALUES (?1, ?2, ?2, ?3, ?4, ?2)",
            )?
            .execute(params![truck_id.as_str(), i64::MIN, Seen::NOTHING.first, Seen::NOTHING.last])?;
        Ok(Self {
            id: connection.last_insert_rowid(),
            newest_time: i64::MIN,
            newest_ord: i64::MIN,
            seen: Seen::NOTHING,
            expires_at: i64::MIN,
            is_changed: false,
        })
    }

    fn took_in(&mut self, time: i64, ord: i64, expires_at: i64) {
        if (time, ord) > (self.newest_time, self.newest_ord) {
            (self.newest_time, self.newest_ord) = (time, ord);
        }
        self.expires_at = self.expires_at.max(expires_at);
    }

    fn save(&mut self, update: &mut CachedStatement<'_>) -> rusqlite::Result<()> {
        self.is_changed = false;
        update.execute([
            self.id,
            self.newest_time,
            self.newest_ord,
            self.seen.first,
            self.seen.last,
            self.expires_at,
        ])?;
        Ok(())
    }
}

/// What the writer remembers from batch to batch. It holds as long as every batch was kept: what a
/// batch that was rolled back left here must not be believed.
#[derive(Debug, Default)]
pub(super) struct Trucks {
    by_name: HashMap<TruckId, usize>,
    trucks: Vec<Truck>,
    /// Which of them the batch has changed.
    changed: Vec<usize>,
    /// The number of the batch that was last begun, and of the one that was last durable.
    begun: u64,
    kept: u64,
}

impl Trucks {
    /// Begins a batch; returns its number.
    pub(super) fn begin(&mut self) -> u64 {
        if self.kept != self.begun || self.trucks.len() > REMEMBERED_MAX {
            self.by_name.clear();
            self.trucks.clear();
            self.changed.clear();
        }
        self.begun += 1;
        self.begun
    }

    /// Notes that a batch is durable.
    pub(super) fn keep(&mut self, batch: u64) {
        self.kept = batch;
    }

    /// The truck of this name, a new one if need be; its index for [`took_in`](Self::took_in).
    pub(super) fn find(
        &mut self,
        connection: &Connection,
        truck_id: &TruckId,
    ) -> rusqlite::Result<(usize, &mut Truck)> {
        // Most are known: those cost no copy of the name.
        let ix = match self.by_name.get(truck_id) {
            Some(ix) => *ix,
            None => {
                self.trucks.push(Truck::load(connection, truck_id)?);
                self.by_name.insert(truck_id.clone(), self.trucks.len() - 1);
                self.trucks.len() - 1
            }
        };
        Ok((ix, &mut self.trucks[ix]))
    }

    /// Notes that a truck has a new event.
    pub(super) fn took_in(&mut self, ix: usize, time: i64, ord: i64, expires_at: i64) {
        let truck = &mut self.trucks[ix];
        truck.took_in(time, ord, expires_at);
        if !std::mem::replace(&mut truck.is_changed, true) {
            self.changed.push(ix);
        }
    }

    /// Writes back what the batch has changed.
    pub(super) fn save(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut update = connection.prepare_cached(
            "UPDATE trucks SET newest_time = ?2, newest_ord = ?3, run_first = ?4,
             run_last = ?5, expires_at = ?6 WHERE id = ?1",
        )?;
        self.changed.sort_unstable(); // in the order of the table
        let Self { trucks, changed, .. } = self;
        changed.drain(..).try_for_each(|ix| trucks[ix].save(&mut update))
    }
}
