//! Being told to stop: at once for the world, with some grace for what is on its way.

use std::{future::Future, pin::Pin, time::Duration};

use fleet_core::{Error, Result};

/// How long after a shutdown log and state store may still be away: less than the ten seconds after
/// which a supervisor kills.
const GRACE: Duration = Duration::from_secs(5);

/// A shutdown that can be asked about again after it has come.
pub(super) struct Stop<'a, F> {
    shutdown: Pin<&'a mut F>,
    is_told: bool,
}

impl<'a, F: Future<Output = ()> + Send> Stop<'a, F> {
    pub(super) fn new(shutdown: Pin<&'a mut F>) -> Self {
        Self { shutdown, is_told: false }
    }

    /// Resolves at the shutdown, and at once ever after.
    pub(super) async fn told(&mut self) {
        if !self.is_told {
            self.shutdown.as_mut().await;
            self.is_told = true;
        }
    }

    /// Does `work` to its end, or for the grace after the shutdown.
    pub(super) async fn within_grace<T>(
        &mut self,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let too_long = async {
            self.told().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            done = work => done,
            () = too_long => Err(Error::unavailable(
                "told to stop while the log or the state store was away; nothing acknowledged is \
                 lost, the next start goes on from the last checkpoint",
            )),
        }
    }
}
