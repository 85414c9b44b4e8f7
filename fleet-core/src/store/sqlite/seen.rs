//! Which sequence numbers of a truck have ever been stored, as runs: `1..=90, 95..=99`.
//!
//! A truck whose reports come in order has one run, touched once per batch. What a late report
//! needs is the answer "certainly new" without looking through the truck's history; what expires
//! stays among the seen, so "seen" is only a reason to look.

use rusqlite::{Connection, OptionalExtension, params};

/// The numbers of one truck stored in this batch and not yet in the file: one run.
#[derive(Debug, Default)]
pub(super) struct Fresh(Option<(i64, i64)>);

impl Fresh {
    /// Whether `truck` has stored `seq`, in this batch or before.
    pub(super) fn has_seen(
        &self,
        connection: &Connection,
        truck: i64,
        seq: i64,
    ) -> rusqlite::Result<bool> {
        if self.0.is_some_and(|(first, last)| (first..=last).contains(&seq)) {
            return Ok(true);
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
        match &mut self.0 {
            Some((_, last)) if seq.checked_sub(1) == Some(*last) => *last = seq,
            _ => {
                self.flush(connection, truck)?;
                self.0 = Some((seq, seq));
            }
        }
        Ok(())
    }

    /// Writes the run, joined with those that it touches.
    pub(super) fn flush(&mut self, connection: &Connection, truck: i64) -> rusqlite::Result<()> {
        let Some((mut first, mut last)) = self.0.take() else { return Ok(()) };
        let after: Option<i64> = connection
            .prepare_cached("DELETE FROM seen WHERE truck = ?1 AND first = ?2 RETURNING last")?
            .query_row(params![truck, last.saturating_add(1)], |row| row.get(0))
            .optional()?;
        last = after.unwrap_or(last);
        if let Some((start, end)) = run_before(connection, truck, first)?
            && end == first - 1
        {
            first = start;
        }
        connection
            .prepare_cached("INSERT OR REPLACE INTO seen VALUES (?1, ?2, ?3)")?
            .execute(params![truck, first, last])?;
        Ok(())
    }
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
        .query_row(params![truck, seq], |row| Ok((row.get(0)?, row.get(1)?)))
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
        fn runs_hold_the_numbers_of_a_set(steps in prop::collection::vec((1..40_i64, 0..4_u8), 0..80)) {
            let connection = Connection::open_in_memory().expect("in memory");
            connection.execute_batch(SCHEMA.ddl).expect("the schema is right");
            let (mut fresh, mut set) = (Fresh::default(), BTreeSet::new());
            for (seq, and_then) in steps {
                let has_seen = fresh.has_seen(&connection, 1, seq).expect("readable");
                prop_assert_eq!(has_seen, set.contains(&seq), "{}", seq);
                if set.insert(seq) {
                    fresh.add(&connection, 1, seq).expect("writable");
                }
                if and_then == 0 {
                    fresh.flush(&connection, 1).expect("writable"); // a batch ends
                }
            }
            fresh.flush(&connection, 1).expect("writable");
            let runs = runs(&connection);
            let numbers: Vec<i64> = runs.iter().flat_map(|(first, last)| *first..=*last).collect();
            prop_assert!(numbers.iter().eq(&set), "{:?} is not {:?}", numbers, set);
            let are_apart = runs.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0);
            prop_assert!(are_apart, "runs that touch: {:?}", runs);
        }
    }
}
