use std::time::Duration;

use super::super::Switches;
use super::*;
use crate::event::time::Timestamp;

struct World {
    tenant: Tenant,
    switches: Switches,
    now: Duration,
    token: String,
}

impl World {
    /// The example, signed in.
    fn new(change: impl FnOnce(&mut Switches)) -> Self {
        let mut tenant = Tenant::example(7);
        Tableau.example(&mut tenant);
        let mut switches = Switches::default();
        change(&mut switches);
        let mut world = Self { tenant, switches, now: Duration::ZERO, token: String::new() };
        world.sign_in();
        world
    }

    fn sign_in(&mut self) {
        let answer = self.asks("POST", "/api/3.24/auth/signin", &signing(&self.tenant, "acme"));
        assert_eq!(answer.0, 200);
        answer.1["credentials"]["token"].as_str().unwrap().clone_into(&mut self.token);
    }

    fn asks(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let wall = Timestamp { nanos: 1_792_803_720_000_000_000, digits: 3 };
        let moment = Moment { now: self.now, wall, switches: &self.switches };
        let request = Request::new(method, path).with_json(body);
        let request =
            if self.token.is_empty() { request } else { request.with_header("X-Tableau-Auth", &self.token) };
        let answer = Tableau.handle(&mut self.tenant, &request, &moment);
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    fn below(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.asks(method, &format!("/api/3.24/sites/{SITE}/{path}"), body)
    }
}

fn signing(tenant: &Tenant, site: &str) -> Value {
    let (name, secret) = tenant.tableau.tokens.first_key_value().unwrap();
    json!({ "credentials": {
        "personalAccessTokenName": name, "personalAccessTokenSecret": secret, "site": { "contentUrl": site },
    } })
}

/// The first data source, and its connection.
fn first(world: &World) -> (String, Connection) {
    let (name, content) = world.tenant.tableau.contents.first_key_value().unwrap();
    let (id, connection) = content.connections.first_key_value().unwrap();
    (format!("{name}/connections/{id}"), connection.clone())
}

fn content(place: &str) -> &str {
    place.split_once("/connections").unwrap().0
}

#[test]
fn a_token_has_one_session_at_a_time_which_ends() {
    let mut world = World::new(|_| {});
    let (place, _) = first(&world);
    let connections = format!("{}/connections", content(&place));
    let before = world.token.clone();
    world.sign_in();
    assert_eq!(world.below("GET", &connections, &Value::Null).0, 200);
    let now = std::mem::replace(&mut world.token, before);
    let (status, error) = world.below("GET", &connections, &Value::Null);
    assert_eq!((status, error["error"]["code"].as_str()), (401, Some("401002")));
    world.token = now;
    world.now = Duration::from_hours(2);
    assert_eq!(world.below("GET", &connections, &Value::Null).0, 401);
    world.token.clear();
    let (status, error) = world.below("GET", &connections, &Value::Null);
    assert_eq!((status, error["error"]["code"].as_str()), (401, Some("401000")));
    for (body, status) in [
        (signing(&world.tenant, "other"), 401),
        (json!({ "credentials": { "personalAccessTokenName": "portcullis" } }), 400),
        (json!([]), 400),
    ] {
        assert_eq!(world.asks("POST", "/api/3.24/auth/signin", &body).0, status, "{body}");
    }
    let sign_in = Request::new("POST", "/api/3.24/auth/signin");
    assert!(
        !Tableau.changes(&sign_in) && Tableau.changes(&Request::new("POST", "/api/3.24/sites/s/x/refresh"))
    );
}

#[test]
fn an_update_sets_what_it_names_and_no_answer_has_the_password() {
    let mut world = World::new(|_| {});
    let (place, before) = first(&world);
    let new = json!({ "connection": { "password": "CANARYnew", "embedPassword": true } });
    let (status, shown) = world.below("PUT", &place, &new);
    assert!(status == 200 && !shown.to_string().contains("CANARYnew"), "{shown}");
    let (_, after) = first(&world);
    assert_eq!(
        (&after.username, after.password.as_str(), after.embeds),
        (&before.username, "CANARYnew", true)
    );
    for body in [json!({ "connection": { "userName": 1, "password": "x" } }), json!([]), json!({})] {
        assert_eq!(world.below("PUT", &place, &body).0, 400, "{body}");
    }
    assert_eq!(first(&world).1.password, "CANARYnew");
    world.below("PUT", &place, &json!({ "connection": { "embedPassword": false } }));
    assert_eq!((first(&world).1.password.as_str(), first(&world).1.embeds), ("", false));
    let mut world = World::new(|switches| switches.tableau.embeds_when_told = true);
    world.below("PUT", &place, &json!({ "connection": { "password": "CANARYnew" } }));
    assert_eq!(first(&world).1.password, "");
}

#[test]
fn a_refresh_is_a_job_that_tells_whether_every_connection_gets_in() {
    for as_text in [false, true] {
        let mut world = World::new(|switches| switches.tableau.as_text = as_text);
        let (place, before) = first(&world);
        let path = format!("{}/refresh", content(&place));
        let run = |world: &mut World| {
            let (status, begun) = world.below("POST", &path, &json!({}));
            assert_eq!(status, 202, "{begun}");
            let job = format!("jobs/{}", begun["job"]["id"].as_str().unwrap());
            let (_, job_now) = world.below("GET", &job, &Value::Null);
            assert!(
                job_now["job"].get("finishCode").is_none() && job_now["job"].get("completedAt").is_none()
            );
            let (status, error) = world.below("POST", &path, &json!({}));
            assert_eq!((status, error["error"]["code"].as_str()), (409, Some("409093")));
            world.now += Duration::from_millis(20);
            world.below("GET", &job, &Value::Null).1["job"].clone()
        };
        let good = run(&mut world);
        assert_eq!(good["finishCode"], if as_text { json!("0") } else { json!(0) });
        assert!(good["completedAt"].is_string());
        world.below("PUT", &place, &json!({ "connection": { "password": format!("{}x", before.password) } }));
        assert_eq!(run(&mut world)["finishCode"], if as_text { json!("1") } else { json!(1) });
    }
}

#[test]
fn what_is_live_is_not_refreshed_and_says_so_where_it_does() {
    for tells in [true, false] {
        let mut world = World::new(|switches| switches.tableau.tells_extracts = tells);
        let (place, _) = first(&world);
        let name = content(&place).to_owned();
        world.tenant.tableau.contents.get_mut(&name).unwrap().extract = false;
        let shown = world.below("GET", &name, &Value::Null).1;
        assert_eq!(shown["datasource"]["hasExtracts"], if tells { json!(false) } else { Value::Null });
        let (status, error) = world.below("POST", &format!("{name}/refresh"), &json!({}));
        assert_eq!((status, error["error"]["code"].as_str()), (409, Some("409090")));
        assert!(world.tenant.tableau.jobs.is_empty());
    }
    let mut world = World::new(|_| {});
    for path in ["datasources/x", "workbooks/x/connections", "jobs/x", "flows/x", "datasources"] {
        assert_eq!(world.below("GET", path, &Value::Null).0, 404, "{path}");
    }
}
