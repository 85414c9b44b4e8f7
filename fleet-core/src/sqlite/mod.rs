//! How this crate opens SQLite, and one writer thread with group commit for all who write.
//!
//! Every file is in WAL mode with `synchronous=FULL`: what has been answered survives a loss of
//! power. One thread owns the writing connection. While it waits for the disk, further jobs gather
//! in its queue; the next transaction takes all of them, so many small writers pay for one sync.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{Error, ErrorKind, Result};

/// What a file must be: whose it is, in which version, and how it is made.
#[derive(Debug)]
pub(crate) struct Schema {
    /// Name for messages, e.g. `log`.
    pub(crate) what: &'static str,
    /// `PRAGMA application_id`: tells our files from others'.
    pub(crate) application_id: i32,
    /// `PRAGMA user_version`.
    pub(crate) version: i32,
    /// Makes an empty file.
    pub(crate) ddl: &'static str,
    /// What turns a file of an older version into one of the next: that version, and the statements.
    pub(crate) upgrades: &'static [(i32, &'static str)],
}

impl Schema {
    fn upgrade(&self, version: i32) -> Option<&'static str> {
        let (_, ddl) = self.upgrades.iter().find(|(from, _)| *from == version)?;
        Some(ddl)
    }
}

/// Jobs that may wait for the writer.
const QUEUE_MAX: usize = 256;
/// Jobs in one transaction.
const JOBS_PER_COMMIT_MAX: usize = 256;
/// Reading connections of one file.
const READERS_MAX: usize = 4;
/// Pages after which the write-ahead log is folded back (16 MiB).
const CHECKPOINT_PAGES: i32 = 4_000;

/// Says what happened to `path` and what a person can do about it.
pub(crate) fn error(path: &Path, cause: rusqlite::Error) -> Error {
    let file = path.display();
    let is_unreadable = matches!(
        cause,
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)
    );
    // The file that connections share is made at its full size: on a full disk this is what fails.
    let has_no_room_to_share = cause
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
    let (kind, text) = match cause.sqlite_error_code() {
        None if is_unreadable => (
            ErrorKind::Corrupt,
            format!("{file}: a row is damaged; restore a backup or begin anew elsewhere"),
        ),
        code if code == Some(ErrorCode::DiskFull) || has_no_room_to_share => (
            ErrorKind::Unavailable,
            format!("{file}: the disk is full; free some space, nothing acknowledged is lost"),
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
            ErrorKind::Unavailable,
            format!("{file}: not writable; check the owner and mode of the data directory"),
        ),
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::Unavailable,
            format!("{file}: cannot be opened; check that the data directory exists and is yours"),
        ),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
            ErrorKind::Corrupt,
            format!("{file}: damaged or not a database; restore a backup or begin anew elsewhere"),
        ),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed,
        ) => (ErrorKind::Unavailable, format!("{file}: locked by another process")),
        Some(ErrorCode::OperationAborted) => {
            let text = "not written: what was to be written with it failed; try again";
            (ErrorKind::Unavailable, format!("{file}: {text}"))
        }
        Some(ErrorCode::SystemIoFailure) => {
            let text = "the disk failed to read or write; look at its quota and the system's log";
            (ErrorKind::Unavailable, format!("{file}: {text}"))
        }
        _ => (ErrorKind::Internal, format!("{file}: unexpected answer of SQLite")),
    };
    Error::new(kind, text).with_source(cause)
}

/// Opens `path` for writing, making it if it is not there.
pub(crate) fn open(path: &Path, schema: &Schema) -> Result<Connection> {
    let fail = |cause| error(path, cause);
    let connection = Connection::open(path).map_err(fail)?;
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(fail)?;
    let mut version: i32 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fail)?;
    let is_empty = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";
    if version == 0 && connection.query_row(is_empty, [], |row| row.get(0)).map_err(fail)? {
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fail)?;
        let ddl = format!(
            "BEGIN IMMEDIATE; {} PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT;",
            schema.ddl, schema.application_id, schema.version
        );
        connection.execute_batch(&ddl).map_err(fail)?;
    }
    check_owner(path, &connection, schema)?;
    while let Some(ddl) = schema.upgrade(version) {
        version += 1;
        let ddl = format!("BEGIN IMMEDIATE; {ddl} PRAGMA user_version = {version}; COMMIT;");
        connection.execute_batch(&ddl).map_err(fail)?;
    }
    check_version(path, &connection, schema)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
    // What savepoints copy need not be written to a file: it is nothing after a crash.
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(fail)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(fail)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens `path` for reading only, beside whoever writes it.
pub(crate) fn open_read_only(path: &Path, schema: &Schema) -> Result<Connection> {
    let fail = |cause| error(path, cause);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(fail)?;
    check_owner(path, &connection, schema)?;
    check_version(path, &connection, schema)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn pragma(path: &Path, connection: &Connection, name: &str) -> Result<i32> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(|cause| error(path, cause))
}

fn check_owner(path: &Path, connection: &Connection, schema: &Schema) -> Result<()> {
    if pragma(path, connection, "application_id")? == schema.application_id {
        return Ok(());
    }
    let (file, what) = (path.display(), schema.what);
    Err(Error::invalid(format!("{file}: not a {what} of Data Fleet; name another path")))
}

fn check_version(path: &Path, connection: &Connection, schema: &Schema) -> Result<()> {
    let found = pragma(path, connection, "user_version")?;
    let (file, Schema { what, version, .. }) = (path.display(), schema);
    if found == *version {
        return Ok(());
    }
    let remedy = if schema.upgrade(found).is_some() {
        "start the platform on it once, which upgrades it"
    } else {
        "use the program that wrote it, or another data directory"
    };
    Err(Error::invalid(format!(
        "{file}: a {what} of version {found}, this program needs version {version}; {remedy}"
    )))
}

/// Something to be done inside the writer's transaction.
pub(crate) trait Job: Send {
    /// Does it; `false` if it failed and must leave no trace.
    fn apply(&mut self, connection: &Connection) -> bool;
    /// Tells the caller: after the commit, or with why there was none.
    fn finish(self: Box<Self>, failure: Option<Error>);
}

struct Call<T, F, A> {
    work: Option<F>,
    outcome: Option<Result<T>>,
    after: A,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F, A> Job for Call<T, F, A>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T> + Send,
    A: FnOnce(&T) + Send,
{
    fn apply(&mut self, connection: &Connection) -> bool {
        self.outcome = self.work.take().map(|work| work(connection));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, failure: Option<Error>) {
        let Self { outcome, after, reply, .. } = *self;
        let outcome = match (outcome, failure) {
            (Some(Ok(_)), Some(failure)) => Err(failure),
            (Some(outcome), _) => outcome,
            (None, failure) => Err(failure.unwrap_or_else(|| Error::internal("job never ran"))),
        };
        if let Ok(value) = &outcome {
            after(value);
        }
        drop(reply.send(outcome)); // the caller may have gone; the work stands
    }
}

/// Only a panic ends the thread while somebody holds it: waiting does not bring it back.
pub(crate) fn writer_gone() -> Error {
    Error::internal("the thread that writes has died; restart the process")
}

/// The thread that owns the writing connection of a file.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on `connection`.
    pub(crate) fn start(path: PathBuf, connection: Connection) -> Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("fleet-sqlite".into())
            .spawn(move || write_all(&path, &connection, queue))
            .map_err(|cause| Error::unavailable("no thread for a writer").with_source(cause))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `work` inside a transaction shared with whoever else waits, and `after` once it is
    /// durable (on the writer's thread, so it happens even if the caller has gone).
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
        after: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let call = Box::new(Call { work: Some(work), outcome: None, after, reply });
        self.reserve().await?.send(call);
        answer.await.map_err(|_| writer_gone())?
    }

    /// Waits for room in the queue.
    pub(crate) async fn reserve(&self) -> Result<mpsc::Permit<'_, Box<dyn Job>>> {
        let jobs = self.jobs.as_ref().ok_or_else(writer_gone)?;
        jobs.reserve().await.map_err(|_| writer_gone())
    }
}

impl Drop for Writer {
    /// Finishes what is queued.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join()); // a panic there has been reported by its hook
        }
    }
}

fn write_all(path: &Path, connection: &Connection, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = queue.blocking_recv() {
        let mut jobs = vec![first];
        while jobs.len() < JOBS_PER_COMMIT_MAX
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        let failure = commit(connection, &mut jobs).err().map(|cause| error(path, cause));
        for job in jobs {
            job.finish(failure.as_ref().map(Error::again));
        }
    }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

fn commit(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    run(connection, "BEGIN IMMEDIATE")?;
    let outcome = apply_all(connection, jobs)
        .and_then(|is_kept| if is_kept { run(connection, "COMMIT") } else { Ok(()) });
    if !connection.is_autocommit() {
        run(connection, "ROLLBACK")?;
    }
    outcome
}

/// Applies every job; whether anything is to be kept.
fn apply_all(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<bool> {
    // Alone it needs no savepoint, which makes SQLite copy each page before its first change.
    if let [job] = jobs {
        return Ok(job.apply(connection));
    }
    for job in jobs {
        run(connection, "SAVEPOINT job")?;
        if !job.apply(connection) {
            if connection.is_autocommit() {
                // On a full or failing disk SQLite ends the whole transaction, not only this job.
                let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK);
                return Err(rusqlite::Error::SqliteFailure(code, None));
            }
            run(connection, "ROLLBACK TO job")?;
        }
        run(connection, "RELEASE job")?;
    }
    Ok(true)
}

/// A few reading connections, lent to blocking tasks. Who has both drops them before the writer:
/// the last connection to close folds the write-ahead log back, if it may write, and only then is
/// the file alone all there is.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    schema: &'static Schema,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, schema: &'static Schema) -> Self {
        let permits = Semaphore::new(READERS_MAX);
        Self { path, schema, idle: Mutex::default(), permits }
    }

    /// Runs `work` on a reading connection, off the async threads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let _permit = self.permits.acquire().await.map_err(|_| Error::internal("closed"))?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_read_only(&self.path, self.schema)?,
        };
        let (connection, outcome) = tokio::task::spawn_blocking(move || {
            let outcome = work(&connection);
            (connection, outcome)
        })
        .await
        .map_err(|cause| Error::internal("a reading task failed").with_source(cause))?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        outcome.map_err(|cause| error(&self.path, cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Schema = Schema {
        what: "table of numbers",
        application_id: 7,
        version: 1,
        ddl: "CREATE TABLE numbers (n INTEGER NOT NULL);",
        upgrades: &[],
    };

    fn insert(n: i64) -> impl FnOnce(&Connection) -> Result<()> {
        move |connection| {
            let put = connection.execute("INSERT INTO numbers VALUES (?1)", [n]);
            put.map(drop).map_err(|cause| error(Path::new("numbers"), cause))
        }
    }

    #[tokio::test]
    async fn who_shares_a_transaction_that_the_disk_has_ended_may_try_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("numbers.db");
        let writer = Writer::start(path.clone(), open(&path, &NUMBERS).expect("made"));
        let writer = writer.expect("a thread");
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let hold = move |_: &Connection| {
            // Until the others are queued: they share its transaction, or the next one.
            wait.recv().map_or(Ok(()), Ok)
        };
        // What SQLite does by itself when it has no room for a page in mid-transaction.
        let full = |connection: &Connection| -> Result<()> {
            connection.execute_batch("ROLLBACK").expect("in a transaction");
            Err(Error::unavailable("the disk is full"))
        };
        let (_, one, full, two, ()) = tokio::join!(
            writer.call(hold, |()| ()),
            writer.call(insert(1), |()| ()),
            writer.call(full, |()| ()),
            writer.call(insert(2), |()| ()),
            async { drop(go) },
        );
        for refused in [one, full, two] {
            let cause = refused.expect_err("nothing was written");
            assert_eq!(cause.kind(), ErrorKind::Unavailable, "{cause}");
        }
        writer.call(insert(3), |()| ()).await.expect("there is room again");
        let numbers = open_read_only(&path, &NUMBERS).expect("made");
        let sum: i64 =
            numbers.query_row("SELECT SUM(n) FROM numbers", [], |row| row.get(0)).expect("one");
        assert_eq!(sum, 3);
    }

    #[tokio::test]
    async fn a_writer_that_has_died_is_not_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("numbers.db");
        let writer = Writer::start(path.clone(), open(&path, &NUMBERS).expect("made"));
        let writer = writer.expect("a thread");
        let die = |_: &Connection| -> Result<()> { std::panic::resume_unwind(Box::new("meant")) };
        for work in [
            Box::new(die) as Box<dyn FnOnce(&Connection) -> Result<()> + Send>,
            Box::new(insert(1)),
        ] {
            let cause = writer.call(work, |()| ()).await.expect_err("it has died");
            assert_eq!(cause.kind(), ErrorKind::Internal, "{cause}");
        }
    }

    #[test]
    fn an_older_file_is_upgraded_by_who_may_write_and_refused_by_who_may_not() {
        const GROWN: Schema = Schema {
            version: 3,
            ddl: "CREATE TABLE numbers (n INTEGER NOT NULL, m INTEGER, l INTEGER);",
            upgrades: &[
                (1, "ALTER TABLE numbers ADD COLUMN m INTEGER;"),
                (2, "ALTER TABLE numbers ADD COLUMN l INTEGER;"),
            ],
            ..NUMBERS
        };
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("numbers.db");
        let older = open(&path, &NUMBERS).expect("made");
        older.execute_batch("INSERT INTO numbers VALUES (7)").expect("written");
        drop(older);
        let cause = open_read_only(&path, &GROWN).expect_err("it may not be changed");
        assert!(cause.to_string().contains("start the platform"), "{cause}");
        let grown = open(&path, &GROWN).expect("upgraded");
        let row: (i64, Option<i64>) = grown
            .query_row("SELECT n, l FROM numbers", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("as it was");
        assert_eq!(row, (7, None));
        let cause = open(&path, &NUMBERS).expect_err("it is newer");
        assert!(cause.to_string().contains("version 3"), "{cause}");
    }

    #[test]
    fn a_database_of_somebody_else_is_left_as_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("theirs.db");
        let theirs = Connection::open(&path).expect("made");
        theirs.execute_batch("CREATE TABLE theirs (n)").expect("made");
        drop(theirs);
        let before = std::fs::read(&path).expect("there");
        let cause = open(&path, &NUMBERS).expect_err("not ours");
        assert_eq!(cause.kind(), ErrorKind::Invalid, "{cause}");
        assert!(std::fs::read(&path).expect("there") == before);
    }
}
