use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::drill::emulator::Switches;
use crate::drill::emulator::draws::CANARY;
use crate::drill::emulator::tenant::differences;
use crate::event::time::Timestamp;
use crate::synth::people::VICTIM;

const JANE: &str = "1037";

struct World {
    tenant: Tenant,
    switches: Switches,
    millis: u64,
    token: String,
}

fn world() -> World {
    let mut tenant = Tenant::example(7);
    Google.example(&mut tenant);
    let token = tenant.google.credentials.keys().next().unwrap().clone();
    World { tenant, switches: Switches::default(), millis: 1_000, token }
}

impl World {
    fn send(&mut self, request: &Request) -> Answer {
        let switches = self.switches.clone();
        let wall = Timestamp { nanos: 0, digits: 3 };
        let moment = Moment { now: Duration::from_millis(self.millis), wall, switches: &switches };
        Google.handle(&mut self.tenant, request, &moment)
    }

    fn ask(&mut self, method: &str, target: &str, body: Option<&Value>) -> (u16, Value) {
        let request = Request::new(method, &format!("{BASE}/{target}"));
        let mut request = request.with_header("authorization", &format!("Bearer {}", self.token));
        if let Some(body) = body {
            request = request.with_json(body);
        }
        let answer = self.send(&request);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn jane(&mut self) -> &mut User {
        self.tenant.google.users.get_mut(JANE).unwrap()
    }

    fn ways(&self) -> Vec<String> {
        let wall = Timestamp { nanos: 0, digits: 3 };
        let now = Duration::from_millis(self.millis);
        Google.ways_in(&self.tenant, VICTIM, &Moment { now, wall, switches: &self.switches })
    }
}

#[test]
fn scopes_are_checked_and_errors_have_reasons() {
    let mut world = world();
    assert_eq!(world.ask("GET", &format!("users/{VICTIM}"), None).1["id"], JANE);
    assert_eq!(
        world.ask("GET", "users/nobody@acme.example", None).1["error"]["errors"][0]["reason"],
        "notFound"
    );
    assert_eq!(world.ask("GET", "users/x@elsewhere.example", None).0, 404);
    world.switches.google.foreign_is_forbidden = true;
    assert_eq!(world.ask("GET", "users/x@elsewhere.example", None).0, 403);
    let token = world.token.clone();
    let scopes = ["user.readonly".to_owned()].into();
    world.tenant.google.credentials.insert(token, Credential { scopes, is_super: false });
    assert_eq!(world.ask("GET", "users/1037", None).0, 200);
    for (method, target) in
        [("PUT", "users/1037"), ("GET", "users/1037/tokens"), ("GET", "groups?userKey=1037")]
    {
        let (status, error) = world.ask(method, target, Some(&json!({ "suspended": true })));
        assert_eq!((status, &error["error"]["code"]), (403, &json!(403)), "{method} {target}");
    }
    world.token = "old".to_owned();
    assert_eq!(world.ask("GET", "users/1037", None).0, 401);
}

#[test]
fn searches_read_quotes_and_know_only_later_what_is_new() {
    let mut world = world();
    let list = |world: &mut World, query: &str| {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let (status, page) = world.ask("GET", &format!("users?customer=my_customer&query={query}"), None);
        let rows = page["users"].as_array().map(Vec::len);
        (status, rows)
    };
    assert_eq!(list(&mut world, &format!("email='{VICTIM}'")), (200, Some(1)));
    assert_eq!(list(&mut world, "isAdmin=true"), (200, Some(2)));
    assert_eq!(list(&mut world, &format!("isAdmin=true email='{VICTIM}'")), (200, Some(1)));
    assert_eq!(list(&mut world, "email='nobody@acme.example'"), (200, None), "an empty list has no key");
    assert_eq!(list(&mut world, r"email='x\' isAdmin=true'"), (200, None), "the quote is part of the text");
    for wrong in ["email='x", "phone='1'", "email"] {
        assert_eq!(list(&mut world, wrong), (400, None), "{wrong}");
    }
    assert_eq!(world.ask("GET", "users?query=isAdmin%3Dtrue", None).0, 400, "without a customer");
    world.switches.google.search_lag_ms = 60_000;
    assert_eq!(list(&mut world, &format!("email='{VICTIM}'")), (200, None));
    assert_eq!(world.ask("GET", "users/1037", None).0, 200);
}

#[test]
fn second_factors_stay_while_somebody_is_suspended() {
    let mut world = world();
    let codes = world.ask("GET", "users/1037/verificationCodes", None).1;
    assert!(codes["items"][0]["verificationCode"].as_str().unwrap().contains(CANARY));
    let bare = world.ask("GET", "users/1037/verificationCodes?fields=kind,items(userId)", None).1;
    assert_eq!((bare["items"].as_array().unwrap().len(), bare.to_string().contains(CANARY)), (3, false));
    world.jane().suspended = true;
    for target in ["users/1037/verificationCodes/invalidate", "users/1037/twoStepVerification/turnOff"] {
        assert_eq!(world.ask("POST", target, None).0, 400, "{target}");
    }
    world.jane().suspended = false;
    assert_eq!(world.ask("POST", "users/1037/verificationCodes/invalidate", None).0, 204);
    world.jane().enforced = true;
    assert_eq!(world.ask("POST", "users/1037/twoStepVerification/turnOff", None).0, 400);
    world.jane().enforced = false;
    assert_eq!(world.ask("POST", "users/1037/twoStepVerification/turnOff", None).0, 204);
    assert!(world.jane().codes.is_empty() && !world.jane().enrolled);
    assert_eq!(world.ask("POST", "users/1037/twoStepVerification/turnOff", None).0, 400, "not enrolled");
}

#[test]
fn cookies_may_outlast_the_sign_out() {
    let mut world = world();
    let has_session = |world: &World| world.ways().iter().any(|way| way.ends_with("has a session"));
    world.switches.google.cookie_lag_ms = 3_600_000;
    assert_eq!(world.ask("PUT", "users/1037", Some(&json!({ "suspended": true }))).0, 200);
    assert_eq!(world.ask("POST", "users/1037/signOut", None).0, 204);
    assert!(has_session(&world));
    world.millis += 3_600_000;
    assert!(!has_session(&world));
    world.switches.google.cookie_lag_ms = 0;
    world.jane().sessions.insert("late".to_owned(), None);
    assert_eq!(world.ask("POST", "users/1037/signOut", None).0, 204);
    assert!(world.jane().sessions.is_empty());
    world.switches.google.no_sign_out_of_suspended = true;
    assert_eq!(world.ask("POST", "users/1037/signOut", None).0, 400);
}

#[test]
fn groups_and_roles_come_and_go() {
    let mut world = world();
    let before = world.tenant.clone();
    let member = "groups/mixpanel@acme.example/members/1037";
    let (_, held) = world.ask("GET", member, None);
    assert_eq!((&held["role"], &held["delivery_settings"]), (&json!("MANAGER"), &json!("DIGEST")));
    assert_eq!(world.ask("DELETE", member, None).0, 204);
    assert_eq!((world.ask("GET", member, None).0, world.ask("DELETE", member, None).0), (404, 404));
    let body = json!({ "email": VICTIM, "role": "MANAGER", "delivery_settings": "DIGEST" });
    assert_eq!(world.ask("POST", "groups/group-mixpanel/members", Some(&body)).0, 200);
    assert_eq!(world.ask("POST", "groups/group-mixpanel/members", Some(&body)).0, 409);
    let held = world.ask("GET", "customer/my_customer/roleassignments?userKey=1037", None).1;
    assert_eq!(held["items"].as_array().unwrap().len(), 2, "the own one, and that of a super administrator");
    let more = "customer/my_customer/roleassignments?userKey=1037&includeIndirectRoleAssignments=true";
    assert_eq!(world.ask("GET", more, None).1["items"].as_array().unwrap().len(), 3);
    assert_eq!(world.ask("DELETE", "customer/my_customer/roleassignments/501", None).0, 204);
    assert_eq!(world.ask("DELETE", "customer/my_customer/roleassignments/501", None).0, 404);
    let mut body = json!({ "roleId": "21", "assignedTo": JANE, "scopeType": "ORG_UNIT" });
    assert_eq!(world.ask("POST", "customer/my_customer/roleassignments", Some(&body)).0, 400, "no unit");
    body["orgUnitId"] = json!("unit-agencies");
    assert_eq!(world.ask("POST", "customer/my_customer/roleassignments", Some(&body)).0, 200);
    assert_eq!(world.ask("POST", "customer/my_customer/roleassignments", Some(&body)).0, 409);
    for status in [false, true] {
        assert_eq!(world.ask("POST", "users/1037/makeAdmin", Some(&json!({ "status": status }))).0, 204);
    }
    assert_eq!(differences(&before, &world.tenant), Vec::<String>::new());
    world.tenant.google.groups.get_mut("group-mixpanel").unwrap().dynamic = true;
    assert_eq!(world.ask("DELETE", member, None).0, 400);
}

#[test]
fn administrators_are_for_super_administrators() {
    let mut world = world();
    world.tenant.google.credentials.values_mut().for_each(|one| one.is_super = false);
    let suspend = json!({ "suspended": true });
    assert_eq!(world.ask("PUT", "users/1037", Some(&suspend)).0, 403);
    assert_eq!(world.ask("POST", "users/1037/makeAdmin", Some(&json!({ "status": false }))).0, 403);
    assert_eq!(world.ask("PUT", "users/2000", Some(&suspend)).0, 200);
    assert_eq!(world.ask("PATCH", "users/2000", Some(&json!({ "suspended": "yes" }))).0, 400);
    assert_eq!(world.ask("PUT", "users/2000", Some(&json!({ "password": "x" }))).0, 400);
}

#[test]
fn lists_come_in_pages_and_reads_may_lag_behind() {
    let mut world = world();
    world.switches.google.page_size = 2;
    let (mut target, mut seen) = ("users?customer=my_customer".to_owned(), 0);
    loop {
        let page = world.ask("GET", &target, None).1;
        seen += page["users"].as_array().unwrap().len();
        let Some(token) = page["nextPageToken"].as_str() else { break };
        target = format!("users?customer=my_customer&pageToken={token}");
    }
    assert_eq!(seen, world.tenant.google.users.len());
    world.switches.google.read_lag_ms = 5_000;
    assert_eq!(world.ask("DELETE", "users/1037/tokens/77.apps.example", None).0, 204);
    assert_eq!(world.ask("DELETE", "users/1037/asps/4", None).0, 204);
    assert_eq!(world.ask("GET", "users/1037/tokens", None).1["items"][0]["displayText"], "Mail reader");
    assert_eq!(world.ask("GET", "users/1037/asps", None).1["items"][0]["codeId"], 4);
    world.millis += 5_000;
    assert_eq!(world.ask("GET", "users/1037/tokens", None).1["items"], Value::Null);
}

#[test]
fn a_suspension_may_take_sessions_and_tokens_with_it() {
    let mut world = world();
    world.switches.google.suspending_resets = true;
    assert_eq!(world.ask("PUT", "users/1037", Some(&json!({ "suspended": true }))).0, 200);
    assert!(world.jane().sessions.is_empty() && world.jane().tokens.is_empty());
    world.switches.google.no_suspended_admins = true;
    assert_eq!(world.ask("POST", "users/1037/makeAdmin", Some(&json!({ "status": true }))).0, 400);
}

#[test]
fn made_up_organizations_hold_together() {
    let mut shapes = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut tenant = Tenant::example(seed);
        Google.made_up(&mut tenant, &mut crate::synth::rng::Rng::new(seed));
        let state = &tenant.google;
        assert!(Google.client("google", &tenant, "").is_some());
        assert!(state.mixpanel_groups.iter().all(|group| state.groups.contains_key(group)), "{seed}");
        let mut members = state.groups.values().flat_map(|group| group.members.keys());
        assert!(members.all(|id| state.users.contains_key(id)), "{seed}");
        let own = state.users.values().filter(|user| user.is_called(VICTIM));
        shapes.insert(
            own.map(|user| (user.suspended, user.admin, user.codes.len(), user.tokens.len()))
                .collect::<Vec<_>>(),
        );
    }
    assert!(shapes.len() > 12, "{shapes:?}");
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|POST|PUT|DELETE|PATCH",
        path in "(users|groups|customer)(/(1037|my_customer|group-mixpanel|\\PC{0,5})){0,1}(/(members|tokens|asps|roles|roleassignments|makeAdmin|signOut|\\PC{0,5})){0,2}(\\?(customer|query|pageToken|userKey|fields)=[-0-9a-zA-Z%+@'=\\\\]{0,20})?",
        body in r#"\{"(suspended|status|email|role|roleId)":("x"|1|null|false|\{"id":"x"\})\}|\PC{0,20}"#,
    ) {
        let mut world = world();
        let mut request = Request::new(&method, &format!("{BASE}/{path}"));
        request = request.with_header("authorization", &format!("Bearer {}", world.token));
        request.body = body.into_bytes();
        let answer = world.send(&request);
        prop_assert!((200..500).contains(&answer.status));
    }
}
