use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::drill::emulator::Switches;
use crate::event::time::Timestamp;
use crate::synth::people::VICTIM;

struct World {
    tenant: Tenant,
    switches: Switches,
    token: String,
}

fn world() -> World {
    let mut tenant = Tenant::example(7);
    OneLogin.example(&mut tenant);
    let token = tenant.onelogin.tokens.keys().next().unwrap().clone();
    World { tenant, switches: Switches::default(), token }
}

impl World {
    fn send(&mut self, request: &Request) -> Answer {
        let wall = Timestamp { nanos: 0, digits: 3 };
        let switches = self.switches.clone();
        let moment = Moment { now: Duration::ZERO, wall, switches: &switches };
        OneLogin.handle(&mut self.tenant, request, &moment)
    }

    fn answer(&mut self, method: &str, target: &str, body: Option<&Value>) -> Answer {
        let mut request =
            Request::new(method, target).with_header("authorization", &format!("Bearer {}", self.token));
        if let Some(body) = body {
            request = request.with_json(body);
        }
        self.send(&request)
    }

    fn ask(&mut self, method: &str, target: &str, body: Option<&Value>) -> (u16, Value) {
        let answer = self.answer(method, target, body);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }
}

#[test]
fn scopes_are_checked_and_each_version_has_its_errors() {
    let mut world = world();
    for (scope, status, role) in
        [(Scope::ReadUsers, 403, 403), (Scope::ManageUsers, 200, 403), (Scope::ManageAll, 200, 204)]
    {
        let token = world.token.clone();
        world.tenant.onelogin.tokens.insert(token, scope);
        let body = json!({ "status": 2 });
        assert_eq!(world.ask("PUT", "/api/2/users/700000", Some(&body)).0, status, "{scope:?}");
        assert_eq!(world.ask("DELETE", "/api/2/roles/501/users", Some(&json!([700_000]))).0, role);
    }
    assert_eq!(world.ask("GET", "/api/2/users/1", None).1["name"], "NotFoundError");
    assert_eq!(world.ask("GET", "/api/1/users/1/roles", None).1["status"]["code"], 404);
    world.token = "old".to_owned();
    assert_eq!(world.ask("GET", "/api/2/users", None).0, 401);
}

#[test]
fn mappings_run_with_an_update_unless_told_not_to() {
    let mut world = world();
    let gone = json!([700_000]);
    for (query, has) in [("?mappings=disabled", false), ("", true)] {
        assert_eq!(world.ask("DELETE", "/api/2/roles/502/users", Some(&gone)).0, 204);
        world.ask("PUT", &format!("/api/2/users/700000{query}"), Some(&json!({ "status": 2 })));
        assert_eq!(world.tenant.onelogin.users[&700_000].roles.contains(&502), has, "{query}");
    }
}

#[test]
fn a_role_loses_who_is_named_and_nobody_else() {
    let mut world = world();
    let before = world.tenant.onelogin.users.values().filter(|user| user.roles.contains(&501)).count();
    world.switches.onelogin.removes_by_object = true;
    assert_eq!(world.ask("DELETE", "/api/2/roles/501/users", Some(&json!([700_000]))).0, 422);
    assert_eq!(world.ask("DELETE", "/api/2/roles/501/users", Some(&json!({ "user_id": [700_000] }))).0, 204);
    for body in [json!([]), json!({}), json!([1]), json!("x")] {
        assert_eq!(world.ask("POST", "/api/2/roles/501/users", Some(&body)).0, 422, "{body}");
    }
    let after = world.tenant.onelogin.users.values().filter(|user| user.roles.contains(&501)).count();
    assert_eq!(before, after + 1);
}

#[test]
fn lists_come_in_pages_and_a_star_is_anything() {
    let mut world = world();
    world.switches.onelogin.page_size = 2;
    let first = world.answer("GET", "/api/2/users?email=*@acme.example", None);
    let cursor = first.headers.iter().find(|(name, _)| name == "after-cursor").unwrap().1.clone();
    let (status, rest) =
        world.ask("GET", &format!("/api/2/users?email=*@acme.example&cursor={cursor}"), None);
    assert_eq!((status, rest.as_array().unwrap().len()), (200, 2));
    assert_eq!(world.ask("GET", "/api/2/users?cursor=x", None).0, 400);
    assert_eq!(world.ask("GET", &format!("/api/2/users?email={VICTIM}"), None).1[0]["id"], 700_000);
}

#[test]
fn made_up_tenants_differ() {
    let mut shapes = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut tenant = Tenant::example(seed);
        OneLogin.made_up(&mut tenant, &mut crate::synth::rng::Rng::new(seed));
        assert!(OneLogin.client("onelogin", &tenant, "").is_some());
        let own = tenant.onelogin.users.values().filter(|user| user.is_called(VICTIM));
        shapes.insert(own.map(|user| (user.status, user.roles.clone())).collect::<Vec<_>>());
    }
    assert!(shapes.len() > 20, "{shapes:?}");
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|POST|PUT|DELETE|PATCH",
        path in "[12]/(users|roles|mappings)(/(700000|501|\\PC{0,5})){0,1}(/(users|roles|logout|\\PC{0,5})){0,2}(\\?(limit|cursor|email|app_id|mappings)=[-0-9a-zA-Z%+@*]{0,20})?",
        body in r#"\{"(status|user_id)":("x"|1|null|-1|\[700000\]|\[\])\}|\[700000\]|\PC{0,20}"#,
    ) {
        let mut world = world();
        let mut request = Request::new(&method, &format!("/api/{path}"));
        request = request.with_header("authorization", &format!("Bearer {}", world.token));
        request.body = body.into_bytes();
        let answer = world.send(&request);
        prop_assert!((200..500).contains(&answer.status));
    }
}
