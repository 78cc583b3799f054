use std::time::Duration;

use super::super::Switches;
use super::*;
use crate::event::time::Timestamp;

fn ask(tenant: &mut Tenant, token: &str, statement: &str) -> (u16, Value) {
    let switches = Switches::default();
    let wall = Timestamp { nanos: 1_792_803_720_000_000_000, digits: 3 };
    let moment = Moment { now: Duration::ZERO, wall, switches: &switches };
    let body = json!({ "statement": statement });
    let request = Request::new("POST", "/api/v2/statements").with_json(&body);
    let request = request.with_header("authorization", &format!("Bearer {token}"));
    let answer = Snowflake.handle(tenant, &request, &moment);
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn tenant() -> (Tenant, String) {
    let mut tenant = Tenant::example(7);
    Snowflake.example(&mut tenant);
    let token = tenant.snowflake.token.clone();
    (tenant, token)
}

#[test]
fn a_user_is_described_disabled_and_dropped_by_its_exact_name() {
    let (mut tenant, token) = tenant();
    let (status, answer) = ask(&mut tenant, &token, "DESCRIBE USER \"MIXPANEL_LOADER\"");
    assert_eq!((status, &answer["data"][2]), (200, &json!(["DISABLED", "false"])));
    assert_eq!(ask(&mut tenant, &token, "ALTER USER \"mixpanel_loader\" SET DISABLED = TRUE").0, 422);
    assert_eq!(ask(&mut tenant, &token, "ALTER USER mixpanel_loader SET DISABLED = TRUE").0, 200);
    assert!(tenant.snowflake.users["MIXPANEL_LOADER"].disabled);
    tenant.snowflake.users.get_mut("MIXPANEL_LOADER").unwrap().queries = 3;
    let runs = |tenant: &Tenant| {
        Snowflake.flows(tenant).iter().any(|flow| flow.name == "MIXPANEL_LOADER" && flow.runs)
    };
    assert!(runs(&tenant), "its queries go on");
    assert_eq!(ask(&mut tenant, &token, "ALTER USER MIXPANEL_LOADER ABORT ALL QUERIES").0, 200);
    assert!(!runs(&tenant));
    assert_eq!(ask(&mut tenant, &token, "DROP USER MIXPANEL_LOADER").0, 200);
    assert_eq!(ask(&mut tenant, &token, "DESC USER MIXPANEL_LOADER").0, 422);
}

#[test]
fn only_descriptions_change_nothing() {
    let changes = |statement: &str| {
        Snowflake.changes(
            &Request::new("POST", "/api/v2/statements").with_json(&json!({ "statement": statement })),
        )
    };
    assert!(!changes("DESC USER x") && !changes("SHOW USERS"));
    assert!(changes("DROP USER x") && changes("whatever"));
}

#[test]
fn nobody_gets_in_without_the_token() {
    let (mut tenant, token) = tenant();
    assert_eq!(ask(&mut tenant, &token, "SHOW USERS LIMIT 1").0, 200);
    assert_eq!(ask(&mut tenant, "other", "SHOW USERS LIMIT 1").0, 401);
    tenant.snowflake.token.clear();
    assert_eq!(ask(&mut tenant, "", "SHOW USERS LIMIT 1").0, 401);
}
