//! The OpenAPI document as a page for people, which needs no script and no network. A viewer in
//! JavaScript would weigh megabytes and want a looser policy; what one looks up is a list.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The style of the page.
pub(super) const STYLE: &str = include_str!("reader.css");

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page of `document`, which is an OpenAPI document of version 3.1.
pub(super) fn page(document: &Value) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Data Fleet API</title>\n\
         <link rel=\"stylesheet\" href=\"/docs/api.css\">\n<main>\n<h1>Data Fleet API</h1>\n",
    );
    put(&mut html, "<p>", &document["info"]["description"], "</p>\n");
    html.push_str(
        "<p>For programs: <a href=\"/openapi.json\">/openapi.json</a>. Refusals: \
         <a href=\"/problems\">/problems</a>. A key is sent as <code>Authorization: Bearer</code>.</p>\n",
    );
    for tag in list(&document["tags"]) {
        put(&mut html, "<h2>", &tag["name"], "</h2>\n");
        put(&mut html, "<p>", &tag["description"], "</p>\n");
        for (path, calls) in object(&document["paths"]) {
            for method in METHODS {
                let call = &calls[method];
                if list(&call["tags"]).first() == Some(&tag["name"]) {
                    operation(&mut html, method, path, call);
                }
            }
        }
    }
    html.push_str("<h2>Schemas</h2>\n");
    for (name, schema) in object(&document["components"]["schemas"]) {
        let id = escaped(name);
        let _ = writeln!(html, "<details id=\"{id}\"><summary><code>{id}</code></summary>");
        put(&mut html, "<p>", &schema["description"], "</p>\n");
        fields(&mut html, schema);
        html.push_str("</details>\n");
    }
    html.push_str("</main>\n</html>\n");
    html
}

fn operation(html: &mut String, method: &str, path: &str, call: &Value) {
    let (id, shown) = (text(&call["operationId"]), escaped(path));
    let _ = writeln!(
        html,
        "<details id=\"call-{id}\"><summary><span class=\"method {method}\">{}</span> \
         <code>{shown}</code> <span class=\"quiet\">{}</span></summary>",
        method.to_uppercase(),
        text(&call["summary"]),
    );
    put(html, "<p>", &call["description"], "</p>\n");
    let parameters = list(&call["parameters"]);
    if !parameters.is_empty() {
        html.push_str("<table><tr><th>parameter<th>in<th>type<th>meaning</tr>\n");
        for parameter in parameters {
            let needed = if parameter["required"] == true { ", needed" } else { "" };
            let _ = writeln!(
                html,
                "<tr><td><code>{}</code><td>{}{needed}<td>{}<td>{}{}</tr>",
                text(&parameter["name"]),
                text(&parameter["in"]),
                kind(&parameter["schema"]),
                text(&parameter["description"]),
                example(&parameter["example"]),
            );
        }
        html.push_str("</table>\n");
    }
    for (media, content) in object(&call["requestBody"]["content"]) {
        let _ = writeln!(html, "<p>Body, {}: {}</p>", escaped(media), kind(&content["schema"]));
        put(html, "<pre>", &content["example"], "</pre>\n");
    }
    html.push_str("<table><tr><th>status<th>answer<th>meaning</tr>\n");
    for (status, answer) in object(&call["responses"]) {
        let shown = object(&answer["content"]).map(|(_, content)| kind(&content["schema"]));
        let shown: Vec<_> = shown.collect();
        let (status, meaning) = (escaped(status), text(&answer["description"]));
        let _ = writeln!(html, "<tr><td>{status}<td>{}<td>{meaning}</tr>", shown.join(", "));
    }
    html.push_str("</table>\n</details>\n");
}

/// The fields of an object, or of each of its variants; else what sort of value it is.
fn fields(html: &mut String, schema: &Value) {
    let variants = list(&schema["oneOf"]).iter().chain(list(&schema["allOf"]));
    for variant in variants.filter(|variant| variant["properties"].is_object()) {
        fields(html, variant);
    }
    if !schema["properties"].is_object() {
        let _ = writeln!(html, "<p>{}{}</p>", kind(schema), example(&schema["example"]));
        return;
    }
    html.push_str("<table><tr><th>field<th>type<th>meaning</tr>\n");
    for (name, field) in object(&schema["properties"]) {
        let is_needed = list(&schema["required"]).iter().any(|needed| needed == name);
        let needed = if is_needed { "" } else { " <span class=\"quiet\">may be absent</span>" };
        let meaning = [&field["description"], &field["oneOf"][0]["description"]];
        let meaning = meaning.into_iter().map(text).find(|text| !text.is_empty());
        let _ = writeln!(
            html,
            "<tr><td><code>{}</code>{needed}<td>{}<td>{}{}</tr>",
            escaped(name),
            kind(field),
            meaning.unwrap_or_default(),
            example(&field["example"]),
        );
    }
    html.push_str("</table>\n");
    put(html, "<pre>", &schema["example"], "</pre>\n");
}

/// What sort of value a schema describes, with its bounds.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    let variants: Vec<_> = list(&schema["oneOf"]).iter().map(kind).collect();
    if !variants.is_empty() {
        return variants.join(" or ");
    }
    let words: Vec<_> = list(&schema["enum"]).iter().map(text).collect();
    if !words.is_empty() {
        return words.join(", ");
    }
    let mut shown = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
        one => text(one),
    };
    if schema["items"].is_object() {
        shown = format!("list of {}", kind(&schema["items"]));
    }
    for (name, bound) in [
        ("from", &schema["minimum"]),
        ("to", &schema["maximum"]),
        ("at least", &schema["minItems"]),
        ("at most", &schema["maxItems"]),
        ("default", &schema["default"]),
    ] {
        if !bound.is_null() {
            let _ = write!(shown, " {name} {}", text(bound));
        }
    }
    shown
}

fn example(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        value => format!(" <span class=\"quiet\">like</span> <code>{}</code>", text(value)),
    }
}

/// A text as it is, any other value as JSON; nothing for nothing. Fit for HTML.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escaped(text),
        Value::Object(_) => escaped(&format!("{value:#}")),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => escaped(&value.to_string()),
    }
}

fn put(html: &mut String, before: &str, value: &Value, after: &str) {
    let text = text(value);
    if !text.is_empty() {
        html.extend([before, &text, after]);
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_call_and_every_schema_is_shown_and_every_link_leads_somewhere() {
        let document = super::super::described().get_openapi().clone();
        let document = serde_json::to_value(document).expect("JSON");
        let page = page(&document);
        for (path, calls) in object(&document["paths"]) {
            assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
            for (_, call) in calls.as_object().expect("calls").iter() {
                let id = call["operationId"].as_str().expect("an id");
                assert_eq!(page.matches(&format!("id=\"call-{id}\"")).count(), 1, "{id}");
            }
        }
        for link in page.split("href=\"#").skip(1) {
            let name = link.split('"').next().expect("a name");
            assert!(page.contains(&format!("<details id=\"{name}\">")), "{name}");
        }
        assert!(!page.contains("<script") && !page.contains("http://"), "all of it is here");
        assert!(page.len() < 200_000, "{} bytes", page.len());
    }

    #[test]
    fn what_a_description_says_is_text() {
        let document = json!({"info": {"description": "a <b> & \"c\""}});
        assert!(page(&document).contains("<p>a &lt;b&gt; &amp; &quot;c&quot;</p>"));
    }
}
