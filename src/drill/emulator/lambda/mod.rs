//! AWS Lambda: configurations of functions with their environment variables, updates that take time, aliases, signatures and
//! policies.
//!
//! Paths, statuses and shapes are those of the API reference. An update is in progress for a while, in which invocations go to
//! the configuration before, and none other is taken. How long that is, whether the revision changes once more at its end, and
//! what is shown after one that failed, no page says: switches.

mod functions;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::aws::sign;
use super::aws::{Account, Aws, Key, REGION, Refusal, refusal};
use super::{Answer, Client, Moment, Place, Request, Service, Tenant};

pub use functions::{Alias, Function};

/// The kind of consumer that it serves, and so the name of its instance.
const KIND: &str = "aws-lambda";
/// How the names of the two variables of a credential end.
const ENDS: [&str; 2] = ["_USERNAME", "_SECRET"];
/// The function of an example.
const JOBS: &str = "nightly-jobs";

/// Its part of the tenant: one account in one region.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The region; blank where there is no such account.
    pub region: String,
    /// Access keys by their identifiers.
    pub keys: BTreeMap<String, Key>,
    /// Functions by name.
    pub functions: BTreeMap<String, Function>,
}

/// See the module.
pub struct Lambda;

impl Service for Lambda {
    fn name(&self) -> &'static str {
        "lambda"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        match reply(&mut tenant.lambda, request, moment) {
            Ok(body) => Answer::json(200, &body),
            Err(Refusal { code, message }) => {
                let status = match code {
                    "ResourceNotFoundException" | "UnknownOperationException" => 404,
                    "ResourceConflictException" => 409,
                    "PreconditionFailedException" => 412,
                    "InvalidParameterValueException" | "SerializationException" => 400,
                    // What stands before the service refuses with this.
                    _ => 403,
                };
                Answer::json(status, &json!({ "Type": "User", "message": message }))
                    .header("x-amzn-errortype", &format!("{code}:http://internal.amazon.com/coral/"))
            }
        }
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        let account = Account { region: &tenant.lambda.region, keys: &tenant.lambda.keys };
        if kind == KIND { account.client() } else { None }
    }

    /// Nobody but the responders has a key.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    /// A function with every credential that consumers use, which are stored in Secrets Manager.
    fn example(&self, tenant: &mut Tenant) {
        Aws.example(tenant);
        let key = Key::drawn(&mut tenant.draws);
        let mut variables = BTreeMap::from([
            ("REGION".to_owned(), "eu".to_owned()),
            ("WAREHOUSE_TOKEN".to_owned(), tenant.draws.secret()),
        ]);
        for entry in Aws.entries(tenant) {
            let mut accounts = tenant.mixpanel.service_accounts.values();
            let Some(account) = accounts.find(|account| account.username == entry.username) else { continue };
            let start = format!("MIXPANEL_{}", entry.path.rsplit('/').next().unwrap_or_default());
            let values = [account.username.clone(), account.secret.clone()];
            variables.extend(ENDS.map(|end| format!("{start}{end}")).into_iter().zip(values));
        }
        let functions = [(JOBS.to_owned(), Function::new(variables))].into();
        tenant.lambda = State { region: REGION.to_owned(), keys: [key].into(), functions };
    }

    fn places(&self, tenant: &Tenant) -> Vec<Place> {
        tenant.lambda.functions.iter().flat_map(|(name, function)| places(name, function.running())).collect()
    }

    fn volatile(&self) -> &'static [&'static str] {
        // What runs follows what is shown, later than the request.
        &["functions.*.revision", "functions.*.status", "functions.*.running"]
    }
}

/// Each pair of variables that holds a credential.
fn places(function: &str, variables: &BTreeMap<String, String>) -> Vec<Place> {
    let names = |name: &str| name.strip_suffix(ENDS[0]).map(|start| ENDS.map(|end| format!("{start}{end}")));
    let pairs: Vec<[String; 2]> = variables.keys().filter_map(|name| names(name)).collect();
    let mut others = variables.clone();
    others.retain(|name, _| !pairs.iter().flatten().any(|own| own == name));
    let place = |names: [String; 2]| {
        let [username, secret] = [&names[0], &names[1]].map(|name| variables.get(name).cloned());
        let holds = [username?, secret?];
        Some(Place { system: KIND, place: function.to_owned(), names, holds, others: others.clone() })
    };
    pairs.into_iter().filter_map(place).collect()
}

fn reply(state: &mut State, request: &Request, moment: &Moment<'_>) -> Result<Value, Refusal> {
    let key = sign::verify(Account { region: &state.region, keys: &state.keys }, "lambda", request, moment)?;
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (name, action) = match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["2015-03-31", "functions", name, "configuration"]) => (*name, "GetFunctionConfiguration"),
        ("PUT", ["2015-03-31", "functions", name, "configuration"]) => (*name, "UpdateFunctionConfiguration"),
        ("GET", ["2015-03-31", "functions", name, "aliases"]) => (*name, "ListAliases"),
        _ => return Err(refusal("UnknownOperationException", "Unknown operation")),
    };
    let arn = format!("arn:aws:lambda:{}:123456789012:function:{name}", state.region);
    if !key.may(action, name) {
        return Err(refusal(
            "AccessDeniedException",
            format!(
                "User: arn:aws:iam::123456789012:user/portcullis is not authorized to perform: lambda:{action} on \
                 resource: {arn} because no identity-based policy allows the lambda:{action} action"
            ),
        ));
    }
    let missing = || refusal("ResourceNotFoundException", format!("Function not found: {arn}"));
    let function = state.functions.get_mut(name).ok_or_else(missing)?;
    function.settle(moment);
    match action {
        "GetFunctionConfiguration" => Ok(function.shown(name, &arn)),
        "ListAliases" => Ok(function.listed(&arn, request.parameter("Marker"))),
        _ => {
            let body = request.json().unwrap_or_default();
            let body = body.as_object().ok_or_else(|| refusal("SerializationException", "no JSON object"))?;
            function.update(&arn, body, moment)?;
            Ok(function.shown(name, &arn))
        }
    }
}

#[cfg(test)]
mod tests;
