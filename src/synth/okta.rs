//! Okta System Log records, in the shape that Okta documents.

use std::borrow::Cow;

use super::clock;
use super::people::{Person, Place};
use super::rng::Rng;

/// What happened at the identity provider.
#[derive(Debug, Clone)]
pub struct Act<'a> {
    /// Seconds since 1970.
    pub time: i64,
    /// Who.
    pub person: &'a Person,
    /// Event type.
    pub event: &'static str,
    /// Shown text.
    pub message: &'static str,
    /// `SUCCESS` or `FAILURE`, and the reason.
    pub outcome: (&'static str, Option<&'static str>),
    /// Address.
    pub ip: String,
    /// Where the address is.
    pub place: &'a Place,
    /// Browser.
    pub agent: &'a str,
    /// Whether it is a known proxy.
    pub proxy: bool,
    /// The API token that it was done with.
    pub token: Option<&'static str>,
    /// Type, id, login, name of what it was done to.
    pub targets: Vec<[String; 4]>,
}

/// Ordinary events, often ones first: type, text, whether it has an app and a user as targets.
const ORDINARY: [(&str, &str, bool, bool); 10] = [
    ("user.session.start", "User login to Okta", false, false),
    ("user.authentication.sso", "User single sign on to app", true, true),
    ("user.authentication.auth_via_mfa", "Authentication of user via MFA", false, true),
    ("policy.evaluate_sign_on", "Evaluation of sign-on policy", false, false),
    ("user.session.end", "User logout from Okta", false, false),
    ("app.oauth2.token.grant.access_token", "OAuth2 access token is granted", true, false),
    ("user.authentication.verify", "Verify user identity", false, true),
    ("app.generic.unauth_app_access_attempt", "User attempted unauthorized access to app", true, false),
    ("user.account.update_profile", "Update user profile for Okta", false, true),
    ("group.user_membership.add", "Add user to group membership", false, true),
];

/// An ordinary event of somebody.
pub fn ordinary<'a>(person: &'a Person, time: i64, rng: &mut Rng) -> Act<'a> {
    let (event, message, app, user) =
        ORDINARY.get(rng.skewed(ORDINARY.len())).copied().unwrap_or(ORDINARY[0]);
    let failed = event == "user.session.start" && rng.one_in(20);
    let mut targets = Vec::new();
    if app {
        targets.push(["AppInstance", "0oa4mixpanelprod0x7", "Mixpanel", "Mixpanel"].map(str::to_owned));
    }
    if app && rng.one_in(3) {
        targets.push(["AppUser", "0ua7mixpaneluser0x7", "assigned", "Mixpanel user"].map(str::to_owned));
    }
    if user {
        targets.push(["User".to_owned(), person.id.clone(), person.email.clone(), person.name.clone()]);
    }
    Act {
        time,
        person,
        event,
        message,
        outcome: if failed { ("FAILURE", Some("INVALID_CREDENTIALS")) } else { ("SUCCESS", None) },
        ip: person.address(rng),
        place: person.place,
        agent: person.agent,
        proxy: false,
        token: None,
        targets,
    }
}

struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.raw("\"").raw(key).raw("\":\"").raw(value).raw("\",")
    }

    fn hex(&mut self, value: u64, digits: u32) -> &mut Self {
        for place in (0..digits).rev() {
            let digit = (value >> (place * 4)) & 15;
            self.0.push(
                b"0123456789abcdef".get(usize::try_from(digit).unwrap_or_default()).copied().unwrap_or(b'0'),
            );
        }
        self
    }
}

/// One JSON object, without a line end.
pub fn push(out: &mut Vec<u8>, act: &Act<'_>, rng: &mut Rng) {
    let (high, low, millis) = (rng.bits(), rng.bits(), rng.below(1000));
    let session = rng.bits();
    let mut write = Writer(out);
    write.raw("{\"actor\":{");
    write.text("id", &act.person.id).text("type", "User").text("alternateId", &act.person.email);
    write
        .raw("\"displayName\":\"")
        .raw(&act.person.name)
        .raw("\",\"detailEntry\":null},\"client\":{\"userAgent\":{");
    let os = if act.agent.contains("Mac OS X") {
        "Mac OS X"
    } else if act.agent.contains("Linux") {
        "Linux"
    } else {
        "Windows 10"
    };
    write.text("rawUserAgent", act.agent).text("os", os);
    write
        .raw("\"browser\":\"")
        .raw(browser(act.agent))
        .raw("\"},\"zone\":")
        .raw(zone(&act.ip))
        .raw(",\"device\":\"Computer\",\"id\":null,");
    write.text("ipAddress", &act.ip);
    write.raw("\"geographicalContext\":");
    geo(&mut write, act.place);
    write.raw("},\"device\":null,\"authenticationContext\":{\"authenticationProvider\":null,\"credentialProvider\":null,\"credentialType\":null,\"issuer\":null,\"interface\":null,\"authenticationStep\":0,\"externalSessionId\":\"102");
    write.hex(session, 16).raw("\"},");
    write.text("displayMessage", act.message).text("eventType", act.event);
    write.raw("\"outcome\":{\"result\":\"").raw(act.outcome.0).raw("\",\"reason\":");
    match act.outcome.1 {
        Some(reason) => write.raw("\"").raw(reason).raw("\"},"),
        None => write.raw("null},"),
    };
    write.raw("\"published\":\"");
    clock::push_iso(write.0, act.time, Some(millis));
    write.raw("Z\",\"securityContext\":{\"asNumber\":");
    write.raw(&network(&act.ip)).raw(
        ",\"asOrg\":\"example network\",\"isp\":\"example isp\",\"domain\":\"example.net\",\"isProxy\":",
    );
    write.raw(if act.proxy { "true" } else { "false" }).raw("},\"severity\":\"");
    write.raw(if act.outcome.0 == "FAILURE" { "WARN" } else { "INFO" });
    debug_and_request(&mut write, act, high, low);
    targets(&mut write, &act.targets);
    write.raw("}");
}

/// The second half of a record, up to its targets.
fn debug_and_request(write: &mut Writer<'_>, act: &Act<'_>, high: u64, low: u64) {
    write.raw("\",\"debugContext\":{\"debugData\":{\"requestId\":\"").hex(high ^ low, 16);
    write
        .raw("\",\"requestUri\":\"/api/v1/authn\",\"threatSuspected\":\"false\"")
        .raw(debug(act.event))
        .raw(",\"url\":\"/api/v1/authn?\"}},\"legacyEventType\":\"core.");
    write.raw(act.event).raw("\",\"transaction\":{\"type\":\"WEB\",\"id\":\"").hex(high, 16);
    write.raw("\",\"detail\":{");
    if let Some(token) = act.token {
        write.raw("\"requestApiTokenId\":\"").raw(token).raw("\"");
    }
    write
        .raw("}},\"uuid\":\"")
        .hex(high >> 32, 8)
        .raw("-")
        .hex(high >> 16, 4)
        .raw("-11f0-")
        .hex(low >> 48, 4)
        .raw("-")
        .hex(low, 12);
    write.raw("\",\"version\":\"0\",\"request\":{\"ipChain\":[{");
    write.text("ip", &act.ip).raw("\"geographicalContext\":");
    geo(write, act.place);
    write.raw(",\"version\":\"V4\",\"source\":null}]},\"target\":");
}

/// Zones are null, the text "null", or a name, as Okta gives them.
fn zone(ip: &str) -> &'static str {
    match ip {
        ip if ip.starts_with("192.0.2.") => "\"Office\"",
        ip if ip.starts_with("198.") => "\"null\"",
        _ => "null",
    }
}

/// Autonomous systems from the range for documentation: the attacker's is seen nowhere else. Addresses of
/// 100.64.0.0/10 have one for each provider, which is their second part.
fn network(ip: &str) -> Cow<'static, str> {
    let provider = ip.strip_prefix("100.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    match (provider, ip) {
        (Some(provider), _) => (65_300 + provider).to_string().into(),
        (_, ip) if ip.starts_with("203.0.113.") => "64511".into(),
        (_, ip) if ip.starts_with("192.0.2.") => "64496".into(),
        _ => "64500".into(),
    }
}

/// What the debug data of an event has besides the usual.
fn debug(event: &str) -> &'static str {
    match event {
        "user.session.start" => {
            ",\"dtHash\":\"4c1f0e2b9d\",\"risk\":\"{level=LOW}\",\"behaviors\":\"{New IP=NEGATIVE, New Device=NEGATIVE}\""
        }
        "user.authentication.sso" => ",\"initiationType\":\"IDP_INITIATED\",\"signOnMode\":\"SAML 2.0\"",
        "user.authentication.auth_via_mfa" => {
            ",\"factor\":\"OKTA_VERIFY_PUSH\",\"factorIntent\":\"AUTHENTICATION\""
        }
        "policy.evaluate_sign_on" => ",\"logOnlySecurityData\":\"{}\"",
        _ => "",
    }
}

fn browser(agent: &str) -> &'static str {
    match agent {
        agent if agent.contains("Firefox") => "FIREFOX",
        agent if agent.contains("Chrome") => "CHROME",
        agent if agent.contains("Safari") => "SAFARI",
        _ => "UNKNOWN",
    }
}

fn geo(write: &mut Writer<'_>, place: &Place) {
    write.raw("{").text("city", place.city).text("state", place.state).text("country", place.country);
    write
        .raw("\"postalCode\":null,\"geolocation\":{\"lat\":")
        .raw(place.at.0)
        .raw(",\"lon\":")
        .raw(place.at.1)
        .raw("}}");
}

fn targets(write: &mut Writer<'_>, targets: &[[String; 4]]) {
    if targets.is_empty() {
        write.raw("null");
        return;
    }
    for (at, [kind, id, login, name]) in targets.iter().enumerate() {
        write.raw(if at == 0 { "[{" } else { ",{" });
        write.text("id", id).text("type", kind).text("alternateId", login);
        write.raw("\"displayName\":\"").raw(name).raw("\",\"detailEntry\":null}");
    }
    write.raw("]");
}
