//! Random histories of a state store, each answer compared with the naive store's.

use super::*;
use crate::{ErrorKind, Result, random::Stream};

/// Small numbers drawn from one word, digit by digit.
struct Digits(u64);

impl Digits {
    fn below(&mut self, n: u64) -> u64 {
        let digit = self.0 % n;
        self.0 /= n;
        digit
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(choices.len()).expect("a short list");
        choices.get(usize::try_from(self.below(count.max(1))).expect("below the count"))
    }
}

/// Taking, giving back, saving, putting, waiting and crashing in any order get the answers that
/// the naive store gives.
pub async fn histories_agree_with_the_naive_store(subject: Subject) {
    let stream = Stream::new(1, "state", "laws");
    let words: Vec<u64> = (0..300).map(|ix| stream.bits(ix)).collect();
    follow(&subject, &words).await;
}

/// As [`histories_agree_with_the_naive_store`], on the steps that `words` stand for: one each, of
/// any value, so that a property test can draw and shrink them. The subject must be new.
pub async fn follow(subject: &Subject, words: &[u64]) {
    let naive = NaiveState::new(Arc::clone(&subject.clock));
    let mut store = (subject.open)();
    let mut leases = Vec::new();
    let mut next = 1;
    for word in words {
        let mut digits = Digits(*word);
        match digits.below(10) {
            0 | 1 => {
                let holder = digits.of(&["a", "b", "c"]).copied().expect("three");
                let told = store.acquire(NAME, holder, TTL).await;
                let expected = naive.acquire(NAME, holder, TTL).await;
                leases.extend(agree(told, expected, word));
            }
            2 => {
                if let Some(lease) = digits.of(&leases) {
                    agree(store.release(lease).await, naive.release(lease).await, word);
                }
            }
            3..=6 => {
                let newest = leases.last().filter(|_| digits.below(3) > 0);
                if let Some(lease) = newest.or(digits.of(&leases)) {
                    let version = (next + digits.below(4)).saturating_sub(2).max(1);
                    let trucks = u32::try_from(digits.below(5)).expect("small");
                    let saved = checkpoint(version, trucks);
                    let told = store.save(lease, &saved).await;
                    let told = agree(told, naive.save(lease, &saved).await, word);
                    next += u64::from(told == Some(Saved::Applied));
                }
            }
            7 => {
                let key = digits.of(&["genesis", "plan", ""]).copied().expect("three");
                let value = Bytes::from(digits.below(100).to_string());
                let told = store.put_once(key, value.clone()).await;
                agree(told, naive.put_once(key, value).await, word);
                agree(store.get(key).await, naive.get(key).await, word);
                let value = Bytes::from(digits.below(3).to_string());
                let told = store.replace("history", value.clone()).await;
                agree(told, naive.replace("history", value).await, word);
                agree(store.get("history").await, naive.get("history").await, word);
            }
            8 => subject.clock.advance_ms([1, TTL_MS / 2, TTL_MS][digits.below(3) as usize]),
            _ => store = (subject.open)(),
        }
        agree(store.load().await, naive.load().await, word);
        agree(store.counters().await, naive.counters().await, word);
    }
}

/// The answer, if both gave it and not the same sort of error.
fn agree<T: PartialEq + fmt::Debug>(told: Result<T>, expected: Result<T>, word: &u64) -> Option<T> {
    let kinds = |result: Result<T>| result.map_err(|error| -> ErrorKind { error.kind() });
    let (told, expected) = (kinds(told), kinds(expected));
    assert_eq!(told, expected, "in the step of {word}");
    told.ok()
}
