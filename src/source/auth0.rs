//! Auth0 tenant logs: flat as the Management API gives them, or in `data` as log streams send them.
//!
//! `type` is a code: `s` a login, `fp` a wrong password, `sapi` a write to the Management API, whose path and method
//! stand in `details.request`.

use super::{Meaning, Source, When};

/// See the module.
pub const SOURCE: Source = Source {
    name: "auth0",
    about: "Auth0 tenant logs: flat records or pages of the Management API, or log streams with `data`",
    logsources: &[("saas_audit", "auth0", "auth0")],
    aliases: |field| raw_paths(field).iter().map(|&path| path.to_owned()).collect(),
    meanings: MEANINGS,
    fields: &[
        "@timestamp",
        "event.action",
        "event.reason",
        "event.id",
        "user.email",
        "user.id",
        "user.name",
        "user.target.email",
        "source.ip",
        "source.geo.city_name",
        "source.geo.country_iso_code",
        "source.geo.country_name",
        "source.geo.location.lat",
        "source.geo.location.lon",
        "user_agent.original",
        "url.path",
        "http.request.method",
        "service.name",
    ],
    is_mapped: false,
    is_calendar: false,
    required: &["@timestamp", "event.action"],
    looks_like: |has| {
        let any = |paths: &[&str]| paths.iter().any(|path| has(path));
        let streamed = has("data.type")
            && has("data.date")
            && any(&["log_id", "data.log_id", "data.client_id", "data.user_id"]);
        let flat = has("type")
            && has("date")
            && any(&["log_id", "_id", "client_id", "connection_id"])
            && any(&["ip", "user_id", "description", "user_agent"]);
        streamed || flat
    },
    pages: &["logs"],
    event_type: None,
    blind_spots: &["what a token was used for after it was given"],
};

/// Codes of logins that failed.
const FAILED: &[&str] = &["f", "fc", "fco", "fcoa", "fens", "fp", "fu", "pwd_leak"];
/// Other codes of failures.
const REFUSED: &[&str] = &[
    "fapi",
    "fce",
    "fcp",
    "fcpr",
    "fcu",
    "fd",
    "fdu",
    "feacft",
    "feccft",
    "fede",
    "feoobft",
    "feotpft",
    "fepft",
    "fercft",
    "ferrt",
    "fertft",
    "fs",
    "fsa",
    "gd_auth_failed",
    "gd_auth_rejected",
    "limit_mu",
    "limit_sul",
    "limit_wc",
    "signup_pwd_leak",
    "reset_pwd_leak",
];
/// Codes of successes besides a login.
const DONE: &[&str] = &[
    "sapi",
    "sce",
    "scoa",
    "scp",
    "scpr",
    "scu",
    "sd",
    "sdu",
    "seacft",
    "seccft",
    "sens",
    "sepft",
    "sercft",
    "sertft",
    "slo",
    "ss",
    "ssa",
    "sv",
    "gd_auth_succeed",
    "gd_enrollment_complete",
    "gd_unenroll",
];

const MEANINGS: &[Meaning] = &[
    // A call to the Management API has one code whatever it does.
    Meaning {
        field: "event.action",
        value: "account_blocked",
        when: &[When::Is("event.action", &["sapi"]), When::Is("auth0.body.blocked", &["true"])],
    },
    Meaning { field: "event.category", value: "authentication", when: &[When::Is("event.action", &["s"])] },
    Meaning { field: "event.category", value: "authentication", when: &[When::Is("event.action", FAILED)] },
    Meaning { field: "event.category", value: "iam", when: &[When::Is("event.action", &["sapi", "fapi"])] },
    Meaning { field: "event.outcome", value: "success", when: &[When::Is("event.action", &["s"])] },
    Meaning { field: "event.outcome", value: "success", when: &[When::Is("event.action", DONE)] },
    Meaning { field: "event.outcome", value: "failure", when: &[When::Is("event.action", FAILED)] },
    Meaning { field: "event.outcome", value: "failure", when: &[When::Is("event.action", REFUSED)] },
];

fn raw_paths(field: &str) -> &'static [&'static str] {
    match field {
        "@timestamp" => &["data.date", "date"],
        "event.action" => &["data.type", "type"],
        "event.reason" => &["data.description", "description"],
        "event.id" => &["log_id", "data.log_id", "_id"],
        // Who wrote to the Management API from the dashboard, else who logged in.
        "user.email" => &[
            "data.details.request.auth.user.email",
            "details.request.auth.user.email",
            "data.user_name",
            "user_name",
        ],
        "user.id" => &["data.user_id", "user_id"],
        "user.name" => &["data.details.request.auth.user.name", "details.request.auth.user.name"],
        "user.target.email" => &["data.details.response.body.email", "details.response.body.email"],
        // A call from the dashboard comes from Auth0's own address; whose browser it was stands in the request.
        "source.ip" => &["data.details.request.ip", "details.request.ip", "data.ip", "ip"],
        "source.geo.city_name" => &["data.location_info.city_name", "location_info.city_name"],
        "source.geo.country_iso_code" => &["data.location_info.country_code", "location_info.country_code"],
        "source.geo.country_name" => &["data.location_info.country_name", "location_info.country_name"],
        "source.geo.location.lat" => &["data.location_info.latitude", "location_info.latitude"],
        "source.geo.location.lon" => &["data.location_info.longitude", "location_info.longitude"],
        "user_agent.original" => {
            &["data.details.request.userAgent", "details.request.userAgent", "data.user_agent", "user_agent"]
        }
        "url.path" => &["data.details.request.path", "details.request.path"],
        "http.request.method" => &["data.details.request.method", "details.request.method"],
        "service.name" => &["data.client_name", "client_name"],
        "auth0.body.blocked" => &["data.details.request.body.blocked", "details.request.body.blocked"],
        "auth0.body.enabled" => &["data.details.request.body.enabled", "details.request.body.enabled"],
        _ => &[],
    }
}
