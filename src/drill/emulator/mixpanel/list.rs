//! Lists, whole or in pages.

use serde_json::{Value, json};

use crate::drill::emulator::switches::Paging;
use crate::drill::emulator::{Answer, Moment, Request, Tenant};

/// The page of `rows` that a request asks for.
pub(super) fn answer(
    tenant: &mut Tenant,
    mut rows: Vec<Value>,
    request: &Request,
    moment: &Moment<'_>,
) -> Answer {
    let switches = &moment.switches.mixpanel;
    if switches.rotate_pages && !rows.is_empty() {
        let by = usize::try_from(tenant.mixpanel.pages_served).unwrap_or(0) % rows.len();
        rows.rotate_left(by);
    }
    tenant.mixpanel.pages_served += 1;
    if switches.paging == Paging::Off {
        return Answer::json(200, &json!({"status": "ok", "results": rows}));
    }
    let size = switches.page_size.max(1);
    let start = request.parameter("cursor").and_then(|cursor| cursor.parse::<usize>().ok()).unwrap_or(0);
    let next = start.saturating_add(size);
    let more = next < rows.len();
    let page: Vec<Value> = rows.into_iter().skip(start).take(size).collect();
    let mut body = json!({"status": "ok", "results": page});
    if let (Paging::Cursor, Some(body)) = (switches.paging, body.as_object_mut()) {
        let cursor = if more { json!(next.to_string()) } else { Value::Null };
        body.insert("next_cursor".to_owned(), cursor);
    }
    let answer = Answer::json(200, &body);
    if switches.paging == Paging::Link && more {
        let url = format!("<{}{}?cursor={next}>; rel=\"next\"", request.origin, request.path);
        return answer.header("link", &url);
    }
    answer
}
