//! The System Log: records in the shape that Okta documents.

use serde_json::{Value, json};

use super::caller::Caller;
use super::page::page;
use super::state::State;
use super::{Call, Refusal, Reply};
use crate::drill::emulator::{Moment, Request, Tenant, filter};
use crate::event::time::Timestamp;

/// An event's type, shown text, and outcome: success, or the reason of a failure.
pub(super) struct Event(&'static str, &'static str, Option<&'static str>);

pub(super) const LOGIN: Event = Event("user.session.start", "User login to Okta", None);
pub(super) const LOGIN_FAILED: Event =
    Event("user.session.start", "User login to Okta", Some("VERIFICATION_ERROR"));
pub(super) const SSO: Event = Event("user.authentication.sso", "User single sign on to app", None);
pub(super) const SUSPEND: Event = Event("user.lifecycle.suspend", "Suspend Okta user", None);
pub(super) const UNSUSPEND: Event = Event("user.lifecycle.unsuspend", "Unsuspend Okta user", None);
pub(super) const UNLOCK: Event = Event("user.account.unlock_by_admin", "Unlock user account by admin", None);
pub(super) const ACTIVATE: Event = Event("user.lifecycle.activate", "Activate Okta user", None);
pub(super) const DEACTIVATE: Event = Event("user.lifecycle.deactivate", "Deactivate Okta user", None);
pub(super) const EXPIRE_PASSWORD: Event =
    Event("user.account.expire_password", "Expire user's Okta password", None);
pub(super) const CLEAR_SESSIONS: Event = Event("user.session.clear", "Clear user session", None);
pub(super) const REVOKE_GRANTS: Event =
    Event("app.oauth2.as.consent.revoke.user", "User revoked consent for app", None);
pub(super) const REVOKE_TOKEN: Event = Event("system.api_token.revoke", "Revoke API token", None);
pub(super) const GRANT_ROLE: Event = Event("user.account.privilege.grant", "Grant user privilege", None);
pub(super) const REVOKE_ROLE: Event = Event("user.account.privilege.revoke", "Revoke user privilege", None);
pub(super) const JOIN_GROUP: Event = Event("group.user_membership.add", "Add user to group membership", None);
pub(super) const LEAVE_GROUP: Event =
    Event("group.user_membership.remove", "Remove user from group membership", None);
pub(super) const ASSIGN_APP: Event =
    Event("application.user_membership.add", "Add user to application membership", None);
pub(super) const UNASSIGN_APP: Event =
    Event("application.user_membership.remove", "Remove user's application membership", None);

/// Who did it, and from where.
pub(super) struct Actor {
    pub(super) id: String,
    pub(super) ip: String,
    /// Id of the API token.
    pub(super) token: Option<String>,
}

impl Caller {
    pub(super) fn actor(&self, request: &Request) -> Actor {
        let ip = request.header("x-forwarded-for").unwrap_or("127.0.0.1").to_owned();
        Actor { id: self.user.clone().unwrap_or_default(), ip, token: self.token.clone() }
    }
}

/// What it was done to.
pub(super) enum Target<'a> {
    User(&'a str),
    Group(&'a str),
    App(&'a str),
    /// Id and name.
    Token(&'a str, &'a str),
}

/// `2026-05-01T02:14:09.007Z`.
pub(super) fn time(wall: Timestamp) -> String {
    Timestamp { nanos: wall.nanos, digits: 3 }.to_rfc3339()
}

/// Writes one record.
pub(super) fn write(
    tenant: &mut Tenant,
    moment: &Moment<'_>,
    actor: &Actor,
    event: &Event,
    targets: &[Target<'_>],
) {
    let Event(kind, message, failure) = event;
    let mut uuid =
        |digits: u32| format!("{:0width$x}", tenant.draws.below(1 << (4 * digits)), width = digits as usize);
    let uuid = [uuid(8), uuid(4), uuid(4), uuid(4), uuid(12)].join("-");
    let (login, name) = person(&tenant.okta, &actor.id);
    let targets: Vec<Value> = targets.iter().map(|target| shown(&tenant.okta, target)).collect();
    let detail = match &actor.token {
        Some(token) => json!({ "requestApiTokenId": token }),
        None => json!({}),
    };
    let geo = json!({"city": null, "state": null, "country": null, "postalCode": null, "geolocation": null});
    let record = json!({
        "actor": {"id": actor.id, "type": "User", "alternateId": login, "displayName": name, "detailEntry": null},
        "client": {
            "userAgent": {"rawUserAgent": null, "os": "Unknown", "browser": "UNKNOWN"}, "zone": "null",
            "device": "Unknown", "id": null, "ipAddress": actor.ip, "geographicalContext": geo,
        },
        "displayMessage": message, "eventType": kind,
        "outcome": {"result": if failure.is_some() { "FAILURE" } else { "SUCCESS" }, "reason": failure},
        "published": time(moment.wall), "severity": if failure.is_some() { "WARN" } else { "INFO" },
        "securityContext": {"asNumber": null, "asOrg": null, "isp": null, "domain": null, "isProxy": null},
        "debugContext": {"debugData": {}}, "legacyEventType": null,
        "transaction": {"type": "WEB", "id": uuid, "detail": detail}, "uuid": uuid, "version": "0",
        "request": {"ipChain": [{"ip": actor.ip, "geographicalContext": geo, "version": "V4", "source": null}]},
        "target": if targets.is_empty() { Value::Null } else { json!(targets) },
    });
    tenant.okta.log.push(record);
}

fn person(state: &State, id: &str) -> (String, String) {
    let user = state.users.get(id);
    user.map(|user| (user.login.clone(), format!("{} {}", user.first_name, user.last_name)))
        .unwrap_or_default()
}

fn shown(state: &State, target: &Target<'_>) -> Value {
    let (kind, id, login, name) = match target {
        Target::User(id) => {
            let (login, name) = person(state, id);
            ("User", *id, login, name)
        }
        Target::Group(id) => {
            let name = state.groups.get(*id).map(|group| group.name.clone()).unwrap_or_default();
            ("UserGroup", *id, "unknown".to_owned(), name)
        }
        Target::App(id) => {
            let label = state.apps.get(*id).map(|app| app.label.clone()).unwrap_or_default();
            ("AppInstance", *id, label.clone(), label)
        }
        Target::Token(id, name) => ("Token", *id, "unknown".to_owned(), (*name).to_owned()),
    };
    json!({"id": id, "type": kind, "alternateId": login, "displayName": name, "detailEntry": null})
}

/// The log by `since`, `until` and `filter`, oldest first.
pub(super) fn list(tenant: &Tenant, call: &Call<'_>) -> Reply {
    let parameter = |name: &str| call.request.parameter(name);
    let expression = match parameter("filter") {
        None => None,
        Some(text) => {
            Some(filter::parse(text).ok_or_else(|| Refusal::new(400, "E0000053", "Invalid filter"))?)
        }
    };
    let (since, until) = (parameter("since").unwrap_or_default(), parameter("until"));
    let rows = tenant.okta.log.iter().enumerate().filter(|(_, record)| {
        let published = record.get("published").and_then(Value::as_str).unwrap_or_default();
        published >= since
            && until.is_none_or(|until| published < until)
            && expression.as_ref().is_none_or(|expression| expression.matches(record))
    });
    page(call, rows.map(|(number, record)| (format!("{number:012}"), record.clone())).collect())
}

impl State {
    /// The log as NDJSON.
    pub fn log_ndjson(&self) -> String {
        self.log.iter().fold(String::new(), |all, record| all + &record.to_string() + "\n")
    }
}
