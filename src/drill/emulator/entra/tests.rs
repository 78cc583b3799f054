use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::drill::emulator::Switches;
use crate::drill::emulator::tenant::differences;
use crate::event::time::Timestamp;
use crate::synth::people::VICTIM;

const JANE: &str = "6e7b768e-07e2-4810-8459-485f84f8f204";

struct World {
    tenant: Tenant,
    switches: Switches,
    millis: u64,
    token: String,
}

fn world() -> World {
    let mut tenant = Tenant::example(7);
    Entra.example(&mut tenant);
    let token = tenant.entra.tokens.keys().next().unwrap().clone();
    World { tenant, switches: Switches::default(), millis: 1_000, token }
}

impl World {
    fn moment(&self) -> Moment<'_> {
        let wall = Timestamp { nanos: 1_792_803_720_000_000_000, digits: 3 };
        Moment { now: Duration::from_millis(self.millis), wall, switches: &self.switches }
    }

    fn send(&mut self, request: &Request) -> Answer {
        let switches = self.switches.clone();
        let moment = Moment { switches: &switches, ..self.moment() };
        Entra.handle(&mut self.tenant, request, &moment)
    }

    fn ask(&mut self, method: &str, target: &str, body: Option<&Value>) -> (u16, Value) {
        let request = Request::new(method, &format!("/v1.0/{target}"));
        let mut request = request.with_header("authorization", &format!("Bearer {}", self.token));
        if let Some(body) = body {
            request = request.with_json(body);
        }
        let answer = self.send(&request);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn sign_in(&mut self) -> bool {
        let switches = self.switches.clone();
        let moment = Moment { switches: &switches, ..self.moment() };
        Entra.signs_in(&mut self.tenant, VICTIM, &moment)
    }
}

#[test]
fn tokens_and_their_permissions_are_checked() {
    let mut world = world();
    assert_eq!(world.ask("GET", "me", None).0, 400, "an application is nobody");
    let token = world.token.clone();
    world.tenant.entra.tokens.get_mut(&token).unwrap().permissions = ["User.Read.All".to_owned()].into();
    assert_eq!(world.ask("GET", "users", None).0, 200);
    let body = json!({ "accountEnabled": false });
    let (status, error) = world.ask("PATCH", &format!("users/{JANE}"), Some(&body));
    assert_eq!((status, &error["error"]["code"]), (403, &json!("Authorization_RequestDenied")));
    world.token = "old".to_owned();
    let (status, error) = world.ask("GET", "users", None);
    assert_eq!((status, &error["error"]["code"]), (401, &json!("InvalidAuthenticationToken")));
}

#[test]
fn without_ref_the_user_is_deleted() {
    let mut world = world();
    let before = world.tenant.clone();
    let path = format!("groups/group-mixpanel/members/{JANE}");
    assert_eq!(world.ask("DELETE", &format!("{path}/$ref"), None).0, 204);
    assert_eq!(world.ask("DELETE", &format!("{path}/$ref"), None).0, 404);
    assert!(world.tenant.entra.users.contains_key(JANE));
    let link = json!({ "@odata.id": format!("https://graph.example/v1.0/directoryObjects/{JANE}") });
    assert_eq!(world.ask("POST", "groups/group-mixpanel/members/$ref", Some(&link)).0, 204);
    assert_eq!(world.ask("POST", "groups/group-mixpanel/members/$ref", Some(&link)).0, 400);
    assert_eq!(differences(&before, &world.tenant), Vec::<String>::new());
    assert_eq!(world.ask("DELETE", "groups/group-rule/members/x/$ref", None).0, 400, "its rule decides");
    assert_eq!(world.ask("DELETE", &path, None).0, 204);
    assert!(!world.tenant.entra.users.contains_key(JANE));
}

#[test]
fn an_assignment_of_a_group_is_listed_with_its_members_and_goes_for_all() {
    let mut world = world();
    let rows = world.ask("GET", &format!("users/{JANE}/appRoleAssignments"), None).1;
    let kinds: Vec<&Value> =
        rows["value"].as_array().unwrap().iter().map(|row| &row["principalType"]).collect();
    assert_eq!(kinds, ["Group", "User", "Group"]);
    assert_eq!(world.ask("DELETE", &format!("users/{JANE}/appRoleAssignments/assignment-all"), None).0, 204);
    assert!(!world.tenant.entra.is_assigned(world.tenant.entra.mixpanel_app().unwrap(), "user-0"));
}

#[test]
fn sessions_count_from_the_revocation_on() {
    let mut world = world();
    world.switches.entra.block_lag_ms = 5_000;
    let body = json!({ "accountEnabled": false });
    assert_eq!(world.ask("PATCH", &format!("users/{JANE}"), Some(&body)).0, 204);
    world.millis = 2_000;
    assert_eq!(world.ask("POST", &format!("users/{JANE}/revokeSignInSessions"), None).1["value"], true);
    world.millis = 3_000;
    assert!(world.sign_in(), "the block does not hold everywhere yet");
    let ways = Entra.ways_in(&world.tenant, VICTIM, &world.moment());
    assert!(ways.contains(&"entra: a session counts".to_owned()), "{ways:?}");
    world.millis = 7_000;
    assert!(!world.sign_in());
    world.ask("POST", &format!("users/{JANE}/revokeSignInSessions"), None);
    let ways = Entra.ways_in(&world.tenant, VICTIM, &world.moment());
    assert!(!ways.contains(&"entra: a session counts".to_owned()), "{ways:?}");
}

#[test]
fn lists_come_in_pages_and_filters_are_read() {
    let mut world = world();
    world.switches.entra.page_size = 2;
    let (mut target, mut seen) = ("users?$select=id,mail".to_owned(), 0);
    loop {
        let (status, page) = world.ask("GET", &target, None);
        assert_eq!(status, 200);
        seen += page["value"].as_array().unwrap().len();
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        target = next.split_once("/v1.0/").unwrap().1.to_owned();
    }
    assert_eq!(seen, world.tenant.entra.users.len());
    let found = world.ask("GET", "users?$filter=mail%20eq%20'JANE@agency.example'", None).1;
    assert_eq!(found["value"][0]["id"], JANE);
    for wrong in ["mail%20eq%20jane", "mail", "age%20eq%20'7'", "mail%20eq%20'x'%20and%20mail%20eq%20'y'"] {
        let (status, found) = world.ask("GET", &format!("users?$filter={wrong}"), None);
        assert!(status == 400 || found["value"] == json!([]), "{wrong}: {found}");
    }
}

#[test]
fn made_up_directories_hold_together() {
    let mut shapes = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let mut tenant = Tenant::example(seed);
        Entra.made_up(&mut tenant, &mut crate::synth::rng::Rng::new(seed));
        let state = &tenant.entra;
        assert!(Entra.client("entra", &tenant, "").is_some(), "{seed}");
        let groups = state.groups.values().flat_map(|group| &group.members);
        let people = groups.chain(state.roles.values().flat_map(|role| &role.members));
        assert!(people.into_iter().all(|id| state.users.contains_key(id)), "{seed}");
        shapes.insert(
            state.find(VICTIM).map(|(_, user)| (user.enabled, user.guest, user.synced)).collect::<Vec<_>>(),
        );
    }
    assert!(shapes.len() > 8, "{shapes:?}");
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|POST|PUT|DELETE|PATCH",
        path in "(users|groups|directoryRoles|servicePrincipals|me)(/(6e7b768e-07e2-4810-8459-485f84f8f204|group-mixpanel|\\PC{0,5})){0,2}(/(members|memberOf|appRoleAssignments|\\$ref|\\PC{0,5})){0,3}(\\?\\$(filter|top|skiptoken|select)=[-0-9a-zA-Z%+']{0,20})?",
        body in r#"\{"(accountEnabled|@odata.id|principalId)":("x"|1|null|false|"/directoryObjects/x")\}|\PC{0,20}"#,
    ) {
        let mut world = world();
        let mut request = Request::new(&method, &format!("/v1.0/{path}"));
        request = request.with_header("authorization", &format!("Bearer {}", world.token));
        request.body = body.into_bytes();
        let answer = world.send(&request);
        prop_assert!((200..500).contains(&answer.status));
    }
}
