//! Routes that were asked for lately, up to a fixed number.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::path::Route;

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

/// The routes that were asked for lately, and every one that somebody still holds: a fleet on the
/// road has one of each, however many trucks drive it and however many ways there are.
#[derive(Debug)]
pub(super) struct Shared<K> {
    lately: Cache<K, Arc<Route>>,
    held: Mutex<HashMap<K, Weak<Route>>>,
}

impl<K: Copy + Eq + Hash> Shared<K> {
    /// Holds at most `capacity` routes by itself; 0 holds none, and finds none.
    pub(super) fn new(capacity: usize) -> Self {
        Self { lately: Cache::new(capacity), held: Mutex::default() }
    }

    pub(super) fn get(&self, key: K) -> Option<Arc<Route>> {
        self.lately.get(key).or_else(|| {
            let route = self.lock().get(&key)?.upgrade()?;
            self.lately.put(key, &route);
            Some(route)
        })
    }

    /// Keeps a route and gives it back; or the one of another thread, which was faster.
    pub(super) fn put(&self, key: K, route: Arc<Route>) -> Arc<Route> {
        if self.lately.capacity == 0 {
            return route;
        }
        let mut held = self.lock();
        if let Some(first) = held.get(&key).and_then(Weak::upgrade) {
            return first;
        }
        if held.len() == held.capacity() {
            held.retain(|_, route| route.strong_count() > 0);
            // Half of the places are free after this, so that cleaning stays rare.
            let more = held.len();
            held.reserve(more);
        }
        held.insert(key, Arc::downgrade(&route));
        drop(held);
        self.lately.put(key, &route);
        route
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Weak<Route>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
