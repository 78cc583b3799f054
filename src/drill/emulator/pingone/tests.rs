use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::drill::emulator::Switches;
use crate::drill::emulator::tenant::differences;
use crate::event::time::Timestamp;
use crate::synth::people::VICTIM;

const BASE: &str = "/v1/environments/abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6";

struct World {
    tenant: Tenant,
    switches: Switches,
    token: String,
}

fn world() -> World {
    let mut tenant = Tenant::example(7);
    PingOne.example(&mut tenant);
    let token = tenant.pingone.tokens.keys().next().unwrap().clone();
    World { tenant, switches: Switches::default(), token }
}

impl World {
    fn send(&mut self, request: &Request) -> Answer {
        let wall = Timestamp { nanos: 0, digits: 3 };
        let switches = self.switches.clone();
        let moment = Moment { now: Duration::ZERO, wall, switches: &switches };
        PingOne.handle(&mut self.tenant, request, &moment)
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
}

#[test]
fn tokens_are_checked_and_errors_have_codes() {
    let mut world = world();
    let token = world.token.clone();
    world.tenant.pingone.tokens.get_mut(&token).unwrap().changes = false;
    assert_eq!(world.ask("GET", "users/user-jane", None).0, 200);
    let (status, error) = world.ask("PUT", "users/user-jane/enabled", Some(&json!({ "enabled": false })));
    assert_eq!((status, &error["code"]), (403, &json!("ACCESS_FAILED")));
    assert_eq!(world.ask("GET", "users/nobody", None).1["code"], "NOT_FOUND");
    world.token = "old".to_owned();
    assert_eq!(world.ask("GET", "users", None).0, 401);
}

#[test]
fn sessions_end_one_by_one() {
    let mut world = world();
    assert_eq!(world.ask("DELETE", "users/user-jane/sessions", None).0, 404, "there is no bulk");
    assert_eq!(world.ask("DELETE", "users/user-jane/sessions/laptop", None).0, 204);
    assert_eq!(world.ask("DELETE", "users/user-jane/sessions/laptop", None).0, 404);
    let rows = world.ask("GET", "users/user-jane/sessions", None).1;
    assert_eq!(rows["_embedded"]["sessions"][0]["id"], "unknown");
    world.switches.pingone.odd_session_key = true;
    let rows = world.ask("GET", "users/user-jane/sessions", None).1;
    assert_eq!(rows["_embedded"]["userSessions"][0]["id"], "unknown");
}

#[test]
fn groups_and_roles_come_and_go() {
    let mut world = world();
    let before = world.tenant.clone();
    assert_eq!(world.ask("DELETE", "users/user-jane/memberOfGroups/group-filter", None).0, 400);
    assert_eq!(world.ask("DELETE", "users/user-jane/memberOfGroups/group-mixpanel", None).0, 204);
    let body = json!({ "id": "group-mixpanel" });
    assert_eq!(world.ask("POST", "users/user-jane/memberOfGroups", Some(&body)).0, 201);
    assert_eq!(world.ask("POST", "users/user-jane/memberOfGroups", Some(&body)).0, 409);
    assert_eq!(world.ask("DELETE", "users/user-jane/roleAssignments/assignment-2", None).0, 403);
    assert_eq!(world.ask("DELETE", "users/user-jane/roleAssignments/assignment-1", None).0, 204);
    let scope = json!({ "id": world.tenant.pingone.environment, "type": "ENVIRONMENT" });
    let body = json!({ "role": { "id": "identity-data-read-only" }, "scope": scope });
    assert_eq!(world.ask("POST", "users/user-jane/roleAssignments", Some(&body)).0, 201);
    assert_eq!(world.ask("POST", "users/user-jane/roleAssignments", Some(&body)).0, 409);
    assert_eq!(differences(&before, &world.tenant), Vec::<String>::new());
}

#[test]
fn lists_come_in_pages_and_filters_are_read() {
    let mut world = world();
    world.switches.pingone.page_size = 4;
    let (mut target, mut seen) = ("users".to_owned(), 0);
    loop {
        let (status, page) = world.ask("GET", &target, None);
        assert_eq!(status, 200);
        seen += page["_embedded"]["users"].as_array().unwrap().len();
        let Some(next) = page["_links"]["next"]["href"].as_str() else { break };
        target = next.split_once("80ad5c98f9f6/").unwrap().1.to_owned();
    }
    assert_eq!(seen, world.tenant.pingone.users.len());
    let found = world.ask("GET", &format!("users?filter=email%20eq%20%22{VICTIM}%22"), None).1;
    assert_eq!(found["_embedded"]["users"][0]["id"], "user-jane");
    assert_eq!(world.ask("GET", "users?filter=email%20eq", None).0, 400);
    assert_eq!(world.ask("GET", "users?cursor=x", None).0, 400);
}

#[test]
fn made_up_environments_hold_together() {
    let mut shapes = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut tenant = Tenant::example(seed);
        PingOne.made_up(&mut tenant, &mut crate::synth::rng::Rng::new(seed));
        let state = &tenant.pingone;
        assert!(PingOne.client("pingone", &tenant, "").is_some());
        assert!(state.app_groups.iter().all(|group| state.groups.contains_key(group)), "{seed}");
        let own = state.users.values().filter(|user| user.is_called(VICTIM));
        shapes.insert(
            own.map(|user| (user.enabled, user.sessions.len(), user.roles.len())).collect::<Vec<_>>(),
        );
    }
    assert!(shapes.len() > 12, "{shapes:?}");
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|POST|PUT|DELETE|PATCH",
        path in "(users|applications)(/(user-jane|app-mixpanel|\\PC{0,5})){0,1}(/(sessions|enabled|memberOfGroups|roleAssignments|\\PC{0,5})){0,2}(\\?(filter|cursor|expand)=[-0-9a-zA-Z%+@*]{0,20})?",
        body in r#"\{"(enabled|id|role)":("x"|1|null|false|\{"id":"x"\})\}|\PC{0,20}"#,
    ) {
        let mut world = world();
        let mut request = Request::new(&method, &format!("{BASE}/{path}"));
        request = request.with_header("authorization", &format!("Bearer {}", world.token));
        request.body = body.into_bytes();
        let answer = world.send(&request);
        prop_assert!((200..500).contains(&answer.status));
    }
}
