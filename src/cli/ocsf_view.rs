//! What a lockdown did, as Remediation Activities of OCSF: one a step, each chained to the one before.

use serde_json::{Value, json};

use crate::lockdown::journal::Read;
use crate::lockdown::record::Tracked;
use crate::lockdown::state::Status;
use crate::lockdown::step::Phase;
use crate::output::attest::Chain;
use crate::output::json;

/// Remediation Activity.
const CLASS: u32 = 7001;
const PRODUCT: &str = "Portcullis";

/// A line for each step that was tried or found done, in the order in which they were planned.
pub(super) fn remediations(read: &Read) -> String {
    let (times, record) = (read.times(), &read.record);
    let mut chain = Chain::new(&record.incident);
    let mut lines = String::new();
    for tracked in record.in_order() {
        let (Some(&(first, last)), Some(status)) = (times.get(&tracked.step.id), status(tracked)) else {
            continue;
        };
        let millis = |nanos: i64| nanos.div_euclid(1_000_000);
        let mut event = event(&record.incident, tracked, (millis(first), millis(last)), status);
        chain.add(&tracked.step.id.0, &mut event);
        lines.push_str(&json::line(&event));
    }
    lines
}

/// The status's number and word; `None` where nothing was tried.
fn status(tracked: &Tracked) -> Option<(u32, &'static str)> {
    match tracked.state.status {
        Status::Planned | Status::Skipped => None,
        Status::Applied | Status::Already | Status::Undone if tracked.proved.is_some() => {
            Some((1, "Success"))
        }
        Status::Refused | Status::UndoRefused => Some((2, "Failure")),
        Status::Kept => Some((5, "Unsupported")),
        Status::Applied
        | Status::Already
        | Status::Undone
        | Status::Applying
        | Status::Discarding
        | Status::Undoing => Some((0, "Unknown")),
    }
}

/// The defensive tactic, which is the activity too.
fn activity(tracked: &Tracked) -> (u32, &'static str) {
    match (tracked.state.status, tracked.step.phase) {
        (Status::Undoing | Status::Undone | Status::UndoRefused | Status::Kept, _) => (3, "Restore"),
        (_, Phase::Preserve | Phase::Exports) => (1, "Isolate"),
        (_, Phase::Rotate) => (4, "Harden"),
        _ => (2, "Evict"),
    }
}

fn event(incident: &str, tracked: &Tracked, (first, last): (i64, i64), status: (u32, &str)) -> Value {
    let step = &tracked.step;
    let (activity, name) = activity(tracked);
    let what = format!("{} {} {}", step.action, step.object.kind, step.object.name);
    let detail = tracked.proved.as_ref().or(tracked.unproved.as_ref()).or(tracked.state.why.as_ref());
    let mut event = json!({
        "activity_id": activity,
        "activity_name": name,
        "category_uid": 7,
        "category_name": "Remediation",
        "class_uid": CLASS,
        "class_name": "Remediation Activity",
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("Remediation Activity: {name}"),
        "time": last,
        "start_time": first,
        "end_time": last,
        "severity_id": 1,
        "severity": "Informational",
        "status_id": status.0,
        "status": status.1,
        "command_uid": step.id,
        "message": what,
        "remediation": { "desc": if step.why.is_empty() { what.clone() } else { format!("{what}: {}", step.why) } },
        "countermeasures": [{ "d3f_tactic": {
            "name": name, "src_url": format!("https://d3fend.mitre.org/tactic/d3f:{name}/"),
        }}],
        "metadata": {
            "correlation_uid": incident,
            "product": { "name": PRODUCT, "vendor_name": PRODUCT, "version": env!("CARGO_PKG_VERSION") },
        },
    });
    if let (Some(detail), Some(fields)) = (detail, event.as_object_mut()) {
        fields.insert("status_detail".to_owned(), json!(detail));
    }
    event
}
