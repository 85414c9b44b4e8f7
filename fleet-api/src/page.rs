//! Page sizes and the tokens that continue a list.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fleet_core::{Error, Result, time::Time};
use serde::{Serialize, de::DeserializeOwned};

const SIZE_DEFAULT: usize = 50;
const SIZE_MAX: usize = 500;
const TOKEN_BYTES_MAX: usize = 2_048;

/// The page size asked for: 50 unless told, larger ones lowered to 500.
pub(crate) fn size(asked: Option<u32>) -> Result<usize> {
    match asked {
        None => Ok(SIZE_DEFAULT),
        Some(0) => Err(Error::invalid("page_size: expected at least 1")),
        Some(size) => Ok(usize::try_from(size).unwrap_or(SIZE_MAX).min(SIZE_MAX)),
    }
}

/// Checks a window of time, which may be open on either side.
pub(crate) fn window(from: Option<Time>, to: Option<Time>) -> Result<()> {
    match (from, to) {
        (Some(from), Some(to)) if to < from => {
            Err(Error::invalid(format!("to: {to} is before from, {from}")))
        }
        _ => Ok(()),
    }
}

/// The token for what comes after `last` in the list asked for by `filter`.
pub(crate) fn token<L: Serialize>(filter: &str, last: &L) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(1, filter, last)).expect("ids and times are JSON"))
}

/// The place in a token, which must be of the same list.
///
/// # Errors
/// `Invalid` for what is no token, or one of another list.
pub(crate) fn after<L: DeserializeOwned>(filter: &str, token: Option<&str>) -> Result<Option<L>> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let bad = || Error::invalid("page_token: not one of this API");
    if token.len() > TOKEN_BYTES_MAX {
        return Err(bad());
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
    let (version, found, last): (u8, String, L) =
        serde_json::from_slice(&bytes).map_err(|_| bad())?;
    if version != 1 || found != filter {
        return Err(Error::invalid("page_token: of a list with another filter"));
    }
    Ok(Some(last))
}
