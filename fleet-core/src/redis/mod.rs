//! What the backends on Redis share: the connection, its time limits, and what its errors mean.
//!
//! One connection carries all calls of a handle. It is made when first needed and again after it
//! broke. A call that met a broken connection may have been done or not: it is repeated once, so
//! everything that goes through [`Connection::call`] must be harmless when done twice.

use std::{fmt, sync::Mutex, time::Duration};

use ::redis::{
    Client, Cmd, ErrorKind as RedisKind, FromRedisValue, Pipeline, RedisError, RedisResult,
    ScriptInvocation, ServerErrorKind,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use crate::{Error, Result};

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A server to talk to. Never shows its password.
pub(crate) struct Connection {
    client: Client,
    config: ConnectionManagerConfig,
    /// Host, port and database, for messages.
    address: String,
    /// Made by the first call, as it needs a runtime.
    manager: Mutex<Option<ConnectionManager>>,
}

impl Connection {
    /// A connection to `url` (`redis://[user:password@]host:port[/database]`) that gives each
    /// answer at most `answer_timeout`. Nothing is sent yet.
    ///
    /// # Errors
    /// `Invalid` for a URL of another form; the message does not repeat it, it may hold a password.
    pub(crate) fn new(url: &str, answer_timeout: Duration) -> Result<Self> {
        let client = Client::open(url).map_err(|error| {
            let text = error.detail().unwrap_or("malformed").to_owned();
            Error::invalid(format!(
                "redis url: {text}: expected redis://[user:password@]host:port[/database]"
            ))
        })?;
        let info = client.get_connection_info();
        let address = format!("{}/{}", info.addr(), info.redis_settings().db());
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(answer_timeout))
            // One attempt a call: who calls decides whether to wait, and says so.
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(100));
        Ok(Self { client, config, address, manager: Mutex::new(None) })
    }

    fn manager(&self) -> Result<ConnectionManager> {
        let mut slot = self.manager.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(manager) = &*slot {
            return Ok(manager.clone());
        }
        let made =
            ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone())
                .map_err(|error| self.error(&error))?;
        Ok(slot.insert(made).clone())
    }

    /// Sends `request`, and once more if the connection turns out to be broken: it must be harmless
    /// when done twice.
    ///
    /// # Errors
    /// As [`Connection::error`] says.
    pub(crate) async fn call<T: Answer>(&self, request: &impl Request) -> Result<T> {
        let mut manager = self.manager()?;
        match request.send(&mut manager).await {
            Err(error) if error.is_connection_dropped() => request.send(&mut manager).await,
            outcome => outcome,
        }
        .map_err(|error| self.failed(&error))
    }

    /// Sends `request` once: for what must not be done twice.
    ///
    /// # Errors
    /// As [`Connection::error`] says.
    pub(crate) async fn call_once<T: Answer>(&self, request: &impl Request) -> Result<T> {
        let mut manager = self.manager()?;
        request.send(&mut manager).await.map_err(|error| self.failed(&error))
    }

    /// What a failure means; a connection that fell silent is given up, as it would stay so.
    fn failed(&self, error: &RedisError) -> Error {
        if error.is_timeout() {
            *self.manager.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        }
        self.error(error)
    }

    /// What a failure means for the caller.
    fn error(&self, error: &RedisError) -> Error {
        let text = format!("redis {}: {}", self.address, told(error));
        match error.code() {
            Some("WRONGTYPE") => {
                Error::corrupt(format!("{text}; a key of ours holds something of another sort"))
            }
            Some("NOAUTH" | "WRONGPASS" | "NOPERM") => {
                Error::unavailable(format!("{text}; check user and password in the URL"))
            }
            Some("OOM") => Error::unavailable(format!(
                "{text}; the server is out of memory: raise maxmemory or free some"
            )),
            Some("MISCONF") => Error::unavailable(format!(
                "{text}; the server cannot write to its disk: see its log"
            )),
            _ => match error.kind() {
                RedisKind::AuthenticationFailed => {
                    Error::unavailable(format!("{text}; check user and password in the URL"))
                }
                RedisKind::InvalidClientConfig | RedisKind::RESP3NotSupported => {
                    Error::invalid(text)
                }
                RedisKind::Server(ServerErrorKind::CrossSlot) | RedisKind::Client => {
                    Error::internal(text)
                }
                RedisKind::Parse | RedisKind::UnexpectedReturnType => {
                    Error::corrupt(format!("{text}; the answer is of another form than ours"))
                }
                _ if error.is_connection_refusal() => Error::unavailable(format!(
                    "{text}; nothing listens there: check host and port, and that it is up"
                )),
                _ => Error::unavailable(text),
            },
        }
    }

    /// A setting of the server; `None` if it does not tell, as managed services do not.
    pub(crate) async fn setting(&self, name: &str) -> Option<String> {
        let mut ask = ::redis::cmd("CONFIG");
        ask.arg("GET").arg(name);
        let pair: Result<Vec<String>> = self.call(&ask).await;
        pair.ok()?.into_iter().nth(1)
    }
}

/// What an answer is read into.
pub(crate) trait Answer: FromRedisValue + Send {}
impl<T: FromRedisValue + Send> Answer for T {}

/// What can be sent: a command, several as one transaction, or a script.
pub(crate) trait Request: Sync {
    fn send<T: Answer>(
        &self,
        manager: &mut ConnectionManager,
    ) -> impl Future<Output = RedisResult<T>> + Send;
}

impl Request for Cmd {
    async fn send<T: Answer>(&self, manager: &mut ConnectionManager) -> RedisResult<T> {
        self.query_async(manager).await
    }
}

impl Request for Pipeline {
    async fn send<T: Answer>(&self, manager: &mut ConnectionManager) -> RedisResult<T> {
        self.query_async(manager).await
    }
}

impl Request for ScriptInvocation<'_> {
    async fn send<T: Answer>(&self, manager: &mut ConnectionManager) -> RedisResult<T> {
        self.invoke_async(manager).await
    }
}

/// The server's or the system's words, without a line break.
fn told(error: &RedisError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Checks a namespace: what every key of ours begins with.
///
/// # Errors
/// `Invalid` unless it has 1 to 64 of `A-Z a-z 0-9 . _ -`.
pub(crate) fn check_namespace(namespace: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=64).contains(&namespace.len()) && namespace.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "redis namespace {namespace:?}: expected 1 to 64 of A-Z a-z 0-9 . _ -"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_password_is_never_shown() {
        let connection = Connection::new("redis://:s3cret@127.0.0.1:1/2", Duration::from_secs(1))
            .expect("a url");
        let shown = format!("{connection:?}");
        assert!(shown.contains("127.0.0.1:1/2") && !shown.contains("s3cret"), "{shown}");
        let error = Connection::new("redis://:s3cret@127.0.0.1:no/2", Duration::from_secs(1))
            .expect_err("a bad port");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn a_namespace_is_a_plain_word() {
        for bad in ["", "a b", "a{b}", "a:b", &"n".repeat(65)] {
            assert!(check_namespace(bad).is_err(), "{bad:?}");
        }
        assert!(check_namespace("fleet-1.test_A").is_ok());
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_unavailable_and_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = taken.local_addr().expect("bound").port();
        drop(taken);
        let url = format!("redis://127.0.0.1:{port}/");
        let connection = Connection::new(&url, Duration::from_secs(1)).expect("a url");
        let answer = connection.call::<String>(&::redis::cmd("PING")).await;
        let error = answer.expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains(&port.to_string()), "{error}");
    }
}
