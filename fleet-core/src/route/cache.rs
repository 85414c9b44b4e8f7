//! Routes that were asked for lately, up to a fixed number.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most recently used routes (or what holds them) by what was asked for. Losing one costs the
/// time to find it again, nothing else.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    capacity: usize,
    held: Mutex<Held<K, V>>,
}

#[derive(Debug)]
struct Held<K, V> {
    /// Each route with the turn at which it was last used; turns never repeat.
    routes: HashMap<K, (V, u64)>,
    turn: u64,
}

impl<K: Copy + Eq + Hash, V: Clone> Cache<K, V> {
    /// Holds at most `capacity` routes; 0 holds none.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, held: Mutex::new(Held { routes: HashMap::new(), turn: 0 }) }
    }

    pub(super) fn get(&self, key: K) -> Option<V> {
        let mut held = self.lock();
        held.turn += 1;
        let turn = held.turn;
        let (route, used) = held.routes.get_mut(&key)?;
        *used = turn;
        Some(route.clone())
    }

    pub(super) fn put(&self, key: K, route: &V) {
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
        held.routes.insert(key, (route.clone(), turn));
    }

    /// Forgets all.
    #[cfg(feature = "osrm")]
    pub(super) fn clear(&self) {
        self.lock().routes.clear();
    }

    /// A panic while the lock was held leaves a map that is still right.
    fn lock(&self) -> MutexGuard<'_, Held<K, V>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
