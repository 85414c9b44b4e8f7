//! What can be set, by hand or in a URL, and what it means to librdkafka.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use rdkafka::ClientConfig;

use crate::{Error, Result, names, stream::Topic};

/// A word that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `word`.
    pub fn new(word: impl Into<String>) -> Self {
        Self(word.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// How a client proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the line above")]
pub struct Sasl {
    pub mechanism: SaslMechanism,
    pub user: String,
    pub password: Secret,
}

/// SASL mechanisms. SCRAM needs a librdkafka with OpenSSL, also without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the line above")]
pub enum SaslMechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

/// TLS to the brokers (needs a librdkafka with OpenSSL); their certificates are verified, by name too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM of the authorities to trust; the system's if `None`.
    pub ca_file: Option<PathBuf>,
    /// PEM of our certificate and of its key, if the brokers ask for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// How batches of records are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the line above")]
pub enum Compression {
    None,
    Lz4,
    Zstd,
}

/// Who shares out the partitions of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// A member of the group, cooperatively: partitions that stay are not stopped.
    Classic,
    /// The broker (KIP-848). Rebalances in a second, but its client stalls under load before
    /// librdkafka 2.15, which this is not yet: try it before you trust it.
    Consumer,
}

/// How topics are made, and what they must be like when they are there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// Whether topics that are missing are made.
    pub create: bool,
    /// Partitions of each topic, 1 to 10,000. For ever: a key's partition follows from it.
    pub partitions: u32,
    /// Copies of each partition, 1 to 16.
    pub replication: u16,
    /// Copies that must have a record before it is acknowledged, 1 to `replication`.
    pub min_insync: u16,
    /// The brokers delete what is older, whether or not it was consumed; `None`: never, only
    /// [`trim`](crate::stream::EventLog::trim) does.
    pub retention: Option<Duration>,
}

/// Where the log is and how it behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port` of some brokers; the others are found through them.
    pub brokers: Vec<String>,
    /// TLS, or `None`.
    pub tls: Option<Tls>,
    /// Who we are, or `None`.
    pub sasl: Option<Sasl>,
    /// The topic of one partition in which the log keeps its identity, its topics and its groups.
    pub registry: Topic,
    /// Made or checked when the log is opened; others when they are first used.
    pub topics: TopicSettings,
    /// How long [`trim`](crate::stream::EventLog::trim) keeps records.
    pub retention: Duration,
    /// Publishing waits while a group is behind by more records than this, as of a second ago.
    pub uncommitted_max: u64,
    /// Of batches.
    pub compression: Compression,
    /// How long a record may wait for others to travel with.
    pub linger: Duration,
    /// Publishing fails when the brokers have not acknowledged by then.
    pub publish_timeout: Duration,
    /// Bytes of records that one process may have on the way to the brokers.
    pub publish_bytes_max: u64,
    /// Bytes of records that one member may have fetched ahead.
    pub fetch_bytes_max: u64,
    /// A member that is silent for so long loses its partitions. Ten heartbeats.
    pub session_timeout: Duration,
    /// A member that is not polled for so long loses its partitions.
    pub poll_interval_max: Duration,
    /// The member's name over restarts (static membership): it gets its own partitions back, and
    /// keeps them for `session_timeout` after it has gone. One member a group and name.
    pub instance: Option<String>,
    /// See there.
    pub protocol: GroupProtocol,
}

const FORM: &str = "expected kafka://[user:password@]host:port[,host:port]/[?setting=value&…]";
/// Every setting that a URL may have.
const NAMES: [&str; 22] = [
    "ca_file",
    "certificate_file",
    "compression",
    "create",
    "fetch_bytes_max",
    "instance",
    "key_file",
    "linger_ms",
    "min_insync",
    "partitions",
    "poll_interval_max_s",
    "protocol",
    "publish_bytes_max",
    "publish_timeout_s",
    "registry",
    "replication",
    "retention_s",
    "sasl",
    "session_timeout_ms",
    "tls",
    "topic_retention_s",
    "uncommitted_max",
];

impl KafkaSettings {
    /// What a URL says, over these: topics are made, with 12 partitions, as many copies as the
    /// brokers' default allows for durability (3, of which 2 acknowledge), kept for seven days;
    /// lz4 and 5 ms of linger; publishing waits at a million records of lag.
    ///
    /// ```
    /// use fleet_core::stream::kafka::KafkaSettings;
    /// let settings: KafkaSettings = "kafka://a:9092,b:9092/?partitions=24".parse()?;
    /// assert_eq!(settings.brokers, ["a:9092", "b:9092"]);
    /// assert_eq!(settings.topics.partitions, 24);
    /// let error = "kafka://a:9092/?partition=24".parse::<KafkaSettings>().unwrap_err();
    /// assert!(error.to_string().contains("did you mean partitions?"), "{error}");
    /// # Ok::<(), fleet_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Invalid`, naming the setting; a password is never repeated.
    pub fn from_url(url: &str) -> Result<Self> {
        let bad = |what: &str| Error::invalid(format!("kafka url: {what}: {FORM}"));
        let rest = url.strip_prefix("kafka://").ok_or_else(|| bad("another scheme"))?;
        let (authority, query) = match rest.split_once('?') {
            Some((authority, query)) => (authority, query),
            None => (rest, ""),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (user_info, hosts) = match authority.rsplit_once('@') {
            Some((user_info, hosts)) => (Some(user_info), hosts),
            None => (None, authority),
        };
        let brokers = hosts.split(',').map(check_broker).collect::<Result<Vec<_>>>()?;
        let mut settings = Self::at(brokers);
        if let Some(user_info) = user_info {
            let (user, password) =
                user_info.split_once(':').ok_or_else(|| bad("a user without a password"))?;
            let (user, password) = (decoded(user)?, Secret(decoded(password)?));
            settings.sasl = Some(Sasl { mechanism: SaslMechanism::Plain, user, password });
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            settings.set(name, &decoded(value)?)?;
        }
        settings.check()?;
        Ok(settings)
    }

    /// What holds where nothing is said.
    fn at(brokers: Vec<String>) -> Self {
        let day = Duration::from_secs(86_400);
        Self {
            brokers,
            tls: None,
            sasl: None,
            registry: Topic("fleet.log.v1".into()),
            topics: TopicSettings {
                create: true,
                partitions: 12,
                replication: 3,
                min_insync: 2,
                retention: None,
            },
            retention: 7 * day,
            uncommitted_max: 1_000_000,
            compression: Compression::Lz4,
            linger: Duration::from_millis(5),
            publish_timeout: Duration::from_secs(30),
            publish_bytes_max: 64 << 20,
            fetch_bytes_max: 16 << 20,
            session_timeout: Duration::from_secs(45),
            poll_interval_max: Duration::from_secs(300),
            instance: None,
            protocol: GroupProtocol::Classic,
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let (topics, seconds) = (&mut self.topics, || number(name, value).map(Duration::from_secs));
        match name {
            "ca_file" => self.tls.get_or_insert_default().ca_file = Some(value.into()),
            "certificate_file" => self.own_certificate().0 = value.into(),
            "key_file" => self.own_certificate().1 = value.into(),
            "compression" => {
                let words = [
                    ("none", Compression::None),
                    ("lz4", Compression::Lz4),
                    ("zstd", Compression::Zstd),
                ];
                self.compression = word(name, value, &words)?;
            }
            "create" => topics.create = word(name, value, &SWITCH)?,
            "fetch_bytes_max" => self.fetch_bytes_max = number(name, value)?,
            "instance" => self.instance = Some(value.to_owned()),
            "linger_ms" => self.linger = Duration::from_millis(number(name, value)?),
            "min_insync" => topics.min_insync = number(name, value)?,
            "partitions" => topics.partitions = number(name, value)?,
            "poll_interval_max_s" => self.poll_interval_max = seconds()?,
            "protocol" => {
                let words =
                    [("classic", GroupProtocol::Classic), ("consumer", GroupProtocol::Consumer)];
                self.protocol = word(name, value, &words)?;
            }
            "publish_bytes_max" => self.publish_bytes_max = number(name, value)?,
            "publish_timeout_s" => self.publish_timeout = seconds()?,
            "registry" => self.registry = value.parse()?,
            "replication" => topics.replication = number(name, value)?,
            "retention_s" => self.retention = seconds()?,
            "sasl" => self.set_mechanism(name, value)?,
            "session_timeout_ms" => {
                self.session_timeout = Duration::from_millis(number(name, value)?);
            }
            "tls" => match word(name, value, &SWITCH)? {
                true => drop(self.tls.get_or_insert_default()),
                false => self.tls = None,
            },
            "topic_retention_s" => topics.retention = Some(seconds()?),
            "uncommitted_max" => self.uncommitted_max = number(name, value)?,
            _ => {
                let near = names::nearest(name, NAMES);
                let hint = match near.first() {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("expected one of {}", NAMES.join(", ")),
                };
                return Err(Error::invalid(format!("kafka url: no setting {name:?}: {hint}")));
            }
        }
        Ok(())
    }

    fn own_certificate(&mut self) -> &mut (PathBuf, PathBuf) {
        self.tls.get_or_insert_default().certificate.get_or_insert_default()
    }

    fn set_mechanism(&mut self, name: &str, value: &str) -> Result<()> {
        let words = [
            ("plain", SaslMechanism::Plain),
            ("scram-sha-256", SaslMechanism::ScramSha256),
            ("scram-sha-512", SaslMechanism::ScramSha512),
        ];
        let mechanism = word(name, value, &words)?;
        let sasl = self.sasl.as_mut().ok_or_else(|| {
            Error::invalid(format!("kafka url: sasl without user and password: {FORM}"))
        })?;
        sasl.mechanism = mechanism;
        Ok(())
    }

    /// Checks what hangs together.
    pub(super) fn check(&self) -> Result<()> {
        let rule = |ok: bool, text: &str| match ok {
            true => Ok(()),
            false => Err(Error::invalid(format!("kafka settings: {text}"))),
        };
        let TopicSettings { partitions, replication, min_insync, .. } = self.topics;
        let built_in = built_in();
        let has = |feature: &str| built_in.split(',').any(|word| word == feature);
        let is_scram = self.sasl.as_ref().is_some_and(|s| s.mechanism != SaslMechanism::Plain);
        let has_both = match self.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) {
            Some((certificate, key)) => {
                [certificate, key].iter().all(|p| !p.as_os_str().is_empty())
            }
            None => true,
        };
        let is_in = |duration: Duration, ms: std::ops::RangeInclusive<u128>| {
            ms.contains(&duration.as_millis())
        };
        rule(!self.brokers.is_empty(), "brokers: none")?;
        rule((1..=10_000).contains(&partitions), "partitions: expected 1 to 10000")?;
        rule((1..=16).contains(&replication), "replication: expected 1 to 16")?;
        rule((1..=replication).contains(&min_insync), "min_insync: expected 1 to replication")?;
        rule(is_in(self.linger, 0..=10_000), "linger_ms: expected 0 to 10000")?;
        rule(
            is_in(self.session_timeout, 1_000..=1_800_000),
            "session_timeout_ms: expected 1000 to 1800000",
        )?;
        rule(
            self.poll_interval_max >= self.session_timeout,
            "poll_interval_max_s: below session_timeout_ms",
        )?;
        rule(
            is_in(self.poll_interval_max, 1_000..=86_400_000),
            "poll_interval_max_s: expected 1 to 86400",
        )?;
        rule(
            is_in(self.publish_timeout, 1_000..=3_600_000),
            "publish_timeout_s: expected 1 to 3600",
        )?;
        rule(
            (2 << 20..=2 << 30).contains(&self.publish_bytes_max),
            "publish_bytes_max: expected 2 MiB to 2 GiB",
        )?;
        rule(
            (1 << 20..=1 << 30).contains(&self.fetch_bytes_max),
            "fetch_bytes_max: expected 1 MiB to 1 GiB",
        )?;
        rule(has_both, "certificate_file and key_file: one without the other")?;
        rule(
            self.tls.is_none() || has("ssl"),
            "tls: this program was built without it (add rdkafka with feature ssl-vendored)",
        )?;
        rule(
            !is_scram || has("sasl_scram"),
            "sasl: this program was built without scram (add rdkafka with feature ssl-vendored)",
        )
    }

    /// The brokers, for messages.
    pub(super) fn address(&self) -> String {
        self.brokers.join(",")
    }

    /// What all clients have in common.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address());
        config.set("client.id", "data-fleet");
        // A name may have an address of each family, and the server listens to one only.
        config.set("broker.address.family", "any");
        config.set("socket.timeout.ms", "10000");
        config.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "1000");
        config.set("retry.backoff.ms", "50");
        // Connections that nobody uses are closed by brokers: no error.
        config.set("log.connection.close", "false");
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), None) => "ssl",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(Tls { ca_file, certificate }) = &self.tls {
            if let Some(file) = ca_file {
                config.set("ssl.ca.location", file.to_string_lossy());
            }
            if let Some((certificate, key)) = certificate {
                config.set("ssl.certificate.location", certificate.to_string_lossy());
                config.set("ssl.key.location", key.to_string_lossy());
            }
        }
        if let Some(Sasl { mechanism, user, password }) = &self.sasl {
            let mechanism = match mechanism {
                SaslMechanism::Plain => "PLAIN",
                SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
                SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
            };
            config.set("sasl.mechanism", mechanism);
            config.set("sasl.username", user).set("sasl.password", &password.0);
        }
        config
    }
}

/// What librdkafka was built with, e.g. `lz4,ssl,sasl_plain`. A program that depends on rdkafka with
/// more features than we ask for gets them.
fn built_in() -> String {
    let native = ClientConfig::new().create_native_config();
    native.and_then(|native| native.get("builtin.features")).unwrap_or_default()
}

impl FromStr for KafkaSettings {
    type Err = Error;
    fn from_str(url: &str) -> Result<Self> {
        Self::from_url(url)
    }
}

const SWITCH: [(&str, bool); 2] = [("true", true), ("false", false)];

fn check_broker(broker: &str) -> Result<String> {
    let port = broker.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(1..)) => Ok(broker.to_owned()),
        _ => Err(Error::invalid(format!("kafka url: {broker:?} is no host:port: {FORM}"))),
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T> {
    value
        .parse()
        .map_err(|_| Error::invalid(format!("kafka url: {name}: {value:?} is no number that fits")))
}

fn word<T: Copy>(name: &str, value: &str, words: &[(&str, T)]) -> Result<T> {
    let found = words.iter().find(|(word, _)| *word == value);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let expected = words.join(", ");
        Error::invalid(format!("kafka url: {name}: {value:?}: expected one of {expected}"))
    })
}

/// The text behind `%XX`.
fn decoded(text: &str) -> Result<String> {
    let bad = || Error::invalid("kafka url: a % that is not followed by two hex digits of UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let digit = rest.next().and_then(|digit| char::from(digit).to_digit(16));
            digit.and_then(|digit| u8::try_from(digit).ok()).ok_or_else(bad)
        };
        bytes.push(digit()? << 4 | digit()?);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests;
