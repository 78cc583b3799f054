//! Pages of a list, linked by `Link` headers.

use serde_json::Value;

use super::{Call, Refusal, Reply};
use crate::drill::emulator::Answer;

/// A page of rows, which come in the order of their keys; `after` is the last key of the page before.
#[expect(clippy::needless_pass_by_value, reason = "the rows are made for the page")]
pub(super) fn page(call: &Call<'_>, rows: Vec<(String, Value)>) -> Reply {
    let most = call.moment.switches.okta.page_size.max(1);
    let limit = match call.request.parameter("limit") {
        None => most,
        Some(text) => match text.parse::<usize>() {
            Ok(limit) if limit > 0 => limit.min(most),
            _ => return Err(Refusal::invalid("limit", "The value must be a positive number")),
        },
    };
    let after = call.request.parameter("after");
    let start = after.map_or(0, |after| rows.partition_point(|(key, _)| key.as_str() <= after));
    let rest = rows.get(start..).unwrap_or_default();
    let shown = rest.get(..limit.min(rest.len())).unwrap_or_default();
    let body: Vec<&Value> = shown.iter().map(|(_, row)| row).collect();
    let answer = Answer::json(200, &serde_json::json!(body));
    let answer = answer.header("link", &format!("<{}>; rel=\"self\"", link(call, after, limit)));
    match shown.last().filter(|_| rest.len() > shown.len()) {
        Some((last, _)) => {
            Ok(answer.header("link", &format!("<{}>; rel=\"next\"", link(call, Some(last), limit))))
        }
        None => Ok(answer),
    }
}

fn link(call: &Call<'_>, after: Option<&str>, limit: usize) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in call.request.query.iter().filter(|(key, _)| key != "after" && key != "limit") {
        query.append_pair(key, value);
    }
    if let Some(after) = after {
        query.append_pair("after", after);
    }
    query.append_pair("limit", &limit.to_string());
    format!("{}{}?{}", call.request.origin, call.request.path, query.finish())
}
