//! One token for a place in the feed: the log's incarnation and the next offset per partition.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fleet_core::{Error, Result, store::Watermarks, stream::Partition};
use serde::{Deserialize, Serialize};

/// The longest token that is read, bytes.
const TOKEN_BYTES_MAX: usize = 8_192;

#[derive(Serialize, Deserialize)]
struct Token(u8, String, Vec<(String, u32, u64)>);

const VERSION: u8 = 1;

/// The token of `places` in the log `incarnation`.
pub(crate) fn encode(incarnation: &str, places: &Watermarks) -> String {
    let places = places
        .iter()
        .map(|(partition, next)| (partition.topic.to_string(), partition.number, *next))
        .collect();
    let token = Token(VERSION, incarnation.to_owned(), places);
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).expect("names and numbers are JSON"))
}

/// The places in a token.
///
/// # Errors
/// `Invalid` for what is no token; `NotFound` if it belongs to another log: the place is gone.
pub(crate) fn decode(incarnation: &str, text: &str) -> Result<Watermarks> {
    let bad = || Error::invalid("cursor: not one of this API");
    if text.len() > TOKEN_BYTES_MAX {
        return Err(bad());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    let Token(version, found, places) = serde_json::from_slice(&bytes).map_err(|_| bad())?;
    if version != VERSION || found != incarnation {
        return Err(Error::not_found("cursor: of another log; begin anew without one"));
    }
    places
        .into_iter()
        .map(|(topic, number, next)| {
            let topic = topic.parse().map_err(|_| bad())?;
            Ok((Partition { topic, number }, next))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_core::{ErrorKind, stream::Topic};

    #[test]
    fn cursors_round_trip_and_know_their_log() {
        let partition = |number| Partition { topic: Topic::TELEMETRY, number };
        let places: Watermarks = [(partition(0), 7), (partition(3), u64::MAX)].into();
        let text = encode("one", &places);
        assert_eq!(decode("one", &text).expect("own"), places);
        assert_eq!(decode("two", &text).expect_err("other").kind(), ErrorKind::NotFound);
        for garbage in ["", "!!", "AAAA", &"A".repeat(9_000)] {
            assert_eq!(decode("one", garbage).expect_err(garbage).kind(), ErrorKind::Invalid);
        }
    }
}
