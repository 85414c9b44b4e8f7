//! Entity tags, for what has a revision of its own (RFC 9110, sections 8.8.3 and 13.1.2).

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// Names one content in one format, byte for byte.
#[derive(Debug)]
pub(super) struct ETag(HeaderValue);

impl ETag {
    /// From a revision, which must be of visible ASCII without quotes, such as hexadecimal digits.
    pub(super) fn new(revision: &str) -> Self {
        let quoted = HeaderValue::from_str(&format!("\"{revision}\""));
        Self(quoted.expect("revisions are visible ASCII"))
    }

    /// Whether the request says by `If-None-Match` that its sender has this content.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let lists = headers.get_all(header::IF_NONE_MATCH).into_iter();
        lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.trim_start_matches("W/").as_bytes() == self.0.as_bytes()
        })
    }

    /// That there is nothing new.
    pub(super) fn not_modified(self) -> Response {
        let vary = [(header::VARY, "accept")];
        self.on((StatusCode::NOT_MODIFIED, vary).into_response())
    }

    /// The same answer, with this tag.
    pub(super) fn on(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.0);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others_weak_or_not() {
        let is_in = |list: &'static str| {
            let list =
                HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(list))]);
            ETag::new("ab12").is_in(&list)
        };
        for list in ["\"ab12\"", "\"x\", \"ab12\"", "W/\"ab12\"", "*"] {
            assert!(is_in(list), "{list}");
        }
        for list in ["", "ab12", "\"ab1\"", "\"ab12-geojson\""] {
            assert!(!is_in(list), "{list}");
        }
        assert!(!ETag::new("ab12").is_in(&HeaderMap::new()));
    }
}
