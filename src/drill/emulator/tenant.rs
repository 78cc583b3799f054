//! Everything that the emulated services know, and how two such states differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::attacker::Attacker;
use super::audit::Entry;
use super::draws::Draws;
use super::{
    SERVICES, auth0, aws, azure, bigquery, census, entra, gcp, google, hightouch, iam, lambda, looker,
    mixpanel, okta, onelogin, onepassword, pingone, scim, snowflake, tableau, vault,
};
use crate::synth::people::VICTIM;

/// The state of all services.
#[derive(Clone, Serialize)]
pub struct Tenant {
    /// The analytics vendor.
    pub mixpanel: mixpanel::State,
    /// The identity provider.
    pub okta: okta::State,
    /// The directory that provisions the vendor's members.
    pub scim: scim::State,
    /// The secret store.
    pub vault: vault::State,
    /// Microsoft Entra ID.
    pub entra: entra::State,
    /// Auth0.
    pub auth0: auth0::State,
    /// OneLogin.
    pub onelogin: onelogin::State,
    /// Another secret store.
    pub aws: aws::State,
    /// Another one.
    pub onepassword: onepassword::State,
    /// Another one.
    pub gcp: gcp::State,
    /// Another one.
    pub azure: azure::State,
    /// PingOne.
    pub pingone: pingone::State,
    /// Google Workspace.
    pub google: google::State,
    /// Functions that consume credentials.
    pub lambda: lambda::State,
    /// Connections that consume credentials.
    pub looker: looker::State,
    /// More of them.
    pub tableau: tableau::State,
    /// Syncs that write with credentials.
    pub census: census::State,
    /// More of them.
    pub hightouch: hightouch::State,
    /// Roles that the vendor assumes.
    pub iam: iam::State,
    /// Users that load.
    pub snowflake: snowflake::State,
    /// Datasets that the vendor's account may write.
    pub bigquery: bigquery::State,
    /// The vendor's audit log, oldest first.
    pub audit: Vec<Entry>,
    /// Who is in it and should not be.
    pub attacker: Attacker,
    /// Source of new ids and secrets.
    pub draws: Draws,
}

impl Tenant {
    /// A small organisation with a compromised collaborator; the other services are empty. The seed decides the secrets.
    pub fn example(seed: u64) -> Self {
        let mut draws = Draws::new(seed);
        let mixpanel = mixpanel::State::example(&mut draws);
        let attacker = intruder(&mixpanel);
        Self {
            mixpanel,
            okta: okta::State::default(),
            scim: scim::State::default(),
            vault: vault::State::default(),
            entra: entra::State::default(),
            auth0: auth0::State::default(),
            onelogin: onelogin::State::default(),
            aws: aws::State::default(),
            onepassword: onepassword::State::default(),
            gcp: gcp::State::default(),
            azure: azure::State::default(),
            pingone: pingone::State::default(),
            google: google::State::default(),
            lambda: lambda::State::default(),
            looker: looker::State::default(),
            tableau: tableau::State::default(),
            census: census::State::default(),
            hightouch: hightouch::State::default(),
            iam: iam::State::default(),
            snowflake: snowflake::State::default(),
            bigquery: bigquery::State::default(),
            audit: Vec::new(),
            attacker,
            draws,
        }
    }
}

/// Somebody with the collaborator's session, the accounts it made, and the secret that it could see.
fn intruder(mixpanel: &mixpanel::State) -> Attacker {
    let known = |id: &u64| {
        let account = mixpanel.service_accounts.get(id)?;
        Some((account.username.clone(), account.secret.clone()))
    };
    let sessions = mixpanel.sessions.iter().filter(|(_, session)| session.email == VICTIM);
    Attacker {
        email: VICTIM.to_owned(),
        ip: "203.0.113.66".to_owned(),
        sessions: sessions.map(|(cookie, _)| cookie.clone()).collect(),
        knows_password: false,
        service_accounts: [88_102, 88_123, 88_124].iter().filter_map(known).collect(),
        attempts: Vec::new(),
    }
}

/// Parts outside the services that are logs and counters.
const VOLATILE: [&str; 3] = ["attacker", "audit", "draws"];

/// What differs between two states, a line each: `mixpanel.projects.1.name: "a" → "b"`. Logs, counters and what the
/// services declare volatile are left out.
pub fn differences(before: &Tenant, after: &Tenant) -> Vec<String> {
    let mut found = Vec::new();
    let (before, after) = (serde_json::to_value(before), serde_json::to_value(after));
    match (before, after) {
        (Ok(before), Ok(after)) => compare(&mut Vec::new(), Some(&before), Some(&after), &mut found),
        (before, after) => {
            found.extend(before.err().into_iter().chain(after.err()).map(|error| error.to_string()));
        }
    }
    found
}

fn compare(path: &mut Vec<String>, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<String>) {
    if before == after || is_volatile(path) {
        return;
    }
    let (Some(old), Some(new)) = (children(before), children(after)) else {
        let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
        found.push(format!("{}: {} → {}", path.join("."), text(before), text(after)));
        return;
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        path.push(key.clone());
        compare(path, old.get(key).copied(), new.get(key).copied(), found);
        path.pop();
    }
}

fn children(value: Option<&Value>) -> Option<BTreeMap<String, &Value>> {
    match value? {
        Value::Object(map) => Some(map.iter().map(|(key, value)| (key.clone(), value)).collect()),
        Value::Array(list) => {
            Some(list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect())
        }
        _ => None,
    }
}

fn is_volatile(path: &[String]) -> bool {
    let matches = |pattern: &str, path: &[String]| {
        let mut keys = path.iter();
        pattern.split('.').all(|word| keys.next().is_some_and(|key| word == "*" || word == key))
            && keys.next().is_none()
    };
    let Some((first, rest)) = path.split_first() else { return false };
    VOLATILE.iter().any(|pattern| matches(pattern, path))
        || SERVICES
            .iter()
            .filter(|service| service.name() == first)
            .any(|service| service.volatile().iter().any(|pattern| matches(pattern, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_the_place_and_leave_logs_out() {
        let before = Tenant::example(7);
        let mut after = before.clone();
        after.draws.secret();
        after.mixpanel.next_id += 1;
        after.mixpanel.service_accounts.get_mut(&88_102).unwrap().last_used =
            Some("2026-10-24T00:00:00Z".to_owned());
        assert_eq!(differences(&before, &after), Vec::<String>::new());
        after.mixpanel.projects.get_mut(&3_187_001).unwrap().name = "Web".to_owned();
        after.mixpanel.members.remove(VICTIM);
        after.mixpanel.deletions.get_mut("c0ffee00-4711").unwrap().distinct_ids.push("u-3".to_owned());
        let found = differences(&before, &after);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0], "mixpanel.deletions.c0ffee00-4711.distinct_ids.2: nothing → \"u-3\"");
        assert!(
            found[1].starts_with("mixpanel.members.jane@agency.example: {")
                && found[1].ends_with("→ nothing")
        );
        assert_eq!(found[2], "mixpanel.projects.3187001.name: \"Web Production\" → \"Web\"");
    }
}
