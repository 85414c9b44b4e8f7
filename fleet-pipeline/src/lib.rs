//! Consumers that archive the log into the store, with dead letters, retries and pause on outage.
