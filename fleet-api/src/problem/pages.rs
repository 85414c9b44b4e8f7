//! The pages that the `type` of a problem leads to.

use axum::{
    Router,
    extract::Path,
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};

use super::{Kind, Problem};
use crate::rest::PUBLIC;

const CSP: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A list of all kinds, and a page for each.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/problems", get(list)).route("/problems/{slug}", get(page))
}

async fn list() -> Response {
    let item = |kind: &Kind| {
        let (slug, meaning) = (kind.slug(), kind.meaning());
        format!("<li><a href=\"/problems/{slug}\">{slug}</a>: {meaning}</li>\n")
    };
    let items: String = Kind::ALL.iter().map(item).collect();
    html("Problems", &format!("<ul>\n{items}</ul>\n"))
}

async fn page(Path(slug): Path<String>) -> Result<Response, Problem> {
    let Some(kind) = Kind::ALL.iter().find(|kind| kind.slug() == slug) else {
        return Err(Problem::of_kind(Kind::NotFound).with_detail("no such kind of problem"));
    };
    let (meaning, remedy) = (kind.meaning(), kind.remedy());
    let body = format!(
        "<h2>What it means</h2>\n<p>{meaning}</p>\n<h2>What to do</h2>\n<p>{remedy}</p>\n\
         <p><a href=\"/problems\">All problems</a></p>\n"
    );
    Ok(html(kind.slug(), &body))
}

fn html(title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n{body}</html>\n"
    );
    let csp = HeaderValue::from_static(CSP);
    ([(header::CONTENT_SECURITY_POLICY, csp), (header::CACHE_CONTROL, PUBLIC)], Html(page))
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::{Request, StatusCode},
    };
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    async fn get(path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = TowerToHyperService::new(routes::<()>()).call(request).await.expect("answer");
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 20).await.expect("body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    /// The `type` of the problem as REST shows it.
    async fn shown_type(problem: Problem) -> String {
        let body = to_bytes(problem.into_response().into_body(), 1 << 20).await.expect("body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("json");
        body["type"].as_str().expect("a type").to_owned()
    }

    #[tokio::test]
    async fn the_type_of_every_refusal_leads_to_its_page() {
        let statuses = (400..600).map(|code| StatusCode::from_u16(code).expect("in range"));
        for status in statuses {
            let path = shown_type(Problem::of_status(status)).await;
            assert_eq!(get(&path).await.0, StatusCode::OK, "{path}");
        }
        assert_eq!(get("/problems/made-up").await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn every_kind_has_a_page_of_its_own_and_stands_in_the_list() {
        let (_, list) = get("/problems").await;
        for kind in Kind::ALL {
            let path = shown_type(Problem::of_kind(*kind)).await;
            assert!(list.contains(&format!("href=\"{path}\"")), "{path}");
            let (status, page) = get(&path).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(page.contains(kind.meaning()) && page.contains(kind.remedy()), "{path}");
        }
        let mut slugs: Vec<_> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), Kind::ALL.len());
    }

    #[test]
    fn the_texts_are_plain_in_html() {
        for kind in Kind::ALL {
            let plain = |text: &str| !text.contains(['<', '>', '&', '"']);
            assert!(plain(kind.slug()) && plain(kind.meaning()) && plain(kind.remedy()));
        }
    }
}
