//! Mixpanel audit records. The vendor documents the names of its events, but neither keys nor headers: this shape is
//! ours.

use super::clock;
use super::people::{PROJECTS, Person};
use super::rng::Rng;

/// What somebody did.
#[derive(Debug, Clone)]
pub struct Act {
    /// Seconds since 1970.
    pub time: i64,
    /// E-mail and name of the actor.
    pub who: (String, String),
    /// Event type.
    pub action: &'static str,
    /// Address; blank for the system.
    pub ip: String,
    /// Index into the projects; `None` for the organisation.
    pub project: Option<usize>,
    /// Event-specific part, a JSON object.
    pub details: String,
}

/// Ordinary events, often ones first, with their details; `{n}` is a number.
const ORDINARY: [(&str, bool, &str); 22] = [
    ("bookmark.created", true, r#"{"report_type":"insights","name":"Weekly signups {n}"}"#),
    ("bookmark.updated", true, r#"{"report_type":"funnels","name":"Checkout {n}"}"#),
    ("session.logged_in", false, r#"{"method":"saml"}"#),
    ("session.logged_out", false, r"{}"),
    ("board.updated", true, r#"{"board_id":{n},"name":"Growth"}"#),
    ("bookmark.deleted", true, r#"{"report_type":"insights","name":"Draft {n}"}"#),
    ("board.created", true, r#"{"board_id":{n},"name":"Launch week"}"#),
    ("cohort.created", true, r#"{"cohort_id":{n},"name":"Active last 30 days"}"#),
    ("cohort.updated", true, r#"{"cohort_id":{n},"name":"Trial users"}"#),
    ("board.shared", true, r#"{"board_id":{n},"with":"team"}"#),
    ("alert.created", true, r#"{"alert_id":{n},"metric":"signups"}"#),
    ("experiment.updated", true, r#"{"experiment_id":{n},"name":"Pricing page"}"#),
    ("feature_flag.updated", true, r#"{"flag_id":{n},"key":"new-onboarding"}"#),
    ("event_export.downloaded", true, r#"{"format":"csv","rows":{n}}"#),
    ("bookmark.moved", true, r#"{"board_id":{n}}"#),
    ("board.duplicated", true, r#"{"board_id":{n}}"#),
    ("cohort.shared", true, r#"{"cohort_id":{n},"with":"team"}"#),
    ("experiment.launched", true, r#"{"experiment_id":{n}}"#),
    ("alert.updated", true, r#"{"alert_id":{n}}"#),
    ("profile.updated", true, r#"{"distinct_id":"u-{n}"}"#),
    ("board_subscription.created", true, r#"{"board_id":{n},"frequency":"weekly"}"#),
    ("event_definition.updated", true, r#"{"event":"Sign Up","field":"description"}"#),
];

/// An ordinary act of somebody.
pub fn ordinary(person: &Person, time: i64, rng: &mut Rng) -> Act {
    if rng.one_in(12) {
        let details = r#"{"alert_id":4711,"metric":"signups"}"#.to_owned();
        let who = ("Mixpanel (System)".to_owned(), String::new());
        return Act { time, who, action: "alert.triggered", ip: String::new(), project: Some(0), details };
    }
    let (action, in_project, details) =
        ORDINARY.get(rng.skewed(ORDINARY.len())).copied().unwrap_or(("bookmark.created", true, "{}"));
    Act {
        time,
        who: (person.email.clone(), person.name.clone()),
        action,
        ip: person.address(rng),
        project: in_project.then(|| rng.skewed(PROJECTS.len())),
        details: details.replace("{n}", &(1000 + rng.below(90_000)).to_string()),
    }
}

/// One line of NDJSON.
pub fn push_ndjson(out: &mut Vec<u8>, act: &Act) {
    out.extend_from_slice(b"{\"date_time\":\"");
    clock::push_iso(out, act.time, None);
    out.extend_from_slice(b"Z\",\"user\":{\"email\":\"");
    out.extend_from_slice(act.who.0.as_bytes());
    out.extend_from_slice(b"\",\"name\":\"");
    out.extend_from_slice(act.who.1.as_bytes());
    out.extend_from_slice(b"\"},\"action\":\"");
    out.extend_from_slice(act.action.as_bytes());
    out.extend_from_slice(b"\",\"ip_address\":\"");
    out.extend_from_slice(act.ip.as_bytes());
    match act.project.and_then(|project| PROJECTS.get(project)) {
        Some((id, name)) => {
            out.extend_from_slice(b"\",\"scope\":\"project\",\"project\":{\"id\":");
            out.extend_from_slice(id.to_string().as_bytes());
            out.extend_from_slice(b",\"name\":\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\"}");
        }
        None => out.extend_from_slice(b"\",\"scope\":\"organization\",\"project\":null"),
    }
    out.extend_from_slice(b",\"organization\":{\"id\":90210,\"name\":\"Acme\"},\"details\":");
    out.extend_from_slice(act.details.as_bytes());
    out.extend_from_slice(b"}\n");
}

/// One line of a raw event export into which activity is mirrored: the shape is the vendor's, what stands in
/// `properties` besides its own keys is ours.
pub fn push_export(out: &mut Vec<u8>, act: &Act) {
    let details: serde_json::Value = serde_json::from_str(&act.details).unwrap_or_default();
    let record = serde_json::json!({
        "event": act.action,
        "properties": {
            "time": act.time,
            "distinct_id": act.who.0,
            "$insert_id": format!("i{:x}-{}", act.time, act.action.len()),
            "mp_processing_time_ms": act.time * 1000 + 750,
            "user_email": act.who.0,
            "ip_address": act.ip,
            "details": details,
        },
    });
    out.extend_from_slice(record.to_string().as_bytes());
    out.push(b'\n');
}

/// The header of the CSV form: the columns of the vendor's page, and the details.
pub const CSV_HEADER: &[u8] = b"Date and Time,User,Action,IP Address,Project or Org,Details\n";

/// One line of CSV.
pub fn push_csv(out: &mut Vec<u8>, act: &Act) {
    let project = act.project.and_then(|project| PROJECTS.get(project)).map_or("Acme", |(_, name)| name);
    let details = act.details.replace('"', "\"\"");
    let time = clock::page_time(act.time);
    out.extend_from_slice(
        format!("{time},{},{},{},{project},\"{details}\"\n", act.who.0, act.action, act.ip).as_bytes(),
    );
}
