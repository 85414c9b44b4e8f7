//! The cluster's store: a database on a MongoDB server.
//!
//! | collection | `_id` | holds |
//! |---|---|---|
//! | `telemetry` | event id | the event's fields, its place in the log, its life |
//! | `trips` | trip id | the newest revision, and what is asked for beside it |
//! | `documents` | kind and id | the register, genesis, marks |
//! | `trucks` | truck id | nothing: which trucks there are |
//! | `watermarks` | topic/partition | the next offset to be written, how far it was swept |
//!
//! There is no transaction over a batch: records first, watermarks last, each acknowledged by a
//! majority and its journal. What was cut off in between comes again from the log, and writing it
//! twice is writing it once: an event's `_id` is its identity, a trip is replaced by a newer
//! revision only.
//!
//! **Expiry** stands on two legs: every query leaves out what has expired by our clock, whatever
//! the server does, and the server deletes it by a TTL index on `expires_at`
//! ([`Sweep::Server`]), or [`FleetStore::expire`] does ([`Sweep::Client`]).
//!
//! The server must keep unordered inserts going past a duplicate (MongoDB and SecantusDB do).

mod read;
mod rows;
mod write;

use std::{collections::HashSet, fmt, sync::Arc, sync::Mutex, time::Duration};

use ::mongodb::{
    Client, Collection, Database, IndexModel,
    bson::{Document as Bson, doc},
    error::{Error as Cause, ErrorKind as CauseKind},
    options::{Acknowledgment, ClientOptions, IndexOptions, ReadConcern, WriteConcern},
};
use async_trait::async_trait;
use tokio::sync::watch;

use super::{
    Document, FeedPage, FleetStore, StoredEvent, StoredTrip, TelemetryQuery, TripQuery, Watermarks,
    Write, WriteOutcome, check_limit, check_writes, contradiction,
};
use crate::{
    Error, Result,
    domain::{TelemetryEvent, TripId, TruckId},
    time::{Clock, Time},
};

/// How long the server may take to be found, and to confirm a write.
const SERVER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take in all: a connection that fell silent is never told so by itself. What
/// was asked may have been done; it is harmless to do it again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// The same of a sweep, which deletes in many steps.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(300);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECTIONS_MAX: u32 = 16;
/// How often a waiting feed looks for what another process has written.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Deletions of one step of a sweep.
const SWEEP_CHUNK: i64 = 5_000;
/// Trucks remembered as known to the server; beyond that they are told again.
const KNOWN_TRUCKS_MAX: usize = 200_000;

/// Who deletes telemetry that has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// The server, by a TTL index; within about a minute on MongoDB.
    Server,
    /// [`FleetStore::expire`], for servers without TTL indexes and for tests with a clock of
    /// their own.
    Client,
}

/// [`FleetStore`] in one database of a MongoDB server.
pub struct MongoStore {
    collections: Collections,
    clock: Arc<dyn Clock>,
    sweep: Sweep,
    /// Host and database, for messages.
    address: Arc<str>,
    known_trucks: Mutex<HashSet<TruckId>>,
    /// Changes with every write of this process: whoever waits for the feed looks again.
    changes: watch::Sender<u64>,
}

struct Collections {
    telemetry: Collection<Bson>,
    trips: Collection<Bson>,
    documents: Collection<Bson>,
    trucks: Collection<Bson>,
    watermarks: Collection<Bson>,
}

impl MongoStore {
    /// Connects to `url` (`mongodb://[user:password@]host[:port]/…`), database `database`, and
    /// makes and checks the indexes.
    ///
    /// # Errors
    /// `Invalid` for a URL of another form, a server without TTL indexes ([`Sweep::Server`]), or
    /// an index that is there with other options; `Unavailable` if the server is not there.
    pub async fn open(
        url: &str,
        database: &str,
        sweep: Sweep,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let mut options = ClientOptions::parse(url).await.map_err(|_| {
            // The cause may repeat the URL, and that may hold a password.
            Error::invalid("mongodb url: expected mongodb://[user:password@]host[:port]/[?options]")
        })?;
        options.app_name.get_or_insert_with(|| "data-fleet".to_owned());
        options.server_selection_timeout.get_or_insert(SERVER_TIMEOUT);
        options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
        options.max_pool_size.get_or_insert(CONNECTIONS_MAX);
        options.write_concern = Some(
            WriteConcern::builder()
                .w(Acknowledgment::Majority)
                .journal(true)
                .w_timeout(SERVER_TIMEOUT)
                .build(),
        );
        options.read_concern = Some(ReadConcern::majority());
        let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
        let address = format!("{}/{database}", hosts.join(",")).into();
        let client = Client::with_options(options)
            .map_err(|cause| Error::invalid("mongodb url").with_source(cause))?;
        let store = Self::assemble(&client.database(database), sweep, clock, address);
        store.within(ANSWER_TIMEOUT, store.make_indexes()).await?;
        Ok(store)
    }

    fn assemble(
        database: &Database,
        sweep: Sweep,
        clock: Arc<dyn Clock>,
        address: Arc<str>,
    ) -> Self {
        let collections = Collections {
            telemetry: database.collection("telemetry"),
            trips: database.collection("trips"),
            documents: database.collection("documents"),
            trucks: database.collection("trucks"),
            watermarks: database.collection("watermarks"),
        };
        let (known_trucks, changes) = (Mutex::default(), watch::Sender::new(0));
        Self { collections, clock, sweep, address, known_trucks, changes }
    }

    async fn make_indexes(&self) -> Result<()> {
        let index = |keys: Bson| IndexModel::builder().keys(keys).build();
        let place = doc! { "topic": 1, "partition": 1, "offset": 1 };
        let mut telemetry =
            vec![index(doc! { "truck_id": 1, "event_time": 1, "ord": 1 }), index(place.clone())];
        let expiry = doc! { "expires_at": 1 };
        telemetry.push(match self.sweep {
            Sweep::Client => index(expiry),
            Sweep::Server => IndexModel::builder()
                .keys(expiry)
                .options(IndexOptions::builder().expire_after(Duration::ZERO).build())
                .build(),
        });
        let trips = ["truck_id", "status", "on_time"]
            .map(|filter| index(doc! { filter: 1, "started_at": 1, "_id": 1 }));
        let order = index(doc! { "started_at": 1, "_id": 1 }); // walked backwards
        let trips = trips.into_iter().chain([order, index(place)]);
        let documents = index(doc! { "kind": 1, "id": 1 });
        self.told(self.collections.telemetry.create_indexes(telemetry).await)?;
        self.told(self.collections.trips.create_indexes(trips).await)?;
        self.told(self.collections.documents.create_index(documents).await)?;
        Ok(())
    }

    /// Gives up on `call` after `limit`. Dropping it closes its connection, so the next call has
    /// another one.
    async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
            let address = &self.address;
            Err(Error::unavailable(format!("mongodb {address}: no answer within {limit:?}")))
        })
    }

    /// What an answer of the server means for the caller.
    fn told<T>(&self, answer: Result<T, Cause>) -> Result<T> {
        answer.map_err(|cause| self.error(cause))
    }

    fn error(&self, cause: Cause) -> Error {
        let context = format!("mongodb {}", self.address);
        match &*cause.kind {
            CauseKind::InvalidArgument { .. }
            | CauseKind::BsonSerialization(_)
            | CauseKind::InvalidTlsConfig { .. } => Error::invalid(context),
            CauseKind::BsonDeserialization(_) | CauseKind::Bson(_) => {
                Error::corrupt(format!("{context}: a document is of another form than ours"))
            }
            CauseKind::Authentication { .. } => {
                Error::unavailable(format!("{context}: check user and password in the URL"))
            }
            CauseKind::ServerSelection { message, .. } => {
                // The cause describes the driver's view of the whole cluster: not for people.
                return Error::unavailable(format!(
                    "{context}: no server answers: check host, port and TLS, and that it is up{}",
                    io_error(message)
                ));
            }
            CauseKind::Command(command) => match command.code {
                59 | 238 => Error::invalid(format!(
                    "{context}: the server lacks what we need (for expiry set sweep to client)"
                )),
                26 | 67 | 85 | 86 => Error::invalid(format!(
                    "{context}: an index is there with other options: drop it, it is made anew"
                )),
                2 | 9 | 14 | 121 | 10_334 => Error::invalid(context),
                13 | 18 | 8_000 => Error::unavailable(format!(
                    "{context}: check user, password and the roles of that user"
                )),
                _ => Error::unavailable(context),
            },
            _ => Error::unavailable(context),
        }
        .with_source(cause)
    }

    /// Waits for a write of this process, or as long as another process's may stay unseen.
    async fn wait_for_change(&self, changes: &mut watch::Receiver<u64>) {
        let changed = changes.changed();
        // A sender lives in `self`, so only the time can end this otherwise.
        let _ = tokio::time::timeout(LOOK_AGAIN, changed).await;
    }
}

/// The first failure of a connection that the driver tells of, in brackets.
fn io_error(message: &str) -> String {
    let told =
        message.split_once("I/O error: ").and_then(|(_, rest)| rest.split(", labels").next());
    told.map(|told| format!(" ({told})")).unwrap_or_default()
}

impl fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore")
            .field("address", &self.address)
            .field("sweep", &self.sweep)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl FleetStore for MongoStore {
    async fn write(&self, writes: Vec<Write>, watermarks: Watermarks) -> Result<Vec<WriteOutcome>> {
        check_writes(&writes)?;
        let writing = async {
            let outcomes = self.write_batch(&writes).await?;
            self.raise(&writes, &watermarks).await.map(|()| outcomes)
        };
        let outcomes = self.within(ANSWER_TIMEOUT, writing).await?;
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        Ok(outcomes)
    }

    async fn contradiction(&self, event: &TelemetryEvent) -> Result<Option<String>> {
        let kept = self.within(ANSWER_TIMEOUT, self.look_up(&[(0, event)])).await?;
        Ok(kept.into_values().next().and_then(|stored| contradiction(&stored.event, event)))
    }

    async fn telemetry(&self, query: &TelemetryQuery) -> Result<Vec<StoredEvent>> {
        check_limit(query.limit)?;
        self.within(ANSWER_TIMEOUT, self.read_telemetry(query)).await
    }

    async fn latest(&self, truck_id: Option<&TruckId>) -> Result<Vec<StoredEvent>> {
        self.within(ANSWER_TIMEOUT, self.read_latest(truck_id)).await
    }

    async fn trips(&self, query: &TripQuery) -> Result<Vec<StoredTrip>> {
        check_limit(query.limit)?;
        self.within(ANSWER_TIMEOUT, self.read_trips(query)).await
    }

    async fn trip(&self, trip_id: &TripId) -> Result<StoredTrip> {
        let finding = async {
            self.told(self.collections.trips.find_one(doc! { "_id": trip_id.as_str() }).await)
        };
        let found = self.within(ANSWER_TIMEOUT, finding).await?;
        let row =
            found.ok_or_else(|| Error::not_found(format!("trip {trip_id}: not in the store")))?;
        rows::stored_trip(row)
    }

    async fn feed(&self, from: &Watermarks, max: usize, wait: Duration) -> Result<FeedPage> {
        check_limit(max)?;
        let mut changes = self.changes.subscribe();
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        let mut from = from.clone();
        loop {
            // Marked before looking: what comes after the look wakes the wait below.
            changes.mark_unchanged();
            let page = self.within(ANSWER_TIMEOUT, self.read_feed(&from, max)).await?;
            if !page.items.is_empty() || page.has_more || wait.is_zero() {
                return Ok(page);
            }
            tokio::select! {
                () = &mut deadline => return Ok(page),
                () = self.wait_for_change(&mut changes) => {}
            }
            from = page.next; // what held nothing is not looked at again
        }
    }

    async fn watermarks(&self) -> Result<Watermarks> {
        self.within(ANSWER_TIMEOUT, self.read_watermarks()).await
    }

    async fn documents(
        &self,
        kind: &str,
        id: Option<&str>,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>> {
        self.within(ANSWER_TIMEOUT, self.read_documents(kind, id, after, max)).await
    }

    async fn expire(&self, now: Time) -> Result<u64> {
        self.within(SWEEP_TIMEOUT, self.sweep_expired(now)).await
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests;
