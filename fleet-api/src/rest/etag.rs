//! Entity tags (RFC 9110, sections 8.8.3 and 13.1.2). All are weak, for the same answer may be
//! compressed on its way or not.

use std::hash::{DefaultHasher, Hasher};

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// Names one content in one format.
#[derive(Debug)]
pub(super) struct ETag(HeaderValue);

impl ETag {
    /// From a revision, which must be of visible ASCII without quotes, such as hexadecimal digits.
    pub(super) fn of_revision(revision: &str) -> Self {
        let quoted = HeaderValue::from_str(&format!("W/\"{revision}\""));
        Self(quoted.expect("revisions are visible ASCII"))
    }

    /// From the content itself.
    pub(super) fn of_content(content: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(content);
        Self::of_revision(&format!("{:016x}{:x}", hasher.finish(), content.len()))
    }

    /// The tag that an answer has.
    pub(super) fn among(headers: &HeaderMap) -> Option<Self> {
        headers.get(header::ETAG).cloned().map(Self)
    }

    /// Whether `If-None-Match`, in one header or several, says that its sender has this content.
    pub(super) fn is_in<'a>(&self, known: impl IntoIterator<Item = &'a HeaderValue>) -> bool {
        let own = self.0.to_str().map(bare).unwrap_or_default();
        let lists = known.into_iter().filter_map(|list| list.to_str().ok());
        let mut tags = lists.flat_map(|list| list.split(','));
        tags.any(|tag| tag.trim() == "*" || bare(tag) == own)
    }

    /// The same answer, with this tag.
    pub(super) fn on(self, mut response: Response) -> Response {
        response.headers_mut().insert(header::ETAG, self.0);
        response
    }
}

/// A tag without what says that it is weak.
fn bare(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/")
}

/// 304, with what the answer would have said about itself.
pub(super) fn not_modified(mut headers: HeaderMap) -> Response {
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others_weak_or_not() {
        let is_in = |lists: &[&'static str]| {
            let lists: Vec<_> = lists.iter().copied().map(HeaderValue::from_static).collect();
            ETag::of_revision("ab12").is_in(&lists)
        };
        for list in ["\"ab12\"", "\"x\", \"ab12\"", "W/\"ab12\"", "*"] {
            assert!(is_in(&[list]) && is_in(&["\"x\"", list]), "{list}");
        }
        for list in ["", "ab12", "\"ab1\"", "\"ab12-geojson\""] {
            assert!(!is_in(&[list]), "{list}");
        }
        assert!(!is_in(&[]));
    }
}
