//! SCIM 2.0 as of RFC 7643 and 7644: the directory that provisions Mixpanel's members.
//!
//! Mixpanel documents only that people are deactivated and reactivated through it, groups stand for teams by name, and
//! e-mails outside the claimed domains are out of its reach. The rest is the RFC, or a switch.

mod example;
mod groups;
mod patch;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Answer, Client, Moment, Request, Service, Tenant, filter};

pub use groups::Group;
pub use users::User;

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The bearer token; a new one ends the old.
    pub token: String,
    /// Domains of e-mails that it may act on.
    pub claimed_domains: BTreeSet<String>,
    /// People by id.
    pub users: BTreeMap<String, User>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
}

impl State {
    /// Whether an e-mail's domain is claimed.
    pub fn claims(&self, email: &str) -> bool {
        email
            .rsplit_once('@')
            .is_some_and(|(_, domain)| self.claimed_domains.contains(&domain.to_ascii_lowercase()))
    }

    /// The id of the person with this user name.
    pub fn find(&self, user_name: &str) -> Option<&str> {
        let same = |user: &User| user.user_name.eq_ignore_ascii_case(user_name);
        self.users.iter().find(|(_, user)| same(user)).map(|(id, _)| id.as_str())
    }
}

/// What the identity provider pushes when somebody gains or loses the application.
pub(super) fn push(tenant: &mut Tenant, email: &str, active: bool, moment: &Moment<'_>) {
    let user = tenant.scim.users.values_mut().find(|user| user.user_name.eq_ignore_ascii_case(email));
    let Some(user) = user.filter(|user| user.active != active) else { return };
    user.active = active;
    user.version += 1;
    user.modified = moment.wall.to_rfc3339();
    let email = user.user_name.clone();
    users::set_active(tenant, &email, active, moment);
}

/// Why something is refused: status, `scimType`, detail.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(u16, &'static str, String);

impl Refusal {
    fn new(status: u16, kind: &'static str, detail: impl Into<String>) -> Self {
        Self(status, kind, detail.into())
    }

    fn not_found(kind: &str, id: &str) -> Self {
        Self::new(404, "", format!("{kind} '{id}' not found"))
    }

    fn value(detail: impl Into<String>) -> Self {
        Self::new(400, "invalidValue", detail)
    }

    fn answer(self) -> Answer {
        let Self(status, kind, detail) = self;
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(),
            "detail": detail,
        });
        if let (false, Some(body)) = (kind.is_empty(), body.as_object_mut()) {
            body.insert("scimType".to_owned(), json!(kind));
        }
        scim(status, &body)
    }
}

type Reply = Result<Answer, Refusal>;

/// See the module.
pub struct Scim;

impl Service for Scim {
    fn name(&self) -> &'static str {
        "scim"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        reply(tenant, request, moment).unwrap_or_else(Refusal::answer)
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        if kind != "scim" {
            return None;
        }
        let credential = tenant.scim.token.clone();
        (!credential.is_empty()).then(|| Client { path: "/v2", credential, settings: Vec::new() })
    }

    fn example(&self, tenant: &mut Tenant) {
        example::fill(tenant);
    }

    fn ways_in(&self, tenant: &Tenant, email: &str, _: &Moment<'_>) -> Vec<String> {
        let active = |user: &&User| user.is_of(email) && user.active;
        tenant.scim.users.values().filter(active).map(|_| "scim: the person is active".to_owned()).collect()
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["users.*.version", "users.*.modified", "groups.*.version", "groups.*.modified"]
    }
}

/// Where the routes may begin: Mixpanel's own path, and shorter ones.
const BASES: [&[&str]; 4] = [&["api", "app", "scim", "v2"], &["scim", "v2"], &["v2"], &[]];

fn reply(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Reply {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let Some((base, rest)) = BASES.iter().find_map(|base| Some((base, segments.strip_prefix(*base)?))) else {
        return Err(Refusal::new(404, "", "not found"));
    };
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if tenant.scim.token.is_empty() || bearer != Some(tenant.scim.token.as_str()) {
        return Err(Refusal::new(
            401,
            "",
            "Authorization failure. The authorization header is invalid or missing",
        ));
    }
    let base = base.iter().fold(request.origin.clone(), |base, segment| format!("{base}/{segment}"));
    let call = Call { request, moment, base };
    match rest {
        ["Users", rest @ ..] => users::reply(tenant, &call, rest),
        ["Groups", rest @ ..] => groups::reply(tenant, &call, rest),
        ["ServiceProviderConfig"] if request.method == "GET" => Ok(call.config()),
        _ => Err(Refusal::new(404, "", format!("No resource type found at '{}'", rest.join("/")))),
    }
}

/// A request and what it takes to answer it.
struct Call<'a> {
    request: &'a Request,
    moment: &'a Moment<'a>,
    /// Address of the routes.
    base: String,
}

/// A resource, with its version where there are versions.
fn show(status: u16, resource: &Value) -> Answer {
    let location = resource.pointer("/meta/location").and_then(Value::as_str).unwrap_or_default();
    let answer = scim(status, resource).header("location", location);
    match resource.pointer("/meta/version").and_then(Value::as_str) {
        Some(version) => answer.header("etag", version),
        None => answer,
    }
}

impl Call<'_> {
    fn body(&self) -> Result<Map<String, Value>, Refusal> {
        match self.request.json() {
            Some(Value::Object(body)) => Ok(body),
            _ => Err(Refusal::new(400, "invalidSyntax", "the body is not a JSON object")),
        }
    }

    /// A page of the resources that the filter lets through.
    fn list(&self, resources: impl Iterator<Item = Value>) -> Reply {
        let switches = &self.moment.switches.scim;
        let filter = match self.request.parameter("filter").filter(|_| switches.heeds_queries) {
            None => None,
            Some(text) if text.contains("emails") && !switches.filters_emails => {
                return Err(Refusal::new(400, "invalidFilter", "no filter by emails"));
            }
            Some(text) => Some(
                filter::parse(text).ok_or_else(|| Refusal::new(400, "invalidFilter", "invalid syntax"))?,
            ),
        };
        let found: Vec<Value> = resources
            .filter(|resource| filter.as_ref().is_none_or(|filter| filter.matches(resource)))
            .collect();
        let number = |name: &str, default: usize| match self.request.parameter(name) {
            None => Ok(default),
            Some(text) => match text.parse::<i64>() {
                Ok(number) => Ok(usize::try_from(number).unwrap_or(0)),
                Err(_) => Err(Refusal::value(format!("{name} is not a number"))),
            },
        };
        let most = switches.page_size;
        let start = if switches.heeds_queries { number("startIndex", 1)?.max(1) } else { 1 };
        let page: Vec<&Value> = found.iter().skip(start - 1).take(number("count", most)?.min(most)).collect();
        Ok(scim(
            200,
            &json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                "totalResults": found.len(), "startIndex": start, "itemsPerPage": page.len(), "Resources": page,
            }),
        ))
    }

    /// What a PATCH answers.
    fn patched(&self, resource: &Value) -> Answer {
        let mut answer = show(200, resource);
        if !self.moment.switches.scim.patch_answers_body {
            answer.status = 204;
            answer.body.clear();
        }
        answer
    }

    fn meta(&self, kind: &str, id: &str, (version, created, modified): (u64, &str, &str)) -> Value {
        let mut meta = json!({
            "resourceType": kind, "created": created, "lastModified": modified,
            "location": format!("{}/{kind}s/{id}", self.base),
        });
        if let (true, Some(meta)) = (self.moment.switches.scim.etags, meta.as_object_mut()) {
            meta.insert("version".to_owned(), json!(etag(version)));
        }
        meta
    }

    /// Refuses a change that expects another version.
    fn expects(&self, version: u64) -> Result<(), Refusal> {
        let expected = self.request.header("if-match").filter(|_| self.moment.switches.scim.etags);
        match expected {
            Some(expected) if expected != "*" && expected != etag(version) => {
                Err(Refusal::new(412, "", "Failed to update. Resource has changed on the server"))
            }
            _ => Ok(()),
        }
    }

    fn now(&self) -> String {
        self.moment.wall.to_rfc3339()
    }

    fn config(&self) -> Answer {
        let supported = |yes: bool| json!({ "supported": yes });
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": supported(true), "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": true, "maxResults": self.moment.switches.scim.page_size},
            "changePassword": supported(false), "sort": supported(false),
            "etag": supported(self.moment.switches.scim.etags),
            "authenticationSchemes": [
                {"type": "oauthbearertoken", "name": "bearer_token", "description": "HTTP Bearer Token"},
            ],
            "meta": {
                "resourceType": "ServiceProviderConfig",
                "location": format!("{}/ServiceProviderConfig", self.base),
            },
        });
        scim(200, &body)
    }
}

fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

fn scim(status: u16, body: &Value) -> Answer {
    Answer::text(status, "application/scim+json", body.to_string())
}

#[cfg(test)]
mod tests;
