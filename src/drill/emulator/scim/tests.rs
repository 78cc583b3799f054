use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::drill::emulator::Switches;
use crate::event::time::Timestamp;
use crate::synth::people::VICTIM;

const TOKEN: &str = "CANARYscim";

struct World {
    tenant: Tenant,
    switches: Switches,
}

fn world() -> World {
    let mut tenant = Tenant::example(1);
    tenant.scim.token = TOKEN.to_owned();
    tenant.scim.claimed_domains = ["agency.example", "acme.example"].map(str::to_owned).into();
    for (id, email) in [("u1", VICTIM), ("u2", "dmitri.dietz@acme.example"), ("u3", "eve@other.example")] {
        let user = User { user_name: email.to_owned(), active: true, version: 1, ..User::default() };
        tenant.scim.users.insert(id.to_owned(), user);
    }
    let members = ["u1", "u2"].map(str::to_owned).into();
    let group = Group { display_name: "Growth".to_owned(), members, ..Group::default() };
    tenant.scim.groups.insert("g1".to_owned(), group);
    World { tenant, switches: Switches::default() }
}

impl World {
    fn send(&mut self, request: &Request) -> Answer {
        let wall = Timestamp { nanos: 1_792_803_720_000_000_000, digits: 0 };
        let moment = Moment { now: Duration::from_millis(500), wall, switches: &self.switches };
        Scim.handle(&mut self.tenant, request, &moment)
    }

    fn ask(&mut self, method: &str, target: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request =
            Request::new(method, target).with_header("authorization", &format!("Bearer {TOKEN}"));
        if let Some(body) = body {
            request = request.with_json(body);
        }
        let answer = self.send(&request);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn patch(&mut self, target: &str, operation: &Value) -> (u16, Value) {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation],
        });
        self.ask("PATCH", target, Some(&body))
    }

    fn members(&self) -> Vec<&str> {
        self.tenant.scim.groups["g1"].members.iter().map(String::as_str).collect()
    }
}

#[test]
fn only_the_newest_token_is_let_in() {
    let mut world = world();
    for header in ["Bearer CANARYold", "Basic x", ""] {
        let answer = world.send(&Request::new("GET", "/Users").with_header("authorization", header));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &body["status"]), (401, &json!("401")));
    }
    world.tenant.scim.token.clear();
    let blank = Request::new("GET", "/Users").with_header("authorization", "Bearer ");
    assert_eq!(world.send(&blank).status, 401);
}

#[test]
fn people_are_found_and_paged() {
    let mut world = world();
    for base in ["", "/v2", "/scim/v2", "/api/app/scim/v2"] {
        let target = format!("{base}/Users?filter=userName+eq+%22JANE@agency.example%22");
        let (status, body) = world.ask("GET", &target, None);
        assert_eq!((status, &body["totalResults"]), (200, &json!(1)), "{base}");
        assert_eq!(body["Resources"][0]["id"], "u1");
    }
    let (_, body) = world.ask("GET", "/Users?startIndex=2&count=1", None);
    assert_eq!((&body["totalResults"], &body["itemsPerPage"]), (&json!(3), &json!(1)));
    assert_eq!(body["Resources"][0]["id"], "u2");
    world.switches.scim.page_size = 2;
    assert_eq!(world.ask("GET", "/Users", None).1["itemsPerPage"], 2);
    assert_eq!(world.ask("GET", "/Users?count=-1", None).1["itemsPerPage"], 0);
    assert_eq!(world.ask("GET", "/Users?filter=userName+is+3", None).1["scimType"], "invalidFilter");
    world.switches.scim.filters_emails = false;
    let by_email = "/Users?filter=emails.value+eq+%22jane@agency.example%22";
    assert_eq!(world.ask("GET", by_email, None).1["scimType"], "invalidFilter");
    world.switches.scim.heeds_queries = false;
    let (_, body) = world.ask("GET", "/Users?startIndex=3&filter=userName+eq+%22nobody%22", None);
    assert_eq!((&body["totalResults"], &body["Resources"][0]["id"]), (&json!(3), &json!("u1")));
    assert_eq!(world.ask("GET", "/Users/nobody", None).0, 404);
    assert_eq!(world.ask("GET", "/nowhere", None).0, 404);
    assert_eq!(world.ask("GET", "/ServiceProviderConfig", None).1["patch"]["supported"], true);
}

#[test]
fn deactivation_reaches_the_member_and_comes_back() {
    for (off, on) in [
        (json!({"op": "replace", "path": "active", "value": false}), json!(true)),
        (json!({"op": "Replace", "path": "active", "value": "False"}), json!("True")),
        (json!({"op": "replace", "value": {"active": false}}), json!(true)),
    ] {
        let mut world = world();
        let (status, body) = world.patch("/Users/u1", &off);
        assert_eq!((status, &body["active"]), (200, &json!(false)));
        assert!(!world.tenant.mixpanel.members[VICTIM].active);
        let ended = |world: &World| {
            world
                .tenant
                .mixpanel
                .sessions
                .values()
                .filter(|session| session.email == VICTIM)
                .all(|session| session.ends_ms == Some(500))
        };
        assert!(ended(&world));
        assert_eq!(world.patch("/Users/u1", &json!({"op": "replace", "path": "active", "value": on})).0, 200);
        assert!(world.tenant.mixpanel.members[VICTIM].active);
    }
}

#[test]
fn switches_decide_what_no_document_does() {
    let mut world = world();
    world.switches.scim.patch_answers_body = false;
    world.switches.scim.strict_booleans = true;
    world.switches.scim.deactivation_ends_sessions = false;
    let text = json!({"op": "replace", "path": "active", "value": "False"});
    assert_eq!(world.patch("/Users/u1", &text).1["scimType"], "invalidValue");
    assert!(world.tenant.mixpanel.members[VICTIM].active);
    let off = json!({"op": "replace", "path": "active", "value": false});
    assert_eq!(world.patch("/Users/u1", &off), (204, Value::Null));
    let alive = world.tenant.mixpanel.sessions.values().filter(|session| session.ends_ms.is_none()).count();
    assert_eq!(alive, 2, "nobody's session has ended");
    assert_eq!(world.patch("/Users/u3", &off).0, 403, "the domain is not claimed");
    world.switches.scim.refuse_unclaimed = false;
    assert_eq!(world.patch("/Users/u3", &off).0, 204);
}

#[test]
fn what_is_wrong_changes_nothing() {
    let mut world = world();
    for (operation, kind) in [
        (json!({"op": "replace", "path": "active", "value": "maybe"}), "invalidValue"),
        (json!({"op": "nonsense", "path": "active", "value": false}), "invalidValue"),
        (json!({"op": "replace", "path": "nosuch", "value": false}), "invalidPath"),
        (json!({"op": "replace", "path": "active"}), "invalidValue"),
        (json!({"op": "remove"}), "noTarget"),
    ] {
        let both = json!({"Operations": [{"op": "replace", "path": "active", "value": false}, operation]});
        let (status, body) = world.ask("PATCH", "/Users/u1", Some(&both));
        assert_eq!((status, &body["scimType"]), (400, &json!(kind)), "{operation}");
    }
    assert_eq!(world.ask("PATCH", "/Users/u1", Some(&json!({"Operations": []}))).0, 400);
    assert!(world.tenant.scim.users["u1"].active && world.tenant.mixpanel.members[VICTIM].active);
}

#[test]
fn a_change_that_expects_another_version_is_refused() {
    let mut world = world();
    let body = json!({"Operations": [{"op": "replace", "path": "active", "value": false}]});
    let request = |expected: &str| {
        Request::new("PATCH", "/Users/u1")
            .with_header("authorization", &format!("Bearer {TOKEN}"))
            .with_header("if-match", expected)
            .with_json(&body)
    };
    assert_eq!(world.send(&request("W/\"7\"")).status, 412);
    assert!(world.tenant.scim.users["u1"].active);
    let answer = world.send(&request("W/\"1\""));
    assert_eq!(answer.status, 200);
    assert!(answer.headers.contains(&("etag".to_owned(), "W/\"2\"".to_owned())));
    world.switches.scim.etags = false;
    assert_eq!(world.send(&request("W/\"7\"")).status, 200);
}

#[test]
fn groups_lose_and_regain_one_member_and_the_team_follows() {
    let mut world = world();
    let add = json!({"op": "add", "path": "members", "value": [{"value": "u1"}]});
    for remove in [
        json!({"op": "remove", "path": "members[value eq \"u1\"]"}),
        json!({"op": "Remove", "path": "members", "value": [{"value": "u1"}]}),
    ] {
        assert_eq!(world.patch("/Groups/g1", &remove).0, 200);
        assert_eq!(world.members(), ["u2"]);
        assert!(!world.tenant.mixpanel.teams[&7_001].members.contains(VICTIM));
        assert_eq!(world.patch("/Groups/g1", &add).0, 200);
        assert_eq!(world.members(), ["u1", "u2"]);
        assert!(world.tenant.mixpanel.teams[&7_001].members.contains(VICTIM));
    }
    let (_, body) = world.ask("GET", "/Groups?filter=members.value+eq+%22u2%22", None);
    assert_eq!(body["totalResults"], 1);
    world.switches.scim.remove_by_value = false;
    let by_value = json!({"op": "remove", "path": "members", "value": [{"value": "u1"}]});
    assert_eq!(world.patch("/Groups/g1", &by_value).0, 400);
    let stranger = json!({"op": "add", "path": "members", "value": [{"value": "nobody"}]});
    assert_eq!(world.patch("/Groups/g1", &stranger).0, 400);
    assert_eq!(world.patch("/Groups/g1", &json!({"op": "remove", "path": "members"})).0, 200);
    assert!(world.members().is_empty());
}

#[test]
fn people_are_made_replaced_and_destroyed() {
    let mut world = world();
    let fresh = json!({"userName": "new@acme.example", "displayName": "New", "name": {"givenName": "N"}});
    let (status, body) = world.ask("POST", "/Users", Some(&fresh));
    assert_eq!(status, 201);
    assert_eq!(world.tenant.mixpanel.members["new@acme.example"].name, "New");
    assert_eq!(world.ask("POST", "/Users", Some(&fresh)).1["scimType"], "uniqueness");
    assert_eq!(world.ask("POST", "/Users", Some(&json!({}))).0, 400);
    let id = body["id"].as_str().unwrap().to_owned();
    let bare = json!({"userName": "new@acme.example", "active": false});
    assert_eq!(world.ask("PUT", &format!("/Users/{id}"), Some(&bare)).1["displayName"], Value::Null);
    assert!(!world.tenant.mixpanel.members["new@acme.example"].active);
    assert_eq!(world.ask("DELETE", "/Users/u1", None).0, 204);
    assert!(!world.tenant.mixpanel.members.contains_key(VICTIM));
    assert_eq!(world.members(), ["u2"]);
    assert_eq!(world.ask("DELETE", "/Users/u1", None).0, 404);
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|POST|PUT|PATCH|DELETE|X",
        path in "/(Users|Groups)(/(u1|g1|\\PC{0,5}))?(\\?(filter|count|startIndex)=[-0-9a-z%+]{0,30})?|/\\PC{0,30}",
        body in r#"\{"Operations":\[\{"op":"(add|remove|replace)","path":"(active|members|members\[[a-z "]{0,9}\]|name\.x|\PC{0,9})","value":(true|\[\]|\{\}|\{"active":1\}|"x")\}\]\}|\{"userName":"\PC{0,9}"\}|\PC{0,20}"#,
    ) {
        let mut world = world();
        let mut request = Request::new(&method, &path).with_header("authorization", &format!("Bearer {TOKEN}"));
        request.body = body.into_bytes();
        let answer = world.send(&request);
        prop_assert!((200..500).contains(&answer.status));
    }
}
