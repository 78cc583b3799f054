use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::drill::emulator::Switches;
use crate::drill::emulator::tenant::differences;
use crate::event::time::Timestamp;
use crate::synth::people::{RESPONDER, VICTIM};

const JANE: &str = "/api/v1/users/u-jane";

struct World {
    tenant: Tenant,
    switches: Switches,
    millis: u64,
    token: &'static str,
}

fn group(name: &str, kind: &str, members: &[(&str, Option<&str>)]) -> Group {
    let members = members.iter().map(|(id, rule)| ((*id).to_owned(), rule.map(str::to_owned))).collect();
    Group { name: name.to_owned(), kind: kind.to_owned(), members }
}

fn token(secret: &str, user: &str) -> ApiToken {
    ApiToken { secret: secret.to_owned(), user: user.to_owned(), ..ApiToken::default() }
}

fn world() -> World {
    let mut tenant = Tenant::example(1);
    let okta = &mut tenant.okta;
    for (id, login, role) in [
        ("u-ada", RESPONDER, "SUPER_ADMIN"),
        ("u-jane", VICTIM, ""),
        ("u-help", "help@acme.example", "HELP_DESK_ADMIN"),
    ] {
        let mut user = User { login: login.to_owned(), first_name: "Jane".to_owned(), ..User::default() };
        user.sessions.insert(format!("session-{id}"));
        user.oauth_tokens.insert(format!("token-{id}"), "cli".to_owned());
        user.devices.insert("phone".to_owned());
        let scope = |name: &str| Grant { client: "cli".to_owned(), scope: name.to_owned() };
        user.grants.extend([("g1".to_owned(), scope("a")), ("g2".to_owned(), scope("b"))]);
        if !role.is_empty() {
            let role = Role { kind: role.to_owned(), ..Role::default() };
            user.roles.insert(format!("role-{id}"), role);
        }
        okta.users.insert(id.to_owned(), user);
    }
    okta.groups.extend([
        ("g-all".to_owned(), group("Everyone", "BUILT_IN", &[("u-jane", None)])),
        ("g-ad".to_owned(), group("Directory", "APP_GROUP", &[("u-jane", None)])),
        ("g-mix".to_owned(), group("Mixpanel", "OKTA_GROUP", &[("u-jane", None)])),
        ("g-rule".to_owned(), group("Agencies", "OKTA_GROUP", &[("u-jane", Some("r1"))])),
    ]);
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let rule = Rule { fits: names(&["u-jane"]), groups: names(&["g-rule"]), active: true, ..Rule::default() };
    okta.rules.insert("r1".to_owned(), rule);
    let mut app =
        App { name: "mixpanel".to_owned(), label: "Mixpanel".to_owned(), provisions: true, ..App::default() };
    app.groups.insert("g-mix".to_owned());
    okta.apps.insert("a-mix".to_owned(), app);
    okta.tokens.insert("t-tool".to_owned(), token("CANARYtool", "u-ada"));
    okta.tokens.insert("t-jane".to_owned(), token("CANARYjane", "u-jane"));
    okta.tokens.insert("t-help".to_owned(), token("CANARYhelp", "u-help"));
    tenant.scim.claimed_domains.insert("agency.example".to_owned());
    let user = scim::User { user_name: VICTIM.to_owned(), active: true, ..scim::User::default() };
    tenant.scim.users.insert("s1".to_owned(), user);
    World { tenant, switches: Switches::default(), millis: 0, token: "SSWS CANARYtool" }
}

impl World {
    fn send(&mut self, request: &Request) -> Answer {
        let wall = Timestamp { nanos: 1_792_803_720_007_000_000, digits: 0 };
        let now = Duration::from_millis(self.millis);
        let moment = Moment { now, wall, switches: &self.switches };
        Okta.handle(&mut self.tenant, request, &moment)
    }

    fn ask_with(&mut self, method: &str, target: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = Request::new(method, target).with_header("authorization", self.token);
        if let Some(body) = body {
            request = request.with_json(body);
        }
        let answer = self.send(&request);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn ask(&mut self, method: &str, target: &str) -> (u16, Value) {
        self.ask_with(method, target, None)
    }

    fn refused(&mut self, method: &str, target: &str) -> (u16, String) {
        let (status, body) = self.ask(method, target);
        assert_eq!(body["errorCode"], body["errorLink"]);
        (status, body["errorCode"].as_str().unwrap_or_default().to_owned())
    }

    fn jane(&self) -> &User {
        &self.tenant.okta.users["u-jane"]
    }

    fn member_is_active(&self) -> bool {
        self.tenant.mixpanel.members[VICTIM].active
    }

    fn logged(&self) -> Vec<&str> {
        self.tenant.okta.log.iter().filter_map(|record| record["eventType"].as_str()).collect()
    }
}

#[test]
fn tokens_are_checked_for_real() {
    let mut world = world();
    for token in ["", "SSWS CANARYold", "SSWS", "Basic CANARYtool", "Bearer CANARYtool"] {
        world.token = token;
        assert_eq!(world.refused("GET", JANE), (401, "E0000011".to_owned()), "{token}");
    }
    world.tenant.okta.bearers.insert("CANARYbearer".to_owned(), "u-ada".to_owned());
    world.token = "Bearer CANARYbearer";
    assert_eq!(world.ask("GET", "/api/v1/users/me").1["profile"]["login"], RESPONDER);
}

#[test]
fn admin_roles_say_what_a_token_may_do() {
    let mut world = world();
    world.token = "SSWS CANARYjane";
    assert_eq!(world.ask("GET", "/api/v1/users/me").1["id"], "u-jane");
    assert_eq!(world.refused("GET", JANE), (403, "E0000006".to_owned()));
    world.token = "SSWS CANARYhelp";
    assert_eq!(world.refused("POST", &format!("{JANE}/lifecycle/suspend")).0, 403);
    assert_eq!(world.refused("GET", "/api/v1/api-tokens").0, 403);
    assert_eq!(world.ask("DELETE", &format!("{JANE}/sessions")).0, 204);
    assert_eq!(
        world.refused("DELETE", "/api/v1/users/u-ada/sessions").0,
        403,
        "an administrator is protected"
    );
}

#[test]
fn only_the_active_are_suspended_and_only_the_suspended_come_back() {
    let mut world = world();
    let suspend = format!("{JANE}/lifecycle/suspend");
    let unsuspend = format!("{JANE}/lifecycle/unsuspend");
    assert_eq!(world.refused("POST", &unsuspend), (400, "E0000001".to_owned()));
    assert!(world.tenant.okta.lets_in(VICTIM));
    assert_eq!(world.ask("POST", &suspend), (200, json!({})));
    assert!(!world.tenant.okta.lets_in(VICTIM));
    assert_eq!(world.refused("POST", &suspend), (400, "E0000001".to_owned()));
    assert_eq!(world.ask("GET", JANE).1["status"], "SUSPENDED");
    assert!(world.member_is_active(), "assignments stay, so nothing is pushed");
    assert_eq!(world.ask("POST", &unsuspend).0, 200);
    assert_eq!(world.jane().status, Status::Active);
    for status in [Status::LockedOut, Status::PasswordExpired, Status::Recovery, Status::Provisioned] {
        world.tenant.okta.users.get_mut("u-jane").unwrap().status = status;
        assert_eq!(world.refused("POST", &suspend), (400, "E0000001".to_owned()));
    }
    assert_eq!(world.logged(), ["user.lifecycle.suspend", "user.lifecycle.unsuspend"]);
}

#[test]
fn a_search_lags_behind() {
    let mut world = world();
    world.switches.okta.search_lag_ms = 5_000;
    let search = "/api/v1/users?search=profile.email+eq+%22JANE@agency.example%22";
    world.millis = 1_000;
    world.ask("POST", &format!("{JANE}/lifecycle/suspend"));
    for (millis, status) in [(1_500, "ACTIVE"), (5_999, "ACTIVE"), (6_000, "SUSPENDED")] {
        world.millis = millis;
        assert_eq!(world.ask("GET", search).1[0]["status"], status, "{millis}");
        assert_eq!(world.ask("GET", "/api/v1/users/jane%40agency.example").1["status"], "SUSPENDED");
    }
    assert_eq!(world.refused("GET", "/api/v1/users?search=x").0, 400);
    assert_eq!(world.refused("GET", "/api/v1/users/nobody"), (404, "E0000007".to_owned()));
}

#[test]
fn oauth_tokens_and_devices_outlive_sessions_unless_asked_for() {
    let mut world = world();
    assert_eq!(world.ask("DELETE", &format!("{JANE}/sessions")).0, 204);
    assert!(world.jane().sessions.is_empty() && !world.jane().oauth_tokens.is_empty());
    assert!(!world.jane().devices.is_empty());
    assert_eq!(world.ask("GET", &format!("{JANE}/clients/cli/tokens")).1[0]["id"], "token-u-jane");
    world.ask("DELETE", &format!("{JANE}/sessions?oauthTokens=true&forgetDevices=true"));
    assert!(world.jane().oauth_tokens.is_empty() && world.jane().devices.is_empty());
}

#[test]
fn grants_and_tokens_are_listed_and_revoked() {
    let mut world = world();
    assert_eq!(world.ask("GET", &format!("{JANE}/grants")).1.as_array().unwrap().len(), 2);
    assert_eq!(world.ask("DELETE", &format!("{JANE}/grants/g1")).0, 204);
    assert_eq!(world.refused("DELETE", &format!("{JANE}/grants/g1")).0, 404);
    assert_eq!(world.ask("DELETE", &format!("{JANE}/grants")).0, 204);
    assert!(world.jane().grants.is_empty());
    let rows = world.ask("GET", "/api/v1/api-tokens").1;
    assert!(rows[0]["userId"] == "u-help" && !rows.to_string().contains("CANARY"));
    world.switches.okta.token_ghost_ms = 3_000;
    assert_eq!(world.ask("DELETE", "/api/v1/api-tokens/t-jane").0, 204);
    assert_eq!(world.refused("DELETE", "/api/v1/api-tokens/t-jane").0, 404);
    for (millis, listed) in [(2_999, 3), (3_000, 2)] {
        world.millis = millis;
        assert_eq!(world.ask("GET", "/api/v1/api-tokens").1.as_array().unwrap().len(), listed);
    }
    world.token = "SSWS CANARYjane";
    assert_eq!(world.refused("GET", "/api/v1/users/me").0, 401, "a listed ghost opens nothing");
}

#[test]
fn tokens_of_the_suspended_work_by_switch_and_never_those_of_the_gone() {
    let mut world = world();
    for (status, works, expected) in
        [(Status::Suspended, true, 200), (Status::Suspended, false, 401), (Status::Deprovisioned, true, 401)]
    {
        world.tenant.okta.users.get_mut("u-jane").unwrap().status = status;
        world.switches.okta.suspended_tokens_work = works;
        world.token = "SSWS CANARYjane";
        assert_eq!(world.ask("GET", "/api/v1/users/me").0, expected);
    }
}

#[test]
fn memberships_change_only_where_nobody_else_owns_them() {
    let mut world = world();
    for id in ["g-all", "g-ad"] {
        assert_eq!(world.refused("DELETE", &format!("/api/v1/groups/{id}/users/u-jane")).0, 403);
    }
    assert_eq!(world.ask("DELETE", "/api/v1/groups/g-rule/users/u-jane").0, 204);
    assert_eq!(world.ask("DELETE", "/api/v1/groups/g-rule/users/u-jane").0, 204);
    let rule = world.ask("GET", "/api/v1/groups/rules/r1").1;
    assert_eq!(rule["conditions"]["people"]["users"]["exclude"], json!(["u-jane"]));
    assert_eq!(world.logged(), ["group.user_membership.remove"]);
    let before = world.tenant.clone();
    assert_eq!(world.ask("PUT", "/api/v1/groups/g-rule/users/u-jane").0, 204);
    assert_eq!(differences(&before, &world.tenant).len(), 1, "the exclusion stays");
    assert_eq!(world.refused("PUT", "/api/v1/groups/g-rule/users/nobody").0, 404);
}

#[test]
fn a_rule_whose_exclusion_is_cleared_fills_its_group_again() {
    let mut world = world();
    let before = world.tenant.clone();
    world.ask("DELETE", "/api/v1/groups/g-rule/users/u-jane");
    let edit = json!({"type": "group_rule", "conditions": {"people": {"users": {"exclude": []}}}});
    assert_eq!(world.ask_with("PUT", "/api/v1/groups/rules/r1", Some(&edit)).0, 400, "it is active");
    assert_eq!(world.ask("POST", "/api/v1/groups/rules/r1/lifecycle/deactivate").0, 204);
    assert_eq!(world.ask_with("PUT", "/api/v1/groups/rules/r1", Some(&edit)).0, 200);
    assert_eq!(world.ask("POST", "/api/v1/groups/rules/r1/lifecycle/activate").0, 204);
    assert_eq!(differences(&before, &world.tenant), Vec::<String>::new());
}

#[test]
fn an_application_that_a_group_gives_cannot_be_taken_from_one_person() {
    let mut world = world();
    let before = world.tenant.clone();
    let assignment = "/api/v1/apps/a-mix/users/u-jane";
    assert_eq!(world.ask("GET", assignment).1["scope"], "GROUP");
    assert_eq!(world.refused("DELETE", assignment), (403, "E0000046".to_owned()));
    assert_eq!(world.ask("DELETE", "/api/v1/groups/g-mix/users/u-jane").0, 204);
    assert_eq!(world.refused("GET", assignment), (404, "E0000007".to_owned()));
    assert!(!world.member_is_active(), "the loss of the application is pushed");
    assert_eq!(world.ask_with("POST", "/api/v1/apps/a-mix/users", Some(&json!({"id": "u-jane"}))).0, 200);
    assert!(world.member_is_active());
    let shown = world.ask("GET", assignment).1;
    assert_eq!((&shown["scope"], &shown["profile"]["email"]), (&json!("USER"), &json!(VICTIM)));
    assert_eq!(world.ask("DELETE", assignment).0, 204);
    assert_eq!(world.ask("PUT", "/api/v1/groups/g-mix/users/u-jane").0, 204);
    let left = differences(&before, &world.tenant);
    assert!(left.iter().all(|line| line.starts_with("mixpanel.sessions.")), "ended sessions stay ended");
    assert_eq!(world.refused("GET", "/api/v1/apps/none/users/u-jane").0, 404);
}

#[test]
fn roles_are_given_and_taken() {
    let mut world = world();
    let body = json!({"type": "ORG_ADMIN"});
    let (status, role) = world.ask_with("POST", &format!("{JANE}/roles"), Some(&body));
    assert_eq!((status, &role["type"]), (200, &json!("ORG_ADMIN")));
    assert_eq!(world.ask_with("POST", &format!("{JANE}/roles"), Some(&body)).0, 409);
    assert_eq!(world.ask_with("POST", &format!("{JANE}/roles"), Some(&json!({"type": "KING"}))).0, 400);
    let id = role["id"].as_str().unwrap().to_owned();
    assert_eq!(world.ask("GET", &format!("{JANE}/roles")).1[0]["id"], role["id"]);
    assert_eq!(world.ask("GET", &format!("{JANE}/roles/{id}/targets/groups")), (200, json!([])));
    assert_eq!(world.ask("DELETE", &format!("{JANE}/roles/{id}")).0, 204);
    assert_eq!(world.refused("DELETE", &format!("{JANE}/roles/{id}")).0, 404);
    world.token = "SSWS CANARYhelp";
    assert_eq!(world.ask_with("POST", &format!("{JANE}/roles"), Some(&body)).0, 403);
}

#[test]
fn a_deactivation_cannot_be_undone() {
    let mut world = world();
    let before = world.tenant.clone();
    assert_eq!(world.ask("POST", &format!("{JANE}/lifecycle/deactivate")).0, 200);
    assert_eq!(world.ask("POST", &format!("{JANE}/lifecycle/activate")).0, 200);
    assert!(differences(&before, &world.tenant).len() > 5);
    assert!(!world.tenant.okta.tokens.contains_key("t-jane") && !world.member_is_active());
}

#[test]
fn lists_come_in_pages_and_the_log_is_one() {
    let mut world = world();
    for _ in 0..3 {
        world.ask("DELETE", &format!("{JANE}/sessions"));
    }
    let mut target = "/api/v1/logs?limit=2&filter=eventType+eq+%22user.session.clear%22".to_owned();
    let mut seen = Vec::new();
    loop {
        let mut request = Request::new("GET", &target).with_header("authorization", world.token);
        "http://x/okta".clone_into(&mut request.origin);
        let answer = world.send(&request);
        let rows: Vec<Value> = serde_json::from_slice(&answer.body).unwrap();
        seen.extend(rows);
        let next = answer.headers.iter().find_map(|(_, value)| value.strip_suffix(">; rel=\"next\""));
        let Some(next) = next else { break };
        target = next.strip_prefix("<http://x/okta").unwrap().to_owned();
    }
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0]["published"], "2026-10-24T01:02:00.007Z");
    assert_eq!(seen[0]["actor"]["alternateId"], RESPONDER);
    assert_eq!(seen[0]["target"][0]["alternateId"], VICTIM);
    assert_eq!(seen[0]["transaction"]["detail"]["requestApiTokenId"], "t-tool");
    assert_eq!(world.tenant.okta.log_ndjson().lines().count(), 3);
}

#[test]
fn a_login_opens_mixpanel_and_is_logged() {
    let mut world = world();
    let (switches, wall) = (Switches::default(), Timestamp { nanos: 0, digits: 0 });
    let moment = Moment { now: Duration::ZERO, wall, switches: &switches };
    assert!(sign_in(&mut world.tenant, VICTIM, "203.0.113.66", &moment).is_some());
    world.tenant.okta.users.get_mut("u-jane").unwrap().status = Status::Suspended;
    assert!(sign_in(&mut world.tenant, VICTIM, "203.0.113.66", &moment).is_none());
    assert_eq!(world.logged(), ["user.session.start", "user.authentication.sso", "user.session.start"]);
    assert_eq!(world.tenant.okta.log[2]["outcome"]["result"], "FAILURE");
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|POST|PUT|DELETE|PATCH",
        path in "/api/v1/(users|groups|apps|api-tokens|logs)(/(u-jane|g-mix|a-mix|r1|rules|me|\\PC{0,5})){0,2}(/(users|grants|roles|sessions|lifecycle|clients)(/(u-jane|suspend|\\PC{0,5}))?)?(\\?(search|filter|limit|after|since)=[-0-9a-zA-Z%+]{0,20})?|/\\PC{0,20}",
        body in r#"\{"(id|type|conditions|profile)":("u-jane"|1|null|\{"people":1\}|"ORG_ADMIN")\}|\PC{0,20}"#,
    ) {
        let mut world = world();
        let mut request = Request::new(&method, &path).with_header("authorization", world.token);
        request.body = body.into_bytes();
        let answer = world.send(&request);
        prop_assert!((200..500).contains(&answer.status));
    }
}
