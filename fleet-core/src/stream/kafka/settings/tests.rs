//! What a URL says, and what it must not.

use super::*;

#[track_caller]
fn refused(url: &str, why: &str) {
    let error = KafkaSettings::from_url(url).expect_err(url).to_string();
    assert!(error.contains(why), "{url}: {error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn a_url_says_it_all() {
    let url = "kafka://a%40b:s3cret%25@h:1,[::1]:2?partitions=6&replication=1&min_insync=1\
               &compression=zstd&linger_ms=0&create=false&retention_s=60&instance=pod-0";
    let settings = KafkaSettings::from_url(url).expect(url);
    assert_eq!(settings.brokers, ["h:1", "[::1]:2"]);
    let sasl = settings.sasl.as_ref().expect("a user");
    assert_eq!((sasl.user.as_str(), sasl.password.0.as_str()), ("a@b", "s3cret%"));
    assert_eq!(settings.topics.partitions, 6);
    assert!(!settings.topics.create);
    assert_eq!(settings.retention, Duration::from_secs(60));
    assert_eq!(settings.instance.as_deref(), Some("pod-0"));
    let shown = format!("{settings:?} {:?}", settings.client());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn what_is_wrong_in_a_url_is_named_and_no_password_is() {
    refused("http://h:1/", "another scheme");
    refused("kafka://u:s3cret@h/", "\"h\" is no host:port");
    refused("kafka://u:s3cret@:9/", "is no host:port");
    refused("kafka://h:0/", "is no host:port");
    refused("kafka://h:70000/", "is no host:port");
    refused("kafka://u@h:1/", "a user without a password");
    refused("kafka://u:s3cret%@h:1/", "two hex digits");
    refused("kafka://h:1/?partitons=3", "did you mean partitions?");
    refused("kafka://h:1/?partitions=-1", "partitions: \"-1\"");
    refused("kafka://h:1/?partitions=0", "partitions: expected 1 to 10000");
    refused("kafka://h:1/?replication=1", "min_insync");
    refused("kafka://h:1/?compression=gzip", "expected one of none, lz4, zstd");
    refused("kafka://h:1/?sasl=plain", "sasl without user and password");
    refused("kafka://h:1/?registry=a/b", "topic: expected");
}

#[test]
fn what_was_not_built_in_is_refused_by_name() {
    assert!(built_in().contains("sasl_plain"), "{}", built_in());
    if !built_in().contains("ssl,") {
        refused("kafka://h:1/?tls=true", "feature ssl-vendored");
        refused("kafka://u:s3cret@h:1/?sasl=scram-sha-512", "feature ssl-vendored");
    }
}
