//! Logs of identity providers: people who log in, and if asked the night in which one account is taken over.
//!
//! One story for all of them, told by each in its own shape, as far as its vendor documents that.

mod auth0;
mod entra;
mod google;
mod onelogin;
mod pingone;

use serde_json::{Value, json};

use super::people::{FAR, Person, Place, RESPONDER, VICTIM};
use super::{BLOCKED, Log};

/// The attacker's address.
const HOST: &str = "203.0.113.77";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
/// The colleague whom the attacker makes an administrator.
const HELPER: &str = "bruno.brandt@acme.example";

/// What happened at the identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A wrong password.
    LoginFailed,
    /// A login.
    Login,
    /// A second factor was removed.
    FactorRemoved,
    /// A second factor was added.
    FactorAdded,
    /// A role of administration was granted.
    AdminGranted,
    /// A credential of an application was made or shown.
    CredentialCreated,
    /// How accounts are provisioned was changed.
    ProvisioningChanged,
    /// The account was blocked.
    AccountBlocked,
}

/// Something that somebody did.
#[derive(Debug, Clone)]
pub struct Act<'a> {
    /// Seconds since 1970.
    pub time: i64,
    /// Who.
    pub person: &'a Person,
    /// What.
    pub what: What,
    /// The account that it was done to.
    pub target: &'a str,
    /// Address.
    pub ip: String,
    /// Where the address is.
    pub place: &'a Place,
    /// Browser.
    pub agent: &'a str,
}

/// The night: seconds after its start, and what.
pub const STORY: [(i64, What); 14] = [
    (0, What::LoginFailed),
    (20, What::LoginFailed),
    (40, What::LoginFailed),
    (60, What::LoginFailed),
    (80, What::LoginFailed),
    (100, What::LoginFailed),
    (120, What::LoginFailed),
    (140, What::LoginFailed),
    (300, What::Login),
    (840, What::FactorRemoved),
    (960, What::FactorAdded),
    (1200, What::AdminGranted),
    (1320, What::CredentialCreated),
    (1800, What::ProvisioningChanged),
];

/// The night's acts, and the block that ends it.
pub(super) fn story(start: i64, people: &[Person]) -> Vec<Act<'_>> {
    let find = |email: &str| people.iter().find(|person| person.email == email);
    let (Some(victim), Some(responder)) = (find(VICTIM), find(RESPONDER)) else { return Vec::new() };
    let [far, _] = &FAR;
    let mut acts: Vec<Act<'_>> = STORY
        .iter()
        .map(|&(after, what)| Act {
            time: start + after,
            person: victim,
            what,
            target: if what == What::AdminGranted { HELPER } else { VICTIM },
            ip: HOST.to_owned(),
            place: far,
            agent: BROWSER,
        })
        .collect();
    acts.push(Act {
        time: start + BLOCKED,
        person: responder,
        what: What::AccountBlocked,
        target: VICTIM,
        ip: responder.ip.clone(),
        place: responder.place,
        agent: responder.agent,
    });
    acts
}

/// A record of a log of this kind; `number` counts them. `None` for logs that are not an identity provider's.
pub(super) fn record(log: Log, act: &Act<'_>, number: u64) -> Option<Value> {
    match log {
        Log::EntraPage => Some(entra::graph(act, number)),
        Log::EntraMonitor => Some(entra::monitor(act, number)),
        Log::GooglePage | Log::GoogleNdjson => Some(google::activity(act, number)),
        Log::Auth0Ndjson => Some(auth0::flat(act, number)),
        Log::Auth0Stream => Some(auth0::streamed(act, number)),
        Log::OneloginPage => Some(onelogin::event(act, number)),
        Log::PingonePage => Some(pingone::activity(act, number)),
        Log::MixpanelNdjson
        | Log::MixpanelCsv
        | Log::MixpanelExport
        | Log::OktaNdjson
        | Log::OktaArray
        | Log::RosterCsv
        | Log::RosterAudit => None,
    }
}

/// What stands before and after the records of a page, where the log comes as one.
pub(super) fn page(log: Log) -> Option<(&'static str, &'static str)> {
    match log {
        Log::EntraPage => Some((
            "{\"@odata.context\":\"https://graph.microsoft.com/v1.0/$metadata#auditLogs\",\"value\":[\n",
            "\n]}\n",
        )),
        Log::GooglePage => {
            Some(("{\"kind\":\"admin#reports#activities\",\"items\":[\n", "\n],\"nextPageToken\":\"A:1\"}\n"))
        }
        Log::OneloginPage => Some((
            "{\"status\":{\"code\":200,\"error\":false},\"pagination\":{\"after_cursor\":null},\"data\":[\n",
            "\n]}\n",
        )),
        Log::PingonePage => Some(("{\"_links\":{},\"_embedded\":{\"activities\":[\n", "\n]},\"size\":0}\n")),
        _ => None,
    }
}

/// `2026-10-24T01:02:00.000Z`.
fn iso(seconds: i64) -> String {
    let mut text = Vec::new();
    super::clock::push_iso(&mut text, seconds, Some(0));
    String::from_utf8(text).unwrap_or_default() + "Z"
}

/// The code of a country.
fn country(place: &Place) -> &'static str {
    match place.country {
        "Germany" => "DE",
        "Portugal" => "PT",
        "United States" => "US",
        "Canada" => "CA",
        "Netherlands" => "NL",
        _ => "SG",
    }
}

/// A number of a place, as JSON has it.
fn degrees(text: &str) -> Value {
    text.parse::<f64>().map_or(Value::Null, |degrees| json!(degrees))
}
