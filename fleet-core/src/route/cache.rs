//! Routes that were asked for lately, up to a fixed number.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{network::NodeIx, path::Route};

type Key = (NodeIx, NodeIx);

/// The most recently used routes between nodes. Losing one costs some microseconds, nothing else.
#[derive(Debug)]
pub(super) struct Cache {
    capacity: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// Each route with the turn at which it was last used; turns never repeat.
    routes: HashMap<Key, (Arc<Route>, u64)>,
    turn: u64,
}

impl Cache {
    /// Holds at most `capacity` routes; 0 holds none.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, held: Mutex::default() }
    }

    pub(super) fn get(&self, key: Key) -> Option<Arc<Route>> {
        let mut held = self.lock();
        held.turn += 1;
        let turn = held.turn;
        let (route, used) = held.routes.get_mut(&key)?;
        *used = turn;
        Some(Arc::clone(route))
    }

    pub(super) fn put(&self, key: Key, route: &Arc<Route>) {
        if self.capacity == 0 {
            return;
        }
        let mut held = self.lock();
        if held.routes.len() >= self.capacity && !held.routes.contains_key(&key) {
            let oldest = held.routes.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| *key);
            oldest.and_then(|key| held.routes.remove(&key));
        }
        held.turn += 1;
        let turn = held.turn;
        held.routes.insert(key, (Arc::clone(route), turn));
    }

    /// A panic while the lock was held leaves a map that is still right.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
