//! One question to the server, bounded in time and size.

use std::{fmt::Write, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Uri, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::PrometheusSettings;
use crate::{Error, Result, time::Time};

const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Shorter than the five minutes after which the server drops silent connections.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// The way to one server.
pub(super) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    query_url: Uri,
    answer_timeout: Duration,
    body_bytes_max: usize,
}

/// The base of all addresses, without a slash at its end.
pub(super) fn base(url: &str) -> Result<String> {
    let refuse = |why: &str| Err(Error::invalid(format!("prometheus at {url:?}: {why}")));
    let Ok(uri) = url.parse::<Uri>() else { return refuse("not a URL") };
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return refuse("https is not spoken; let a proxy on this machine speak it");
        }
        _ => return refuse("expected http://host:port"),
    }
    if uri.authority().is_none_or(|at| at.host().is_empty() || at.as_str().contains('@')) {
        return refuse("expected a host, and no user");
    }
    if uri.query().is_some() || url.contains('#') {
        return refuse("expected nothing after the path");
    }
    Ok(url.trim_end_matches('/').to_owned())
}

impl Http {
    pub(super) fn new(settings: &PrometheusSettings) -> Result<Self> {
        let url = format!("{}/api/v1/query", base(&settings.url)?);
        let query_url =
            url.parse().map_err(|error| Error::invalid("prometheus: url").with_source(error))?;
        if settings.answer_timeout.is_zero() || settings.body_bytes_max == 0 {
            return Err(Error::invalid("prometheus: expected bounds above 0"));
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_WITHIN));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(connector);
        let PrometheusSettings { answer_timeout, body_bytes_max, .. } = *settings;
        Ok(Self { client, query_url, answer_timeout, body_bytes_max })
    }

    /// The answer to an expression at an instant.
    ///
    /// # Errors
    /// `Unavailable` if there is none in time.
    pub(super) async fn query(&self, expression: &str, at: Time) -> Result<Bytes> {
        let at_s = format!("{}.{:03}", at.as_ms().div_euclid(1_000), at.as_ms().rem_euclid(1_000));
        let form = format!("query={}&time={at_s}", escaped(expression));
        match tokio::time::timeout(self.answer_timeout, self.whole(form)).await {
            Ok(answer) => answer,
            Err(_late) => Err(Error::unavailable(format!(
                "prometheus: no answer within {:?}",
                self.answer_timeout
            ))),
        }
    }

    async fn whole(&self, form: String) -> Result<Bytes> {
        let away = |error: &dyn std::error::Error| {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            Error::unavailable(format!("prometheus: {error}{cause}"))
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.query_url.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)))
            .map_err(|error| Error::internal("a question to prometheus").with_source(error))?;
        let response = self.client.request(request).await.map_err(|error| away(&error))?;
        let status = response.status();
        let mut body = response.into_body();
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(part) = frame.map_err(|error| away(&error))?.into_data() else { continue };
            if whole.len() + part.len() > self.body_bytes_max {
                let limit = self.body_bytes_max;
                return Err(Error::unavailable(format!("prometheus: more than {limit} bytes")));
            }
            whole.extend_from_slice(&part);
        }
        if status.is_server_error() {
            let said = String::from_utf8_lossy(&whole[..whole.len().min(200)]).into_owned();
            return Err(Error::unavailable(format!("prometheus: {status}: {said}")));
        }
        Ok(whole.freeze()) // what else is wrong is told in the body
    }
}

/// As a form has it: what is no letter, digit or one of `-._` is a percent sign and two digits.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(2 * text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}"); // to a String: cannot fail
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_every_byte_apart() {
        assert_eq!(escaped("a{b=\"c+d\"}[5m] é"), "a%7Bb%3D%22c%2Bd%22%7D%5B5m%5D%20%C3%A9");
    }

    #[test]
    fn urls_that_are_not_spoken_to_are_refused() {
        for url in
            ["", "prometheus", "https://a", "http://", "http://u@h", "http://h/?q", "http://h/#f"]
        {
            assert!(base(url).is_err(), "{url}");
        }
        assert_eq!(base("http://h:9090/prom/").expect("valid"), "http://h:9090/prom");
    }
}
