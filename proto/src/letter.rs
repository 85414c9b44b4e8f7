//! Dead letters as messages.

use fleet_core::{
    stream::dead_letter::{Counted, DeadLetter, ReasonCount},
    time::Time,
};

use crate::v1;

/// A dead letter as a message; `redriven` says whether it was put back.
pub fn letter_message(letter: DeadLetter, redriven: bool) -> v1::DeadLetter {
    let header = |(name, value)| v1::RecordHeader { name, value };
    v1::DeadLetter {
        id: letter.id(),
        topic: letter.topic.to_string(),
        partition: letter.origin.as_ref().map(|origin| origin.partition.number),
        offset: letter.origin.as_ref().map(|origin| origin.offset),
        group: letter.group,
        reason: letter.reason.to_string(),
        detail: letter.detail,
        attempts: letter.attempts,
        dead_lettered_at_ms: letter.dead_lettered_at.as_ms(),
        key: letter.key,
        payload: letter.payload,
        redriven,
        redriven_from: letter.redriven_from.unwrap_or_default(),
        headers: letter.headers.into_iter().map(header).collect(),
        first_failed_at_ms: letter.first_failed_at.as_ms(),
        is_cut: letter.is_cut,
    }
}

impl From<Counted> for v1::CountDeadLettersResponse {
    fn from(counted: Counted) -> Self {
        let count = |count: ReasonCount| v1::DeadLetterCount {
            topic: count.topic.to_string(),
            reason: count.reason.to_string(),
            letters: count.letters,
            oldest_at_ms: Time::as_ms(count.oldest_at),
            newest_at_ms: Time::as_ms(count.newest_at),
            newest_id: count.newest_id,
        };
        let counts = counted.groups.into_iter().map(count).collect();
        Self { counts, is_complete: counted.is_complete }
    }
}
