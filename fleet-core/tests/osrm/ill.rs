//! A server that misbehaves: clear errors, nothing hangs, nothing piles up.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use fleet_core::{
    Error, ErrorKind,
    random::Stream,
    route::osrm::{Circuit, Fault, OsrmClient, OsrmSettings, RouteQuery},
    testkit::ManualClock,
    time::Time,
};
use tokio::task::JoinSet;

use crate::{
    client,
    faulty::{Act, Faulty, good},
    town,
};

/// Impatient: these tests wait for it.
fn settings(url: &str) -> OsrmSettings {
    OsrmSettings { answer_timeout: Duration::from_millis(300), ..OsrmSettings::new(url) }
}

fn query() -> RouteQuery {
    RouteQuery::between(town("guwahati"), town("shillong"))
}

/// Asks once; however ill the server is, there is an outcome within ten seconds.
async fn ask(client: &OsrmClient) -> Result<f64, Error> {
    let query = query();
    let asked = tokio::time::timeout(Duration::from_secs(10), client.route(&query));
    let answer = asked.await.expect("it hangs")?;
    Ok(answer.routes[0].distance_m)
}

#[track_caller]
fn fault(outcome: Result<f64, Error>) -> (ErrorKind, Fault) {
    let error = outcome.expect_err("no good answer was sent");
    let fault = Fault::of(&error).unwrap_or_else(|| panic!("no fault behind: {error}"));
    (error.kind(), fault.clone())
}

fn answer(status: u16, body: &str) -> Act {
    Act::Answer(status, body.to_owned())
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_is_tried_again_at_once() {
    let server = Faulty::start([Act::Close, Act::Answer(200, good(7))]).await;
    let client = client(settings(&server.url));
    assert!((ask(&client).await.unwrap() - 7.0).abs() < 1e-9);
    assert_eq!((server.requests(), client.stats().retries), (2, 1));
}

#[tokio::test]
async fn a_keep_alive_that_ends_without_a_word_is_not_noticed() {
    let server = Faulty::start([Act::AnswerAndClose(good(7))]).await;
    let client = client(settings(&server.url));
    for number in 0..200 {
        let outcome = ask(&client).await;
        assert!(outcome.is_ok(), "question {number}: {outcome:?}");
    }
    let stats = client.stats();
    assert_eq!(stats.outcomes.get("ok"), Some(&200));
    assert_eq!(stats.circuit, Circuit::Closed);
}

#[tokio::test]
async fn silence_ends_with_the_time_of_an_answer() {
    for act in [Act::Silent, Act::HeadOnly] {
        let server = Faulty::start([act.clone()]).await;
        let patience = Duration::from_millis(50);
        let settings =
            OsrmSettings { attempts: 2, answer_timeout: patience, ..settings(&server.url) };
        let client = client(settings);
        let expected = (ErrorKind::Unavailable, Fault::TimedOut(patience));
        assert_eq!(fault(ask(&client).await), expected, "{act:?}");
        assert_eq!(server.requests(), 2, "{act:?}");
    }
}

#[tokio::test]
async fn garbage_is_told_as_such_and_not_asked_for_again() {
    for act in [
        answer(200, "<html>welcome</html>"),
        answer(200, ""),
        answer(200, r#"{"code":"Ok"}"#),
        answer(302, ""),
        answer(404, "not found"),
        Act::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        Act::Raw(vec![0xFF; 200]),
    ] {
        let server = Faulty::start([act.clone()]).await;
        let (kind, fault) = fault(ask(&client(settings(&server.url))).await);
        assert!(matches!(fault, Fault::NotOsrm(_)), "{act:?}: {fault:?}");
        assert_eq!((kind, server.requests()), (ErrorKind::Invalid, 1), "{act:?}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_asked_for_again() {
    let server = Faulty::start([Act::Truncate(good(7)), Act::Answer(200, good(8))]).await;
    assert!((ask(&client(settings(&server.url))).await.unwrap() - 8.0).abs() < 1e-9);
    let server = Faulty::start([Act::Truncate(good(7))]).await;
    let (kind, fault) = fault(ask(&client(settings(&server.url))).await);
    assert_eq!((kind, server.requests()), (ErrorKind::Unavailable, 3));
    assert!(matches!(fault, Fault::Unreachable(_)), "{fault:?}");
}

#[tokio::test]
async fn of_fifty_megabytes_only_the_allowed_ones_are_read() {
    for is_chunked in [true, false] {
        let server = Faulty::start([Act::Huge(50, is_chunked)]).await;
        let patient = OsrmSettings {
            answer_timeout: Duration::from_secs(8),
            body_bytes_max: 1 << 20,
            ..OsrmSettings::new(&server.url)
        };
        let outcome = fault(ask(&client(patient)).await);
        assert_eq!(outcome, (ErrorKind::Invalid, Fault::TooLarge { limit: 1 << 20 }));
        let sent = server.seen.sent.load(SeqCst);
        assert!(sent < 30 << 20, "{sent} bytes were taken");
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn a_server_that_is_not_ready_is_asked_again_and_then_given_up() {
    let busy = answer(503, "starting");
    let server = Faulty::start([busy.clone(), busy.clone(), Act::Answer(200, good(7))]).await;
    assert!(ask(&client(settings(&server.url))).await.is_ok());
    let server = Faulty::start([busy]).await;
    let outcome = fault(ask(&client(settings(&server.url))).await);
    assert_eq!(outcome, (ErrorKind::Unavailable, Fault::ServerError(503)));
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn an_answer_by_its_code_is_final_whatever_its_status() {
    for (body, kind, expected) in [
        (r#"{"code":"NoRoute","message":"x"}"#, ErrorKind::NotFound, Fault::NoRoute),
        (r#"{"code":"TooBig","message":"x"}"#, ErrorKind::Invalid, Fault::TooBig("x".into())),
        (
            r#"{"code":"New","message":"x"}"#,
            ErrorKind::Invalid,
            Fault::Other { code: "New".into(), message: "x".into() },
        ),
    ] {
        let server = Faulty::start([answer(400, body)]).await;
        let client = client(settings(&server.url));
        assert_eq!(fault(ask(&client).await), (kind, expected), "{body}");
        assert_eq!(server.requests(), 1, "{body}");
        assert_eq!(client.stats().circuit, Circuit::Closed, "{body}");
    }
}

#[tokio::test]
async fn data_of_another_version_is_a_conflict() {
    let server = Faulty::start([Act::Answer(200, good(7))]).await;
    let wanted = OsrmSettings { data_version: Some("v7".into()), ..settings(&server.url) };
    let (kind, fault) = fault(ask(&client(wanted)).await);
    assert_eq!(kind, ErrorKind::Conflict);
    assert_eq!(fault, Fault::WrongData { expected: "v7".into(), found: None });
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_left_alone_until_a_trial_succeeds() {
    let server = Faulty::start([answer(503, "")]).await;
    let clock = Arc::new(ManualClock::new(Time::from_secs(1_767_571_200)));
    let once = OsrmSettings { attempts: 1, ..settings(&server.url) };
    let client = OsrmClient::new(once, Arc::clone(&clock) as _, Stream::new(1, "osrm", "test"));
    let client = client.unwrap();
    for _ in 0..5 {
        assert_eq!(fault(ask(&client).await).1, Fault::ServerError(503));
    }
    for _ in 0..20 {
        let (kind, fault) = fault(ask(&client).await);
        assert!(matches!(fault, Fault::CircuitOpen { .. }), "{fault:?}");
        assert_eq!(kind, ErrorKind::Unavailable);
    }
    assert_eq!((server.requests(), client.stats().circuit), (5, Circuit::Open));
    clock.advance_ms(1_000);
    assert_eq!(client.stats().circuit, Circuit::HalfOpen);
    assert_eq!(fault(ask(&client).await).1, Fault::ServerError(503), "the trial");
    assert_eq!((server.requests(), client.stats().circuit), (6, Circuit::Open));
    server.now_does([Act::Answer(200, good(7))]);
    clock.advance_ms(2_000);
    assert!(ask(&client).await.is_ok());
    assert_eq!(client.stats().circuit, Circuit::Closed);
    let outcomes = client.stats().outcomes;
    let expected = [("circuit_open", 20), ("ok", 1), ("server_error", 6)];
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_is_given_up_by_the_caller_leaves_the_client_whole() {
    let server = Faulty::start([Act::Silent]).await;
    let narrow = OsrmSettings { concurrent_max: 1, ..settings(&server.url) };
    let client = client(narrow);
    for _ in 0..30 {
        let query = query();
        let given_up = tokio::time::timeout(Duration::from_millis(5), client.route(&query));
        assert!(given_up.await.is_err(), "it says nothing");
    }
    server.now_does([Act::Answer(200, good(7))]);
    assert!(ask(&client).await.is_ok(), "neither a slot nor the circuit was lost");
}

#[tokio::test]
async fn no_more_is_asked_at_once_than_the_settings_say() {
    let server = Faulty::start([Act::Answer(200, good(7))]).await;
    let narrow = OsrmSettings { concurrent_max: 3, ..settings(&server.url) };
    let client = Arc::new(client(narrow));
    let mut questions = JoinSet::new();
    for _ in 0..100 {
        let client = Arc::clone(&client);
        questions.spawn(async move { ask(&client).await.unwrap() });
    }
    assert_eq!(questions.join_all().await.len(), 100);
    let open = server.seen.open_max.load(SeqCst);
    assert!(open <= 4, "{open} connections at once");
}

#[tokio::test]
async fn where_nothing_listens_the_error_says_where() {
    let server = Faulty::start([Act::Close]).await;
    let url = server.url.clone();
    drop(server);
    let error = ask(&client(settings(&url))).await.expect_err("nothing listens");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let said = error.to_string();
    assert!(said.contains(&url) && said.contains("refused"), "{said}");
}
