//! The paths there are, for whatever stands before the server: a firewall lets these through, by
//! method and path, and nothing else.

use utoipa::openapi::{HttpMethod, path::PathItem};

/// Paths that are for people and their browsers: no part of the contract.
const PAGES: [&str; 9] = [
    "/",
    "/docs/api",
    "/docs/api.css",
    "/map.svg",
    "/openapi.json",
    "/problems",
    "/problems/{slug}",
    "/status.css",
    "/status.js",
];

/// Every method and path that the REST face answers, one a line, sorted by path: `GET /v1/trucks`.
/// Names in braces stand for one segment. Where GET is allowed, HEAD is, too; preflights
/// (`OPTIONS`) are answered for sites that are let in.
pub fn known_paths() -> String {
    let document = super::described().into_openapi();
    let described =
        document.paths.paths.iter().flat_map(|(path, item)| {
            methods(item).into_iter().map(|method| (path.clone(), method))
        });
    let pages = PAGES.iter().map(|path| ((*path).to_owned(), "GET"));
    let mut known: Vec<_> = described.chain(pages).collect();
    known.sort_unstable();
    known.into_iter().map(|(path, method)| format!("{method} {path}\n")).collect()
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    let named = [
        (&item.get, HttpMethod::Get),
        (&item.post, HttpMethod::Post),
        (&item.put, HttpMethod::Put),
        (&item.patch, HttpMethod::Patch),
        (&item.delete, HttpMethod::Delete),
    ];
    let there = named.into_iter().filter(|(operation, _)| operation.is_some());
    there.map(|(_, method)| name(&method)).collect()
}

const fn name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Head => "HEAD",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Trace => "TRACE",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_is_what_the_router_has() {
        // A router tells its paths to nobody but a debugger.
        let shown = format!("{:?}", super::super::routes());
        let of_router =
            shown.split('"').filter(|text| text.starts_with('/') && !text.contains("__private"));
        let of_router: BTreeSet<_> = of_router.map(str::to_owned).collect();
        let known = known_paths();
        let listed = known.lines().filter_map(|line| line.split_once(' '));
        assert_eq!(listed.map(|(_, path)| path.to_owned()).collect::<BTreeSet<_>>(), of_router);
    }

    /// `FLEET_BLESS=1 cargo test -p fleet-api edge` writes it anew.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "whoever runs the test says so by a variable")]
    fn the_committed_list_is_the_present_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/edge/paths.txt");
        if std::env::var_os("FLEET_BLESS").is_some() {
            std::fs::write(path, known_paths()).expect("written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == known_paths(), "paths.txt is stale: FLEET_BLESS=1 writes it anew");
    }
}
