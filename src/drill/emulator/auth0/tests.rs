use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::drill::emulator::Switches;
use crate::event::time::Timestamp;
use crate::synth::people::VICTIM;

const JANE: &str = "/api/v2/users/auth0%7C6182f7e6a8f5";

struct World {
    tenant: Tenant,
    switches: Switches,
    millis: u64,
    token: String,
}

fn world() -> World {
    let mut tenant = Tenant::example(7);
    Auth0.example(&mut tenant);
    let token = tenant.auth0.tokens.keys().next().unwrap().clone();
    World { tenant, switches: Switches::default(), millis: 0, token }
}

impl World {
    fn send(&mut self, request: &Request) -> Answer {
        let wall = Timestamp { nanos: 0, digits: 3 };
        let switches = self.switches.clone();
        let moment = Moment { now: Duration::from_millis(self.millis), wall, switches: &switches };
        Auth0.handle(&mut self.tenant, request, &moment)
    }

    fn ask(&mut self, method: &str, target: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request =
            Request::new(method, target).with_header("authorization", &format!("Bearer {}", self.token));
        if let Some(body) = body {
            request = request.with_json(body);
        }
        let answer = self.send(&request);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }
}

#[test]
fn tokens_and_their_scopes_are_checked() {
    let mut world = world();
    let token = world.token.clone();
    world.tenant.auth0.tokens.get_mut(&token).unwrap().scopes = ["read:users".to_owned()].into();
    assert_eq!(world.ask("GET", JANE, None).0, 200);
    let (status, error) = world.ask("PATCH", JANE, Some(&json!({ "blocked": true })));
    assert_eq!((status, &error["errorCode"]), (403, &json!("insufficient_scope")));
    assert_eq!(world.ask("GET", "/api/v2/users/nobody", None).1["errorCode"], "inexistent_user");
    world.token = "old".to_owned();
    assert_eq!(world.ask("GET", JANE, None).0, 401);
}

#[test]
fn an_address_has_an_account_for_each_connection() {
    let mut world = world();
    let (_, found) = world.ask("GET", "/api/v2/users-by-email?email=jane%40agency.example", None);
    assert_eq!(found.as_array().unwrap().len(), 2);
    assert!(found[0].get("blocked").is_none(), "it was never said");
    assert_eq!(world.ask("PATCH", JANE, Some(&json!({ "blocked": true }))).1["blocked"], true);
    assert_eq!(world.ask("PATCH", JANE, Some(&json!({ "blocked": false }))).1["blocked"], false);
    assert_eq!(world.ask("PATCH", JANE, Some(&json!({ "blocked": "yes" }))).0, 400);
    assert_eq!(world.ask("GET", "/api/v2/users-by-email", None).0, 400);
}

#[test]
fn capital_letters_count_but_in_the_search() {
    let mut world = world();
    let by_email = "/api/v2/users-by-email?email=Jane%40agency.example";
    assert_eq!(world.ask("GET", by_email, None), (200, json!([])));
    let search = "/api/v2/users?search_engine=v3&q=email%3A%22Jane%40agency.example%22&include_totals=true";
    let (status, found) = world.ask("GET", search, None);
    assert_eq!((status, &found["total"], found["users"].as_array().unwrap().len()), (200, &json!(2), 2));
    // Accounts that were made since are shown in time.
    world.switches.auth0.search_lag_ms = 1_000;
    world.millis = 5_000;
    world.tenant.auth0.users.values_mut().for_each(|user| user.made_ms = 4_500);
    assert_eq!(world.ask("GET", search, None).1["total"], 0);
    world.millis = 5_500;
    assert_eq!(world.ask("GET", search, None).1["total"], 2);
    for bad in [
        "q=email%3A%22a%22",
        "search_engine=v3",
        "search_engine=v3&q=name%3A%22a%22",
        "search_engine=v3&q=email%3Aa",
    ] {
        assert_eq!(world.ask("GET", &format!("/api/v2/users?{bad}"), None).0, 400, "{bad}");
    }
}

#[test]
fn what_is_accepted_is_gone_in_time_and_a_reset_lets_in_again() {
    let mut world = world();
    world.switches.auth0.delete_lag_ms = 2_000;
    world.ask("PATCH", JANE, Some(&json!({ "blocked": true })));
    world.ask("PATCH", "/api/v2/users/google-oauth2%7C1138", Some(&json!({ "blocked": true })));
    assert_eq!(world.ask("DELETE", &format!("{JANE}/sessions"), None).0, 202);
    for (millis, left) in [(1_999, 2), (2_000, 0)] {
        world.millis = millis;
        let sessions = world.ask("GET", &format!("{JANE}/sessions"), None).1;
        assert_eq!(sessions["sessions"].as_array().unwrap().len(), left, "{millis}");
    }
    let wall = Timestamp { nanos: 0, digits: 3 };
    let mut switches = Switches::default();
    for resets in [false, true] {
        switches.auth0.attacker_resets = resets;
        let moment = Moment { now: Duration::ZERO, wall, switches: &switches };
        assert_eq!(Auth0.signs_in(&mut world.tenant, VICTIM, &moment), resets);
    }
}

#[test]
fn lists_come_in_pages() {
    let mut world = world();
    world.switches.auth0.page_size = 1;
    let first = world.ask("GET", &format!("{JANE}/sessions?take=50"), None).1;
    let next = first["next"].as_str().unwrap().to_owned();
    let second = world.ask("GET", &format!("{JANE}/sessions?take=50&from={next}"), None).1;
    assert!(second["sessions"][0]["id"] != first["sessions"][0]["id"] && second.get("next").is_none());
    let roles = world.ask("GET", &format!("{JANE}/roles?include_totals=true&page=0"), None).1;
    assert_eq!((&roles["total"], &roles["roles"][0]["name"]), (&json!(1), &json!("Mixpanel users")));
    assert_eq!(world.ask("GET", &format!("{JANE}/roles?page=x"), None).0, 400);
}

#[test]
fn made_up_tenants_differ() {
    let mut shapes = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut tenant = Tenant::example(seed);
        Auth0.made_up(&mut tenant, &mut crate::synth::rng::Rng::new(seed));
        assert!(Auth0.client("auth0", &tenant, "").is_some());
        let own = tenant.auth0.users.values().filter(|user| user.is_called(VICTIM));
        shapes.insert(own.map(|user| (user.connection.clone(), user.blocked)).collect::<Vec<_>>());
    }
    assert!(shapes.len() > 8, "{shapes:?}");
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|POST|PUT|DELETE|PATCH",
        path in "(users|users-by-email|grants)(/(auth0%7C6182f7e6a8f5|\\PC{0,5})){0,1}(/(sessions|refresh-tokens|roles|\\PC{0,5})){0,2}(\\?(take|from|page|per_page|user_id|email)=[-0-9a-zA-Z%+@]{0,20})?",
        body in r#"\{"(blocked|roles)":("x"|1|null|false|\["rol_1"\]|\[\])\}|\PC{0,20}"#,
    ) {
        let mut world = world();
        let mut request = Request::new(&method, &format!("/api/v2/{path}"));
        request = request.with_header("authorization", &format!("Bearer {}", world.token));
        request.body = body.into_bytes();
        let answer = world.send(&request);
        prop_assert!((200..500).contains(&answer.status));
    }
}
