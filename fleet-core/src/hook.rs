//! Named points of a service, at which a test stops the world to see that nothing is lost.

use std::{fmt, sync::Arc};

/// Told of each named point that a service passes. [`Default`] does nothing, as in production.
#[derive(Clone, Default)]
pub struct Hook(Option<Arc<dyn Fn(&'static str) + Send + Sync>>);

impl Hook {
    /// Calls `at` with each point's name, on the task that passes it.
    pub fn new(at: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(at)))
    }

    /// Tells that `point` is passed now.
    pub fn pass(&self, point: &'static str) {
        if let Some(at) = &self.0 {
            at(point);
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hook").field(&self.0.is_some()).finish()
    }
}
