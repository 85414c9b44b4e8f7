//! What Prometheus answers to a range of raw samples.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Error, Result, time::Time};

#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Option<Data>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    result_type: String,
    result: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// One counter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Series {
    /// All its labels, in their order.
    pub(super) labels: String,
    pub(super) slo: String,
    pub(super) is_good: bool,
    /// Oldest first.
    pub(super) samples: Vec<(Time, u64)>,
}

/// Reads an answer; series of other outcomes than `good` and `bad` are none of ours.
///
/// # Errors
/// `Unavailable` with what the server says; `Invalid` for what is no answer of a Prometheus, or no
/// counter of ours.
pub(super) fn read(body: &[u8]) -> Result<Vec<Series>> {
    let foreign = |what: &str| Error::invalid(format!("prometheus: {what}"));
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| foreign("not an answer of a Prometheus").with_source(error))?;
    let data = match (answer.status.as_str(), answer.data) {
        ("success", Some(data)) if data.result_type == "matrix" => data,
        ("error", _) => {
            let error = answer.error.unwrap_or_default();
            return Err(Error::unavailable(format!("prometheus: {error}")));
        }
        _ => return Err(foreign("not a matrix of samples")),
    };
    let mut all = Vec::new();
    for Row { metric, values } in data.result {
        let is_good = match metric.get("outcome").map(String::as_str) {
            Some("good") => true,
            Some("bad") => false,
            _ => continue,
        };
        let slo = metric.get("slo").cloned().unwrap_or_default();
        let mut samples = Vec::with_capacity(values.len());
        for (at_s, text) in values {
            let value = text.parse::<f64>().ok().filter(|value| (0.0..1e15).contains(value));
            let value = value.ok_or_else(|| foreign("a counter that does not count"))?;
            if !(0.0..4e9).contains(&at_s) {
                return Err(foreign("a sample out of time"));
            }
            samples.push((
                Time::from_ms((at_s * 1e3).round() as i64),
                (value.round() as i64).unsigned_abs(),
            ));
        }
        all.push(Series { labels: format!("{metric:?}"), slo, is_good, samples });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn samples_are_read_as_they_are_written() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"n","slo":"a","outcome":"bad","instance":"x"},
             "values":[[1767571200.123,"3"],[1767571215.123,"1e+02"]]},
            {"metric":{"__name__":"n","slo":"a","outcome":"odd"},"values":[]}]}}"#;
        let series = read(body).expect("an answer");
        assert_eq!(series.len(), 1);
        let at = |ms| Time::from_ms(ms);
        assert_eq!(series[0].samples, [(at(1_767_571_200_123), 3), (at(1_767_571_215_123), 100)]);
        assert!(!series[0].is_good && series[0].slo == "a");
    }

    #[test]
    fn what_is_no_answer_is_refused_by_its_reason() {
        let check = |body: &str, kind: ErrorKind, word: &str| {
            let error = read(body.as_bytes()).expect_err(body);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(word), "{error}");
        };
        check("<html>", ErrorKind::Invalid, "Prometheus");
        check(r#"{"status":"error","error":"too many"}"#, ErrorKind::Unavailable, "too many");
        check(
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
            ErrorKind::Invalid,
            "matrix",
        );
        for value in ["NaN", "-1", "+Inf", "x"] {
            let body = format!(
                r#"{{"status":"success","data":{{"resultType":"matrix","result":[
                {{"metric":{{"slo":"a","outcome":"bad"}},"values":[[1,"{value}"]]}}]}}}}"#
            );
            check(&body, ErrorKind::Invalid, "does not count");
        }
    }
}
