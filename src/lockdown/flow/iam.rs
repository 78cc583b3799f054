//! Roles of AWS that the vendor assumes, to write to a bucket, say.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_disable-perms.html>
//!
//! An inline policy of the role that denies everything holds for sessions that there are and for those that are begun
//! later, since permissions are evaluated at each request and a denial outweighs every permission. It has a name of its own, so that
//! all else of the role stays; taking it away brings the role back.

use std::sync::Arc;

use async_trait::async_trait;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{FlowKind, Flows, Standing, refused};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::aws;
use crate::lockdown::consumer::Opening;
use crate::lockdown::http::{Body, Call, CallError, Stats, Transport};
use crate::lockdown::provider::{Check, CheckState, OpenError};

const SERVICE: &str = "iam";
/// The version of the API, which each request names.
const VERSION: &str = "2010-05-08";
/// The name of the policy.
const POLICY: &str = "PortcullisPause";
/// The longest name of a role.
const LONGEST: usize = 64;
/// A role that is asked for to see whether the key is taken; it need not be there.
const PROBE: &str = "portcullis";
const POLICY_ANSWER: &str = "GetRolePolicyResponse";
const ROLE_ANSWER: &str = "GetRoleResponse";

/// The kind.
pub const KIND: FlowKind = FlowKind {
    about: About {
        reads: &[
            "roles that the inventory names: whether they exist, and their inline policy PortcullisPause",
        ],
        changes: &[reversible(super::system::PAUSE, "flow")],
        needs: &["iam:GetRole, GetRolePolicy, PutRolePolicy and DeleteRolePolicy on the roles"],
        cannot: &[
            "showing when the denial holds everywhere: a few minutes, says AWS",
            "a check-and-set: a policy of the same name that somebody writes at the same moment is written over",
            "roles of services, and those that IAM Identity Center keeps, which take no policy",
        ],
    },
    spec: KindSpec {
        name: "aws-iam",
        title: "AWS IAM, roles that the vendor assumes (exports to S3)",
        base_url: Some("https://iam.amazonaws.com"),
        credential: aws::CREDENTIAL,
        settings: &[Setting {
            name: aws::REGION.name,
            about: "Region of the signatures; other partitions have their own.",
            value: SettingKind::Text,
            required: false,
            default: Some("us-east-1"),
            example: "us-gov-west-1",
        }],
    },
    open,
};

fn open(opening: Opening) -> Result<Arc<dyn Flows>, OpenError> {
    let Opening { name, settings, credential, transport } = opening;
    let transport = aws::signed(&transport, &settings, &credential, SERVICE)
        .map_err(|what| OpenError(format!("consumer {name}: {what}")))?;
    Ok(Arc::new(Iam { name, transport }))
}

struct Iam {
    name: String,
    transport: Transport,
}

impl Iam {
    /// The document of the policy; `None`: the role has none of the name.
    async fn policy(&self, role: &str) -> Result<Option<Value>, CallError> {
        let asked = call("GetRolePolicy", role, &[("PolicyName", POLICY)]).xml(POLICY_ANSWER);
        match self.transport.read(&asked).await {
            Ok(reply) => {
                let text = reply.element(&[POLICY_ANSWER, "GetRolePolicyResult", "PolicyDocument"])?;
                document(&text).map(Some)
            }
            // A role that is not there has the same code.
            Err(error) if is_missing(&error) => {
                let asked = call("GetRole", role, &[]).xml(ROLE_ANSWER);
                let reply = self.transport.read(&asked).await?;
                let found = reply.element(&[ROLE_ANSWER, "GetRoleResult", "Role", "RoleName"])?;
                if found == role { Ok(None) } else { Err(odd()) }
            }
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Flows for Iam {
    fn name(&self) -> &str {
        &self.name
    }

    async fn look(&self, role: &str) -> Result<Standing, CallError> {
        check_name(role)?;
        Ok(standing(self.policy(role).await?.as_ref()))
    }

    async fn stop(&self, role: &str, now: Standing, key: &str) -> Result<(), CallError> {
        if now.state != standing(None).state {
            return Err(refused(format!(
                "{role} has a policy {POLICY} that is somebody else's: take it away by hand"
            )));
        }
        let document = denial().to_string();
        let change = call("PutRolePolicy", role, &[("PolicyName", POLICY), ("PolicyDocument", &document)]);
        self.transport.change(&change.xml("PutRolePolicyResponse"), key).await.map(drop)
    }

    async fn resume(&self, role: &str, _: &Value, _: Standing, key: &str) -> Result<(), CallError> {
        let change = call("DeleteRolePolicy", role, &[("PolicyName", POLICY)]);
        self.transport.change(&change.xml("DeleteRolePolicyResponse"), key).await.map(drop)
    }

    async fn check(&self) -> Vec<Check> {
        let (state, note) = match self.policy(PROBE).await {
            Ok(_) => (CheckState::Works, String::new()),
            Err(error) => aws::refusal(&error, "roles"),
        };
        vec![Check { what: "use the access key".to_owned(), state, note }]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

fn call(action: &'static str, role: &str, more: &[(&str, &str)]) -> Call {
    let common = [("Action", action), ("Version", VERSION), ("RoleName", role)];
    let form = common.iter().chain(more).map(|&(name, value)| (name.to_owned(), value.to_owned()));
    Call::post(&[]).named(action).body(Body::Form(form.collect()))
}

/// What the policy says.
fn denial() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": POLICY, "Effect": "Deny", "Action": "*", "Resource": "*" }],
    })
}

fn standing(policy: Option<&Value>) -> Standing {
    let word = match policy {
        None => "none",
        Some(policy) if *policy == denial() => "denies-all",
        Some(_) => "other",
    };
    Standing { state: json!({ "policy": word }), stopped: word == "denies-all", rest: Value::Null }
}

/// Documents come percent-encoded.
fn document(text: &str) -> Result<Value, CallError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_error| odd())?;
    serde_json::from_str(&text).map_err(|_error| odd())
}

fn is_missing(error: &CallError) -> bool {
    error.is_missing("NoSuchEntity")
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of AWS IAM".to_owned() }
}

fn check_name(role: &str) -> Result<(), CallError> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    if role.is_empty() || role.len() > LONGEST || !role.chars().all(fits) {
        return Err(refused(format!(
            "{role:?} is no name of a role: at most {LONGEST} letters, digits and _+=,.@-"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_would_write_is_ours() {
        assert_eq!(standing(None).state, json!({ "policy": "none" }));
        let ours = document(&denial().to_string()).unwrap();
        assert!(standing(Some(&ours)).stopped);
        let encoded: String = denial().to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert!(standing(Some(&document(&encoded).unwrap())).stopped);
        let mut allowing = denial();
        allowing["Statement"][0]["Effect"] = json!("Allow");
        let mut narrow = denial();
        narrow["Statement"][0]["Condition"] = json!({ "Bool": { "aws:SecureTransport": "false" } });
        for other in [allowing, narrow, json!({}), json!([]), json!(null), json!("CANARY")] {
            let standing = standing(Some(&other));
            assert_eq!((standing.stopped, standing.state), (false, json!({ "policy": "other" })), "{other}");
        }
    }

    #[test]
    fn what_is_no_document_is_lost_and_not_shown() {
        for odd in ["", "CANARY", "{", "%7B%22a%22", "%FF%FE", "{\"a\":1}{"] {
            let error = document(odd).unwrap_err().to_string();
            assert!(error.starts_with("answer lost") && !error.contains("CANARY"), "{error}");
        }
    }

    #[test]
    fn only_names_of_roles_are_asked_for() {
        for good in ["mixpanel-export", "A_b+c=d,e.f@g", &"x".repeat(64)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in
            ["", "a b", "a/b", "arn:aws:iam::1:role/x", "é", "a&Action=DeleteRole", "a\n", &"x".repeat(65)]
        {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
