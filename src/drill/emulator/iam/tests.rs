use super::*;

fn act_as(state: &mut State, key: &Key, fields: &[(&str, &str)]) -> Result<String, &'static str> {
    let form: Vec<(String, String)> =
        fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    act(state, key, &form).map_err(|refusal| refusal.code)
}

fn state() -> (State, Key) {
    let mut tenant = Tenant::example(7);
    Iam.example(&mut tenant);
    let key = tenant.iam.keys.values().next().unwrap().clone();
    (tenant.iam, key)
}

const ROLE: (&str, &str) = ("RoleName", "mixpanel-export");
const NAME: (&str, &str) = ("PolicyName", "p");

#[test]
fn a_policy_is_put_read_and_deleted_and_the_others_stay() {
    let (mut state, key) = state();
    let before = state.roles["mixpanel-export"].policies.clone();
    let mut ask = |action, more: &[(&str, &str)]| {
        act_as(&mut state, &key, &[&[("Action", action), ROLE, NAME], more].concat())
    };
    assert_eq!(ask("GetRolePolicy", &[]), Err("NoSuchEntity"));
    assert_eq!(ask("PutRolePolicy", &[("PolicyDocument", "{")]), Err("MalformedPolicyDocument"));
    let document = r#"{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    assert!(ask("PutRolePolicy", &[("PolicyDocument", document)]).is_ok());
    // What is read back is percent-encoded.
    let read = ask("GetRolePolicy", &[]).unwrap();
    assert!(read.contains("<PolicyDocument>%7B%22Statement%22"), "{read}");
    assert!(ask("DeleteRolePolicy", &[]).is_ok());
    assert_eq!(ask("DeleteRolePolicy", &[]), Err("NoSuchEntity"));
    assert_eq!(state.roles["mixpanel-export"].policies, before);
}

#[test]
fn a_denial_of_everything_alone_stops_a_role() {
    let (mut state, _) = state();
    let role = state.roles.get_mut("mixpanel-export").unwrap();
    let denial = json!({ "Effect": "Deny", "Action": "*", "Resource": "*" });
    let mut narrow = denial.clone();
    narrow["Condition"] = json!({ "Bool": { "aws:SecureTransport": "false" } });
    role.policies.insert("p".to_owned(), json!({ "Statement": [narrow] }));
    assert!(role.may_act());
    role.policies.insert("p".to_owned(), json!({ "Statement": [denial] }));
    assert!(!role.may_act());
}

#[test]
fn a_key_does_what_it_may() {
    let (mut state, mut key) = state();
    key.actions = vec!["GetRole".to_owned()];
    assert!(act_as(&mut state, &key, &[("Action", "GetRole"), ROLE]).is_ok());
    assert_eq!(act_as(&mut state, &key, &[("Action", "DeleteRolePolicy"), ROLE, NAME]), Err("AccessDenied"));
    let other = ("RoleName", "other");
    assert_eq!(act_as(&mut state, &key, &[("Action", "GetRole"), other]), Err("NoSuchEntity"));
}
