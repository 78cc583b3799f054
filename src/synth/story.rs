//! The compromise: what the attacker did in one night with a collaborator's account, and how it was noticed.

use super::mixpanel;
use super::okta;
use super::people::{FAR, PLACES, Person, Place, RESPONDER, VICTIM};

/// Addresses of the attacker: a host in one country, then one in another.
const HOST: &str = "203.0.113.77";
const SECOND_HOST: &str = "203.0.113.140";
const SCRIPT: &str = "python-requests/2.32.3";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// Something that was planted, for tests and for the fixtures' description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planted {
    /// Minutes after the start of the story.
    pub minute: i64,
    /// The event type that shows it.
    pub event: &'static str,
    /// What it is.
    pub what: &'static str,
}

/// The Mixpanel side: minute, who, event type, address, project, details, what it is.
type Step = (i64, &'static str, &'static str, &'static str, Option<usize>, &'static str, &'static str);

const MIXPANEL: [Step; 24] = [
    (
        31,
        VICTIM,
        "session.logged_in",
        HOST,
        None,
        r#"{"method":"saml"}"#,
        "login from an unknown network at night",
    ),
    (34, VICTIM, "user.twofactor_disabled", HOST, None, "{}", "second factor switched off"),
    (
        38,
        VICTIM,
        "service_account.created",
        HOST,
        None,
        r#"{"service_account":"etl-sync.a1b2c3.mp-service-account","service_account_id":88123}"#,
        "service account created",
    ),
    (
        39,
        VICTIM,
        "service_account.added_to_project",
        HOST,
        Some(0),
        r#"{"service_account_id":88123,"role":"admin"}"#,
        "service account made admin of a project",
    ),
    (41, VICTIM, "custom_role.created", HOST, None, r#"{"role":"support-readonly"}"#, "custom role created"),
    (
        47,
        VICTIM,
        "raw_event_export.requested",
        HOST,
        Some(0),
        r#"{"from":"2026-05-01","to":"2026-10-25"}"#,
        "raw events exported",
    ),
    (
        49,
        VICTIM,
        "raw_event_export.requested",
        HOST,
        Some(1),
        r#"{"from":"2026-05-01","to":"2026-10-25"}"#,
        "raw events exported",
    ),
    (
        52,
        VICTIM,
        "raw_event_export.requested",
        SECOND_HOST,
        Some(0),
        r#"{"from":"2025-11-01","to":"2026-04-30"}"#,
        "raw events exported from a second country",
    ),
    (55, VICTIM, "profile_export.downloaded", HOST, Some(0), r#"{"rows":184220}"#, "profiles exported"),
    (
        58,
        VICTIM,
        "cohort.created",
        HOST,
        Some(0),
        r#"{"cohort_id":99001,"name":"all users with email"}"#,
        "cohort of everybody",
    ),
    (
        60,
        VICTIM,
        "cohort_sync.created",
        HOST,
        Some(0),
        r#"{"cohort_id":99001,"destination":"webhook"}"#,
        "cohort synced outside",
    ),
    (
        64,
        VICTIM,
        "data_pipeline.created",
        HOST,
        Some(0),
        r#"{"destination":"s3","bucket":"backup-eu-7"}"#,
        "pipeline to a bucket outside",
    ),
    (66, VICTIM, "warehouse_source.created", HOST, Some(0), r#"{"type":"bigquery"}"#, "warehouse connected"),
    (
        70,
        VICTIM,
        "event_definition.deleted",
        HOST,
        Some(0),
        r#"{"event":"Payment Failed"}"#,
        "Lexicon changed",
    ),
    (71, VICTIM, "property_definition.deleted", HOST, Some(0), r#"{"property":"plan"}"#, "Lexicon changed"),
    (
        75,
        VICTIM,
        "board.public_access_updated",
        HOST,
        Some(0),
        r#"{"board_id":5120,"public":true}"#,
        "board made public",
    ),
    (79, VICTIM, "invitation.sent", HOST, None, r#"{"email":"m.smith@mail.example"}"#, "outsider invited"),
    (92, "m.smith@mail.example", "invitation.accepted", SECOND_HOST, None, "{}", "outsider joined"),
    (
        95,
        VICTIM,
        "user.role_changed",
        HOST,
        None,
        r#"{"email":"m.smith@mail.example","role":"admin"}"#,
        "outsider made admin",
    ),
    (101, VICTIM, "audit_log_export.created", HOST, None, r#"{"format":"csv"}"#, "audit log exported"),
    (
        118,
        VICTIM,
        "event_deletion.created",
        HOST,
        Some(0),
        r#"{"event":"Login","from":"2026-10-01"}"#,
        "data deletion started",
    ),
    (
        460,
        RESPONDER,
        "audit_log_export.created",
        "192.0.2.10",
        None,
        r#"{"format":"ndjson"}"#,
        "responder exports the audit log",
    ),
    (
        474,
        RESPONDER,
        "event_deletion.canceled",
        "192.0.2.10",
        Some(0),
        r#"{"event":"Login"}"#,
        "responder cancels the deletion",
    ),
    (
        481,
        RESPONDER,
        "organization.user_removed",
        "192.0.2.10",
        None,
        r#"{"email":"m.smith@mail.example"}"#,
        "responder removes the outsider",
    ),
];

/// The Okta side: minute, event type, text, outcome, reason, far place, address, agent, proxy, what it is.
struct OktaStep {
    minute: i64,
    event: &'static str,
    message: &'static str,
    outcome: (&'static str, Option<&'static str>),
    far: usize,
    ip: &'static str,
    agent: &'static str,
    proxy: bool,
    what: &'static str,
}

const fn step(
    minute: i64,
    event: &'static str,
    message: &'static str,
    outcome: (&'static str, Option<&'static str>),
    far: usize,
    what: &'static str,
) -> OktaStep {
    let (ip, agent) = if far == 0 { (HOST, BROWSER) } else { (SECOND_HOST, SCRIPT) };
    OktaStep { minute, event, message, outcome, far, ip, agent, proxy: far == 0, what }
}

const FAILED: (&str, Option<&str>) = ("FAILURE", Some("INVALID_CREDENTIALS"));
const OK: (&str, Option<&str>) = ("SUCCESS", None);

const OKTA: [OktaStep; 15] = [
    step(0, "user.session.start", "User login to Okta", FAILED, 0, "failed login"),
    step(1, "user.session.start", "User login to Okta", FAILED, 0, "failed login"),
    step(1, "user.session.start", "User login to Okta", FAILED, 0, "failed login"),
    step(2, "user.session.start", "User login to Okta", FAILED, 0, "failed login"),
    step(3, "user.session.start", "User login to Okta", FAILED, 0, "failed login"),
    step(
        5,
        "user.authentication.auth_via_mfa",
        "Authentication of user via MFA",
        ("FAILURE", Some("USER_REJECTED_OKTA_VERIFY_PUSH")),
        0,
        "push refused",
    ),
    step(
        6,
        "user.authentication.auth_via_mfa",
        "Authentication of user via MFA",
        ("FAILURE", Some("USER_REJECTED_OKTA_VERIFY_PUSH")),
        0,
        "push refused",
    ),
    step(
        9,
        "user.authentication.auth_via_mfa",
        "Authentication of user via MFA",
        OK,
        0,
        "push accepted in the end",
    ),
    step(10, "user.session.start", "User login to Okta", OK, 0, "login through a proxy"),
    step(14, "user.mfa.factor.deactivate", "Reset factor for user", OK, 0, "factor removed"),
    step(
        16,
        "user.mfa.factor.activate",
        "Activate factor or authenticator enrollment method for user",
        OK,
        0,
        "attacker's factor enrolled",
    ),
    step(22, "system.api_token.create", "Create API token", OK, 0, "API token created"),
    step(30, "user.authentication.sso", "User single sign on to app", OK, 0, "sign-on to Mixpanel"),
    step(
        45,
        "user.session.start",
        "User login to Okta",
        OK,
        1,
        "login from a second country 35 minutes later",
    ),
    step(465, "user.lifecycle.suspend", "Suspend Okta user", OK, 0, "responder suspends the account"),
];

/// The Mixpanel acts of the story.
pub fn mixpanel(start: i64, people: &[Person]) -> Vec<mixpanel::Act> {
    let name = |email: &str| {
        people
            .iter()
            .find(|person| person.email == email)
            .map_or_else(String::new, |person| person.name.clone())
    };
    MIXPANEL
        .iter()
        .map(|&(minute, who, action, ip, project, details, _)| mixpanel::Act {
            time: start + minute * 60 + 17,
            who: (who.to_owned(), name(who)),
            action,
            ip: ip.to_owned(),
            project,
            details: details.to_owned(),
        })
        .collect()
}

/// The Okta acts of the story.
pub fn okta(start: i64, people: &[Person]) -> Vec<okta::Act<'_>> {
    let find = |email: &str| people.iter().find(|person| person.email == email);
    let (Some(victim), Some(responder)) = (find(VICTIM), find(RESPONDER)) else { return Vec::new() };
    OKTA.iter()
        .map(|step| {
            let by_responder = step.event == "user.lifecycle.suspend";
            let person = if by_responder { responder } else { victim };
            let place: &Place = if by_responder { &PLACES[0] } else { FAR.get(step.far).unwrap_or(&FAR[0]) };
            okta::Act {
                time: start + step.minute * 60 + 9,
                person,
                event: step.event,
                message: step.message,
                outcome: step.outcome,
                ip: if by_responder { responder.ip.clone() } else { step.ip.to_owned() },
                place,
                agent: if by_responder { responder.agent } else { step.agent },
                proxy: step.proxy && !by_responder,
                token: None,
                targets: vec![[
                    "User".to_owned(),
                    victim.id.clone(),
                    victim.email.clone(),
                    victim.name.clone(),
                ]],
            }
        })
        .collect()
}

/// Everything that was planted, in order.
pub fn planted() -> Vec<Planted> {
    let mixpanel = MIXPANEL.iter().map(|&(minute, _, event, _, _, _, what)| Planted { minute, event, what });
    let okta = OKTA.iter().map(|step| Planted { minute: step.minute, event: step.event, what: step.what });
    let mut all: Vec<Planted> = mixpanel.chain(okta).collect();
    all.sort_by_key(|planted| planted.minute);
    all
}
