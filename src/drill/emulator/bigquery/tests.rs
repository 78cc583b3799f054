use super::*;

const PATH: &str = "/bigquery/v2/projects/acme-warehouse/datasets/raw_events?accessPolicyVersion=3";

fn tenant() -> Tenant {
    let mut tenant = Tenant::example(7);
    BigQuery.example(&mut tenant);
    tenant
}

fn ask(
    state: &mut State,
    method: &str,
    target: &str,
    etag: Option<&str>,
    body: &Value,
) -> Result<Value, u16> {
    let bearer = format!("Bearer {}", state.token);
    let mut request = Request::new(method, target).with_header("authorization", &bearer).with_json(body);
    if let Some(etag) = etag {
        request = request.with_header("if-match", etag);
    }
    let answer = reply(state, &request).map_err(|(code, _, _)| code)?;
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

#[test]
fn a_list_is_replaced_whole_and_only_where_it_is_still_what_was_read() {
    let mut state = tenant().bigquery;
    let read = ask(&mut state, "GET", PATH, None, &Value::Null).unwrap();
    let etag = read["etag"].as_str().unwrap();
    let owner = json!({ "role": "OWNER", "userByEmail": "x@acme.example" });
    let body = json!({ "access": [owner] });
    let changed = ask(&mut state, "PATCH", PATH, Some(etag), &body).unwrap();
    assert_eq!(changed["access"], body["access"]);
    assert!(!state.datasets["raw_events"].lets_in());
    assert_eq!(ask(&mut state, "PATCH", PATH, Some(etag), &body), Err(412));
    for wrong in [json!({ "access": [] }), json!({ "access": ["x"] }), json!([])] {
        assert_eq!(ask(&mut state, "PATCH", PATH, None, &wrong), Err(400));
    }
}

#[test]
fn conditions_are_shown_in_version_3_alone() {
    let mut state = tenant().bigquery;
    let plain = PATH.split('?').next().unwrap();
    assert_eq!(ask(&mut state, "GET", plain, None, &Value::Null), Err(400));
    assert!(ask(&mut state, "GET", &plain.replace("raw_events", "schema"), None, &Value::Null).is_ok());
}

#[test]
fn nobody_gets_in_without_the_token_or_into_another_project() {
    let mut state = tenant().bigquery;
    let other = PATH.replace("acme-warehouse", "other");
    assert_eq!(ask(&mut state, "GET", &other, None, &Value::Null), Err(404));
    let request = Request::new("GET", PATH).with_header("authorization", "Bearer other");
    assert!(matches!(reply(&mut state, &request), Err((401, _, _))));
}
