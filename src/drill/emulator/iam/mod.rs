//! AWS IAM: roles with their inline policies, by its query protocol, signatures and policies of the caller.
//!
//! Actions, statuses and shapes are those of the API reference. A policy holds at once; AWS says that it may take minutes.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Value, json};

use super::aws::sign;
use super::aws::{Account, Key, Refusal, refusal};
use super::{Answer, Client, Flow, Moment, Request, Service, Tenant};

/// The kind that it serves, and so the name of its instance.
const KIND: &str = "aws-iam";
/// Who set up what the account has nothing to do with.
const SOMEBODY_ELSE: &str = "warehouse@acme.example";
/// Where signatures of the global endpoint are for.
const REGION: &str = "us-east-1";

/// Its part of the tenant: one account.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The region of signatures; blank where there is no such account.
    pub region: String,
    /// Access keys by their identifiers.
    pub keys: BTreeMap<String, Key>,
    /// Roles by name.
    pub roles: BTreeMap<String, Role>,
}

/// A role that the vendor assumes.
#[derive(Clone, Default, Serialize)]
pub struct Role {
    /// E-mail of whoever set up what uses it.
    pub by: String,
    /// Inline policies by name.
    pub policies: BTreeMap<String, Value>,
}

impl Role {
    /// Whether its sessions may do something, as far as its own policies say.
    fn may_act(&self) -> bool {
        let statements = self.policies.values().filter_map(|policy| policy.get("Statement")?.as_array());
        let denies_all = |statement: &Value| {
            let is = |key: &str, value: &str| statement.get(key).and_then(Value::as_str) == Some(value);
            is("Effect", "Deny")
                && is("Action", "*")
                && is("Resource", "*")
                && statement.get("Condition").is_none()
        };
        !statements.flatten().any(denies_all)
    }
}

/// See the module.
pub struct Iam;

impl Service for Iam {
    fn name(&self) -> &'static str {
        "iam"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        match reply(&mut tenant.iam, request, moment) {
            Ok(body) => Answer::text(200, "text/xml", body),
            Err(Refusal { code, message }) => {
                let status = match code {
                    "NoSuchEntity" => 404,
                    "ValidationError" | "MalformedPolicyDocument" | "InvalidAction" => 400,
                    _ => 403,
                };
                let body = format!(
                    "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
                     <Code>{code}</Code><Message>{}</Message></Error><RequestId>e</RequestId></ErrorResponse>",
                    escaped(&message)
                );
                Answer::text(status, "text/xml", body)
            }
        }
    }

    fn changes(&self, request: &Request) -> bool {
        field(&request.form(), "Action").is_none_or(|action| !action.starts_with("Get"))
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        let account = Account { region: &tenant.iam.region, keys: &tenant.iam.keys };
        if kind == KIND { account.client() } else { None }
    }

    /// Nobody but the responders has a key.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    /// One role behind what the account has set up, and one behind what somebody else has.
    fn example(&self, tenant: &mut Tenant) {
        let key = Key::drawn(&mut tenant.draws);
        let account = tenant.attacker.email.clone();
        let role = |(name, by): (&str, &str)| {
            let allowed =
                json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::export/*" });
            let policy = json!({ "Version": "2012-10-17", "Statement": [allowed] });
            let policies = [("write".to_owned(), policy)].into();
            (name.to_owned(), Role { by: by.to_owned(), policies })
        };
        let roles =
            [("mixpanel-export", account.as_str()), ("mixpanel-schema", SOMEBODY_ELSE)].map(role).into();
        tenant.iam = State { region: REGION.to_owned(), keys: [key].into(), roles };
    }

    fn flows(&self, tenant: &Tenant) -> Vec<Flow> {
        let flow = |(name, role): (&String, &Role)| Flow {
            system: KIND,
            name: name.clone(),
            username: None,
            by: Some(role.by.clone()),
            runs: role.may_act(),
        };
        tenant.iam.roles.iter().map(flow).collect()
    }
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn reply(state: &mut State, request: &Request, moment: &Moment<'_>) -> Result<String, Refusal> {
    let account = Account { region: &state.region, keys: &state.keys };
    let key = sign::verify(account, "iam", request, moment).map_err(in_query_s_words)?;
    let form = request.form();
    if request.method != "POST" || field(&form, "Version") != Some("2010-05-08") {
        return Err(refusal("InvalidAction", "Could not find the operation for that version"));
    }
    act(state, &key, &form)
}

fn act(state: &mut State, key: &Key, form: &[(String, String)]) -> Result<String, Refusal> {
    let action = field(form, "Action").unwrap_or_default();
    let invalid = |what: &str| refusal("ValidationError", format!("1 validation error detected: {what}"));
    let name = field(form, "RoleName").ok_or_else(|| invalid("'roleName'"))?;
    if !key.may(action, name) {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/portcullis is not authorized to perform: iam:{action} on resource: role {name}"
        );
        return Err(refusal("AccessDenied", message));
    }
    let missing = |message: String| refusal("NoSuchEntity", message);
    let role = state.roles.get_mut(name);
    let role = role.ok_or_else(|| missing(format!("The role with name {name} cannot be found.")))?;
    if action == "GetRole" {
        let arn = format!("arn:aws:iam::123456789012:role/{name}");
        let role = format!("<Role><Path>/</Path><Arn>{arn}</Arn><RoleName>{name}</RoleName></Role>");
        return Ok(answer(action, Some(&role)));
    }
    let policy = field(form, "PolicyName").ok_or_else(|| invalid("'policyName'"))?;
    let unknown = || missing(format!("The role policy with name {policy} cannot be found."));
    match action {
        "GetRolePolicy" => {
            let document = role.policies.get(policy).ok_or_else(unknown)?.to_string();
            let document = utf8_percent_encode(&document, NON_ALPHANUMERIC);
            let parts = format!(
                "<RoleName>{name}</RoleName><PolicyName>{}</PolicyName><PolicyDocument>{document}</PolicyDocument>",
                escaped(policy)
            );
            Ok(answer(action, Some(&parts)))
        }
        "PutRolePolicy" => {
            let document = field(form, "PolicyDocument").and_then(|text| serde_json::from_str(text).ok());
            let document: Option<Value> = document.filter(Value::is_object);
            let document =
                document.ok_or_else(|| refusal("MalformedPolicyDocument", "Syntax errors in policy."))?;
            role.policies.insert(policy.to_owned(), document);
            Ok(answer(action, None))
        }
        "DeleteRolePolicy" => {
            role.policies.remove(policy).ok_or_else(unknown)?;
            Ok(answer(action, None))
        }
        _ => Err(refusal("InvalidAction", format!("Could not find operation {action}"))),
    }
}

fn answer(action: &str, result: Option<&str>) -> String {
    let result = result.map_or_else(String::new, |parts| format!("<{action}Result>{parts}</{action}Result>"));
    format!(
        "<{action}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">{result}<ResponseMetadata><RequestId>r\
         </RequestId></ResponseMetadata></{action}Response>"
    )
}

/// The query protocol calls refusals of signatures otherwise.
fn in_query_s_words(Refusal { code, message }: Refusal) -> Refusal {
    let code = match code {
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "IncompleteSignatureException" => "IncompleteSignature",
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        other => other,
    };
    Refusal { code, message }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
