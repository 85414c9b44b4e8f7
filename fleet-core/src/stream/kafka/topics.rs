//! Topics: made where they are missing, and held to their settings where they are not.

use std::time::Duration;

use rdkafka::{
    admin::{NewTopic, ResourceSpecifier, TopicReplication},
    error::KafkaError,
    types::RDKafkaErrorCode as Code,
};

use super::{brokers::Brokers, settings::TopicSettings};
use crate::{Error, Result, stream::Topic};
use std::sync::Arc;

/// The largest record with its headers, as one batch.
pub(super) const MESSAGE_BYTES_MAX: u32 = (1 << 20) + (128 << 10);
/// How often a new topic is looked for before it counts as missing, and how long in between.
const LOOKS: u32 = 100;
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What was found or made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) partitions: u32,
    pub(super) is_new: bool,
}

impl Brokers {
    /// Finds or makes `topic`, and checks what it is like.
    pub(super) async fn ensure(
        self: &Arc<Self>,
        topic: &Topic,
        wanted: &TopicSettings,
    ) -> Result<Found> {
        let is_new = match self.look(topic).await? {
            Some(_) => false,
            None if wanted.create => self.make(topic, wanted).await?,
            None => {
                let text = format!(
                    "kafka {}: topic {topic} is missing, and create is false: make it, with {} \
                     partitions",
                    self.address, wanted.partitions
                );
                return Err(Error::invalid(text));
            }
        };
        for _ in 0..LOOKS {
            if let Some((partitions, copies)) = self.look(topic).await? {
                let (told, set) = (u64::from(partitions), u64::from(wanted.partitions));
                self.same(topic, "partitions", told, set)?;
                self.same(topic, "replication", copies as u64, u64::from(wanted.replication))?;
                self.check(topic, wanted).await?;
                return Ok(Found { partitions, is_new });
            }
            tokio::time::sleep(LOOK_AGAIN).await; // brokers hear of a new topic one by one
        }
        Err(Error::unavailable(format!("kafka {}: topic {topic} has no leader", self.address)))
    }

    async fn look(self: &Arc<Self>, topic: &Topic) -> Result<Option<(u32, usize)>> {
        let wanted = topic.clone();
        self.ask(move |brokers| brokers.topic(&wanted)).await
    }

    fn same(&self, topic: &Topic, name: &str, found: u64, wanted: u64) -> Result<()> {
        if found == wanted {
            return Ok(());
        }
        let text = format!("topic {topic}: {name}: found {found}, wanted {wanted}");
        Err(Error::invalid(format!("kafka {}: {text}", self.address)))
    }

    /// Makes it; `false` if another was faster.
    async fn make(&self, topic: &Topic, wanted: &TopicSettings) -> Result<bool> {
        let settings: Vec<(&str, String)> = settings(wanted).into();
        let largest = MESSAGE_BYTES_MAX.to_string();
        let mut new = NewTopic::new(
            topic.as_str(),
            i32::try_from(wanted.partitions).unwrap_or(i32::MAX),
            TopicReplication::Fixed(i32::from(wanted.replication)),
        )
        .set("max.message.bytes", &largest);
        for (name, value) in &settings {
            new = new.set(name, value);
        }
        let making = self.admin.create_topics([&new], &Self::admin_options());
        let what = format!("making topic {topic}");
        let made = making.await.map_err(|cause| self.told(&what, cause))?;
        match made.into_iter().next() {
            Some(Err((_, Code::TopicAlreadyExists))) => Ok(false),
            Some(Err((_, code))) => Err(self.told(&what, KafkaError::MetadataFetch(code))),
            _ => Ok(true),
        }
    }

    async fn check(&self, topic: &Topic, wanted: &TopicSettings) -> Result<()> {
        let specifier = ResourceSpecifier::Topic(topic.as_str());
        let asking = self.admin.describe_configs([&specifier], &Self::admin_options());
        let what = format!("the settings of topic {topic}");
        let told = asking.await.map_err(|cause| self.told(&what, cause))?;
        let Some(told) = told.into_iter().next() else { return Ok(()) };
        let told = told.map_err(|code| self.told(&what, KafkaError::MetadataFetch(code)))?;
        let found = |name: &str| told.get(name).and_then(|entry| entry.value.clone());
        let refuse = |name: &str, found: &str, wanted: &str| {
            let text = format!("topic {topic}: {name}: found {found}, wanted {wanted}");
            Err(Error::invalid(format!("kafka {}: {text}", self.address)))
        };
        for (name, wanted) in settings(wanted) {
            match found(name) {
                Some(found) if found != wanted => return refuse(name, &found, &wanted),
                _ => {}
            }
        }
        match found("max.message.bytes").map(|value| value.parse::<u32>()) {
            Some(Ok(found)) if found < MESSAGE_BYTES_MAX => {
                let wanted = format!("{MESSAGE_BYTES_MAX} or more");
                refuse("max.message.bytes", &found.to_string(), &wanted)
            }
            _ => Ok(()),
        }
    }
}

/// What a topic of the log must be set to. A record's time is the log's clock's: `CreateTime`.
fn settings(wanted: &TopicSettings) -> [(&'static str, String); 5] {
    let retention_ms = wanted.retention.map_or_else(
        || "-1".to_owned(), // for ever
        |retention| retention.as_millis().to_string(),
    );
    [
        ("cleanup.policy", "delete".to_owned()),
        ("message.timestamp.type", "CreateTime".to_owned()),
        ("min.insync.replicas", wanted.min_insync.to_string()),
        ("retention.bytes", "-1".to_owned()),
        ("retention.ms", retention_ms),
    ]
}
