//! The API as a program of its own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn api(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fleet-api")).args(arguments).output().unwrap()
}

#[test]
fn its_settings_are_shown_without_passwords_and_every_fault_is_told() {
    let urls = ["log", "store", "state"].map(|what| format!("--{what}-url"));
    let [log, store, state] = &urls;
    let urls = [log, "kafka://a:s3cret@k:1/", store, "mongodb://a:s3cret@m/", state, "redis://r"];
    let shown = api(&[&urls[..], &["--auth", "required", "--check-config"]].concat());
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.status.success() && text.contains("auth = \"required\""), "{text}");
    assert!(text.contains("mongodb://a:***@m/") && !text.contains("s3cret"), "{text}");

    let refused = api(&[&urls[2..], &["--listen", "0.0.0.0:8080", "--limits", "some"]].concat());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for fault in ["log_url: expected kafka://", "limits \"some\"", "0.0.0.0:8080: not a loopback"] {
        assert!(said.contains(fault), "{said}");
    }
}
