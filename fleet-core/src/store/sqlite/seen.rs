//! Which sequence numbers of a truck have ever been stored, as runs: `1..=90, 95..=99`.
//!
//! A truck whose reports come in order has one run and costs nothing more. What a late report
//! needs is the answer "certainly new" without looking through the truck's history; what expires
//! stays among the seen, so "seen" is only a reason to look.

use rusqlite::{Connection, OptionalExtension};

/// What one truck has seen. The last run is here, and kept in the truck's row; those before it are
/// rows of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The first number of the last run.
    pub(super) first: i64,
    /// The highest number ever stored; below `first` if there is none.
    pub(super) last: i64,
}

impl Seen {
    /// No number at all.
    pub(super) const NOTHING: Self = Self { first: 1, last: 0 };

    /// Whether `truck` has ever stored `seq`.
    pub(super) fn contains(
        self,
        connection: &Connection,
        truck: i64,
        seq: i64,
    ) -> rusqlite::Result<bool> {
        if seq >= self.first {
            return Ok(seq <= self.last);
        }
        Ok(run_before(connection, truck, seq)?.is_some_and(|(_, last)| seq <= last))
    }

    /// Adds `seq`, which has not been seen.
    pub(super) fn add(
        &mut self,
        connection: &Connection,
        truck: i64,
        seq: i64,
    ) -> rusqlite::Result<()> {
        if seq < self.first {
            return self.add_late(connection, truck, seq);
        }
        if seq - 1 > self.last {
            if self.first <= self.last {
                put(connection, truck, self.first, self.last)?;
            }
            self.first = seq;
        }
        self.last = seq;
        Ok(())
    }

    /// Adds a number below the last run, joining the runs that it touches.
    fn add_late(&mut self, connection: &Connection, truck: i64, seq: i64) -> rusqlite::Result<()> {
        let first = match run_before(connection, truck, seq)? {
            Some((first, last)) if last == seq - 1 => first,
            _ => seq,
        };
        if seq + 1 == self.first {
            take(connection, truck, first)?;
            self.first = first;
            return Ok(());
        }
        let last = take(connection, truck, seq + 1)?.unwrap_or(seq);
        put(connection, truck, first, last)
    }
}

fn put(connection: &Connection, truck: i64, first: i64, last: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO seen VALUES (?1, ?2, ?3)")?
        .execute([truck, first, last])?;
    Ok(())
}

/// Takes out the run that begins at `first`, if there is one, and tells where it ended.
fn take(connection: &Connection, truck: i64, first: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("DELETE FROM seen WHERE truck = ?1 AND first = ?2 RETURNING last")?
        .query_row([truck, first], |row| row.get(0))
        .optional()
}

/// The last run that begins at or before `seq`.
fn run_before(
    connection: &Connection,
    truck: i64,
    seq: i64,
) -> rusqlite::Result<Option<(i64, i64)>> {
    connection
        .prepare_cached(
            "SELECT first, last FROM seen WHERE truck = ?1 AND first <= ?2
             ORDER BY first DESC LIMIT 1",
        )?
        .query_row([truck, seq], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::store::sqlite::SCHEMA;

    fn runs(connection: &Connection) -> Vec<(i64, i64)> {
        let mut rows = connection
            .prepare("SELECT first, last FROM seen WHERE truck = 1 ORDER BY first")
            .expect("the schema is right");
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("readable");
        rows.collect::<rusqlite::Result<_>>().expect("readable")
    }

    proptest! {
        #[test]
        fn runs_hold_the_numbers_of_a_set(seqs in prop::collection::vec(1..40_i64, 0..80)) {
            let connection = Connection::open_in_memory().expect("in memory");
            connection.execute_batch(SCHEMA.ddl).expect("the schema is right");
            let (mut seen, mut set) = (Seen::NOTHING, BTreeSet::new());
            for seq in seqs {
                let is_seen = seen.contains(&connection, 1, seq).expect("readable");
                prop_assert_eq!(is_seen, set.contains(&seq), "{}", seq);
                if set.insert(seq) {
                    seen.add(&connection, 1, seq).expect("writable");
                }
            }
            let mut runs = runs(&connection);
            runs.push((seen.first, seen.last));
            let numbers: Vec<i64> = runs.iter().flat_map(|(first, last)| *first..=*last).collect();
            prop_assert!(numbers.iter().eq(&set), "{:?} is not {:?}", numbers, set);
            let are_apart = runs.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0);
            prop_assert!(are_apart, "runs that touch: {:?}", runs);
        }
    }
}
