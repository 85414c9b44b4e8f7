//! Groups and dead letters, asked by both faces.

use fleet_proto::v1::{self, pipeline_service_client::PipelineServiceClient};
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::{Still, same, shown};
use crate::program::Rest;

pub(super) async fn compare(still: &mut Still) {
    let Still { rest, pipeline, .. } = still;
    let groups = pipeline.list_groups(v1::ListGroupsRequest {}).await.unwrap().into_inner();
    assert!(groups.groups.iter().all(|group| group.verdict == "caught_up"), "{groups:?}");
    let groups: Vec<_> = groups.groups.iter().map(shown::group).collect();
    same(rest, "/v1/pipeline/groups", &json!({ "items": groups }));
    let mut ids = vec!["fleet.trips.v1.dlq:0:99".to_owned(), "x".to_owned()];
    for (topic, reason, from_ms, count) in [
        ("", "", None, 4),
        ("fleet.trips.v1", "", None, 2),
        ("", "out_of_range", Some(1_577_836_800_000), 3),
        ("fleet.trips.v1", "unknown", None, 1),
    ] {
        let (topic, reason) = (topic.to_owned(), reason.to_owned());
        let request = v1::ListDeadLettersRequest {
            topic: topic.clone(),
            reason: reason.clone(),
            from_ms,
            ..Default::default()
        };
        let page = pipeline.list_dead_letters(request).await.unwrap().into_inner();
        assert_eq!(page.dead_letters.len(), count);
        ids.extend(page.dead_letters.iter().map(|letter| letter.id.clone()));
        let given = [("topic", &topic), ("reason", &reason)].into_iter();
        let given = given.filter(|(_, text)| !text.is_empty());
        let mut query: Vec<_> = given.map(|(name, text)| format!("{name}={text}")).collect();
        query.extend(from_ms.map(|_| "from=2020-01-01T00:00:00Z".to_owned()));
        let path = format!("/v1/pipeline/dead-letters?{}", query.join("&"));
        same(rest, &path, &shown::letters(page));
        let filter = Some(v1::DeadLetterFilter { topic, reason, from_ms, to_ms: None });
        let request = v1::CountDeadLettersRequest { filter: filter.clone() };
        let counts = pipeline.count_dead_letters(request).await.unwrap().into_inner();
        let path = format!("/v1/pipeline/dead-letter-reasons?{}", query.join("&"));
        same(rest, &path, &shown::letter_counts(&counts));
    }
    compare_redrives(rest, pipeline).await;
    for id in &ids[2..] {
        let letter = pipeline.get_dead_letter(v1::GetDeadLetterRequest { id: id.clone() }).await;
        let letter = shown::letter(letter.unwrap().into_inner());
        same(rest, &format!("/v1/pipeline/dead-letters/{id}"), &letter);
    }
    let asked = json!({ "ids": ids, "dry_run": true }).to_string();
    let (_, said) = rest.request("POST", "/v1/pipeline/dead-letters/redrive", &asked);
    let request = v1::RedriveDeadLettersRequest { ids, dry_run: true, ..Default::default() };
    let answer = pipeline.redrive_dead_letters(request).await.unwrap().into_inner();
    let results: Vec<_> = answer.results.iter().map(shown::redrive).collect();
    for outcome in ["not_found", "invalid", "would_fail", "would_redrive"] {
        assert!(results.iter().any(|result| result["outcome"] == outcome), "{outcome}: {said}");
    }
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), shown::redrives(&answer));
}

/// By a filter, a page in each call.
async fn compare_redrives(rest: &Rest, pipeline: &mut PipelineServiceClient<Channel>) {
    let (mut token, mut outcomes) = (String::new(), Vec::new());
    loop {
        let filter = v1::DeadLetterFilter { reason: "out_of_range".into(), ..Default::default() };
        let request = v1::RedriveDeadLettersRequest {
            filter: Some(filter),
            page_size: 2,
            page_token: token.clone(),
            dry_run: true,
            ..Default::default()
        };
        let asked = json!({
            "filter": { "reason": "out_of_range" },
            "page_size": 2,
            "page_token": token,
            "dry_run": true,
        });
        let asked = asked.to_string();
        let (_, said) = rest.request("POST", "/v1/pipeline/dead-letters/redrive", &asked);
        let answer = pipeline.redrive_dead_letters(request).await.unwrap().into_inner();
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), shown::redrives(&answer));
        outcomes.extend(answer.results.into_iter().map(|result| (result.outcome, result.reason)));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    outcomes.sort();
    let outcomes: Vec<_> = outcomes.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let fail = ("would_fail", "undecodable");
    assert_eq!(outcomes, [fail, fail, ("would_redrive", "")]);
}
