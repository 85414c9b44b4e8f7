//! In which format an answer is written: by `format`, else by `Accept`.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_core::Error;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::problem::Problem;

/// A format of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Json,
    /// RFC 7946.
    GeoJson,
    /// GPX 1.1, as navigation devices read it.
    Gpx,
    /// RFC 4180, with a line of names.
    Csv,
}

impl Format {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::GeoJson => "geojson",
            Self::Gpx => "gpx",
            Self::Csv => "csv",
        }
    }

    /// Its media type.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GeoJson => "application/geo+json",
            Self::Gpx => "application/gpx+xml",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// The format for this request among those offered, the usual one first.
    ///
    /// # Errors
    /// 400 for a `format` that is not offered, 406 if `Accept` names nothing that is.
    pub(super) fn choose(
        asked: Option<Self>,
        headers: &HeaderMap,
        offered: &[Self],
    ) -> Result<Self, Problem> {
        let names = || offered.iter().map(|format| format.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(asked) = asked {
            if offered.contains(&asked) {
                return Ok(asked);
            }
            return Err(Error::invalid(format!("format: expected one of {}", names())).into());
        }
        let accepted = headers.get_all(header::ACCEPT).into_iter();
        let accepted: Vec<_> = accepted.filter_map(|value| value.to_str().ok()).collect();
        if accepted.is_empty() {
            return Ok(offered[0]);
        }
        let ranges: Vec<_> = accepted.iter().flat_map(|list| list.split(',')).map(range).collect();
        let quality = |format: Self| {
            let bare = format.media_type().split(';').next().unwrap_or_default();
            let (kind, _) = bare.split_once('/').unwrap_or_default();
            // The most exact range that names it decides.
            let of = |wanted: &str| ranges.iter().find(|(name, _)| name == wanted).map(|(_, q)| *q);
            of(bare).or_else(|| of(&format!("{kind}/*"))).or_else(|| of("*/*")).unwrap_or(0)
        };
        // Of equals the first offered: `max_by_key` would take the last.
        let best = offered.iter().rev().copied().max_by_key(|format| quality(*format));
        best.filter(|format| quality(*format) > 0).ok_or_else(|| {
            let problem = Problem::of_status(StatusCode::NOT_ACCEPTABLE);
            problem.with_detail(format!("accept: there is {} here", names()))
        })
    }

    /// An answer in this format.
    pub(super) fn answer(self, body: impl IntoResponse) -> Response {
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type()));
        headers.append(header::VARY, HeaderValue::from_static("accept"));
        response
    }
}

/// A media range and its weight in thousandths.
fn range(text: &str) -> (String, u32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f64>().ok());
    let weight = weight.unwrap_or(1.0).clamp(0.0, 1.0);
    (name, (0..=1_000).rev().find(|n| f64::from(*n) <= weight * 1_000.0 + 1e-6).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_accept(accept: &'static str) -> Option<Format> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        Format::choose(None, &headers, &[Format::Json, Format::GeoJson, Format::Csv]).ok()
    }

    #[test]
    fn accept_chooses_by_weight_and_exactness() {
        for (accept, format) in [
            ("*/*", Some(Format::Json)),
            ("text/html, */*;q=0.1", Some(Format::Json)),
            ("application/geo+json", Some(Format::GeoJson)),
            ("application/json;q=0.5, application/geo+json", Some(Format::GeoJson)),
            ("application/*, application/json;q=0", Some(Format::GeoJson)),
            ("text/*", Some(Format::Csv)),
            ("TEXT/CSV", Some(Format::Csv)),
            ("image/png", None),
            ("application/gpx+xml", None),
        ] {
            assert_eq!(by_accept(accept), format, "{accept}");
        }
    }

    #[test]
    fn format_goes_before_accept_and_must_be_offered() {
        let headers =
            HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("text/csv"))]);
        let offered = [Format::Json, Format::Csv];
        let chosen = |asked| Format::choose(asked, &headers, &offered);
        assert_eq!(chosen(Some(Format::Json)).expect("offered"), Format::Json);
        assert_eq!(chosen(None).expect("accepted"), Format::Csv);
        let problem = chosen(Some(Format::Gpx)).expect_err("not offered");
        assert_eq!(problem.detail(), "format: expected one of json, csv");
    }
}
