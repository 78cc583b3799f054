//! The vendor as a function, without sockets.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::drill::emulator::Switches;
use crate::drill::emulator::switches::{MixpanelSwitches, Paging};
use crate::drill::emulator::tenant::differences;
use crate::event::time::Timestamp;
use crate::synth::people::{RESPONDER, VICTIM};

const ORG: &str = "/api/app/organizations/90210/service-accounts";
const WEB: u64 = 3_187_001;
const MOBILE: u64 = 3_187_002;
const TOOL: u64 = 88_101;
const ETL: u64 = 88_102;
/// In a project by its team as well as by itself.
const TEAMED: u64 = 88_103;
const ROGUE: u64 = 88_123;

struct Lab {
    tenant: Tenant,
    switches: Switches,
    now: Duration,
}

impl Lab {
    fn new(set: impl FnOnce(&mut MixpanelSwitches)) -> Self {
        let mut switches = Switches::default();
        set(&mut switches.mixpanel);
        Self { tenant: Tenant::example(3), switches, now: Duration::from_secs(1) }
    }

    fn send(&mut self, request: &Request) -> (u16, Value) {
        let answer = self.answer(request);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let wall = Timestamp { nanos: 1_792_810_000_000_000_000, digits: 3 };
        let moment = Moment { now: self.now, wall, switches: &self.switches };
        Mixpanel.handle(&mut self.tenant, request, &moment)
    }

    /// `Authorization` of an account that exists now.
    fn key(&self, account: u64) -> String {
        let account = &self.tenant.mixpanel.service_accounts[&account];
        format!("Basic {}", STANDARD.encode(format!("{}:{}", account.username, account.secret)))
    }

    fn as_tool(&mut self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = Request::new(method, path).with_header("authorization", &self.key(TOOL));
        if let Some(body) = body {
            request = request.with_json(&body);
        }
        self.send(&request)
    }

    fn export(&mut self, key: &str, project: u64) -> u16 {
        let path = format!("/api/2.0/export?from_date=2026-01-01&to_date=2026-01-02&project_id={project}");
        self.send(&Request::new("GET", &path).with_header("authorization", key)).0
    }

    fn ui(&mut self, email: &str) -> Result<Ui<'_>, Refused> {
        let wall = Timestamp { nanos: 1_792_810_000_000_000_000, digits: 3 };
        let moment = Moment { now: self.now, wall, switches: &self.switches };
        Ui::new(&mut self.tenant, email, "192.0.2.10", moment)
    }

    fn actions(&self) -> Vec<&str> {
        self.tenant.audit.iter().map(|entry| entry.action.as_str()).collect()
    }
}

fn ids(body: &Value) -> Vec<u64> {
    body["results"].as_array().unwrap().iter().filter_map(|row| row["id"].as_u64()).collect()
}

#[test]
fn a_service_account_is_made_used_and_deleted() {
    let mut lab = Lab::new(|_| {});
    let before = lab.tenant.clone();
    let asked =
        json!({"username": "etl-nightly-r1", "expires": null, "projects": [{"id": WEB, "role": "analyst"}]});
    let (status, made) = lab.as_tool("POST", ORG, Some(asked));
    assert_eq!(status, 201);
    let made = &made["results"];
    let (id, username) = (made["id"].as_u64().unwrap(), made["username"].as_str().unwrap());
    assert!(username.starts_with("etl-nightly-r1.") && username.ends_with(".mp-service-account"));
    assert!(made["token"].as_str().unwrap().contains("CANARY"));
    let key = lab.key(id);
    assert_eq!([lab.export(&key, WEB), lab.export(&key, MOBILE)], [200, 403]);
    let (status, bare) = lab.as_tool("GET", &format!("{ORG}/{id}"), None);
    assert!(status == 200 && bare["id"] == id && bare.get("token").is_none());
    assert!(bare["last_used"].is_string());
    assert_eq!(lab.as_tool("DELETE", &format!("{ORG}/{id}"), None).0, 200);
    assert_eq!(lab.as_tool("DELETE", &format!("{ORG}/{id}"), None).0, 404);
    assert_eq!(lab.export(&key, WEB), 401);
    assert_eq!(differences(&before, &lab.tenant), Vec::<String>::new());
    let actions =
        ["created", "added_to_project", "deleted"].map(|action| format!("service_account.{action}"));
    assert_eq!(lab.actions(), [&actions[0], &actions[1], "raw_event_export.requested", &actions[2]]);
}

#[test]
fn managing_needs_a_manager() {
    let mut lab = Lab::new(|_| {});
    let etl = lab.key(ETL);
    let with = |method: &str, path: &str| Request::new(method, path).with_header("authorization", &etl);
    for (method, path) in [("GET", ORG), ("DELETE", "/api/app/organizations/90210/service-accounts/88123")] {
        assert_eq!(lab.send(&with(method, path)).0, 403);
    }
    let grab = json!({"username": "x", "role": "owner", "projects": [{"id": WEB, "role": "admin"}]});
    assert_eq!(lab.send(&with("POST", ORG).with_json(&grab)).0, 403);
    let rogue = lab.key(ROGUE);
    let mine = json!({"username": "y", "projects": [{"id": WEB, "role": "admin"}]});
    let request = Request::new("POST", ORG).with_header("authorization", &rogue);
    assert_eq!(lab.send(&request.clone().with_json(&mine)).0, 201, "a project's admin makes one for it");
    let theirs = json!({"username": "z", "projects": [{"id": WEB, "role": "owner"}]});
    assert_eq!(lab.send(&request.with_json(&theirs)).0, 403, "but none stronger than itself");
    for wrong in ["Basic !!", "Basic eDp5", "Digest x", "Basic"] {
        assert_eq!(lab.export(wrong, WEB), 401, "{wrong}");
    }
}

#[test]
fn a_team_keeps_what_removal_from_the_project_ends() {
    let mut lab = Lab::new(|switches| switches.row_per_grant = true);
    let own = json!({"projects": [{"id": WEB, "role": "consumer"}], "service_account_ids": [TEAMED]});
    assert_eq!(lab.as_tool("POST", &format!("{ORG}/add-to-project"), Some(own)).0, 200);
    let (key, list) = (lab.key(TEAMED), format!("/api/app/projects/{WEB}/service-accounts"));
    let before = ids(&lab.as_tool("GET", &list, None).1);
    assert_eq!(before.iter().filter(|id| **id == TEAMED).count(), 2, "by itself and by its team");
    let remove = json!({"projects": [{"id": WEB, "service_account_ids": [TEAMED, ROGUE]}, {"id": MOBILE, "service_account_ids": [TEAMED]}]});
    assert_eq!(lab.as_tool("POST", &format!("{ORG}/remove-from-project"), Some(remove)).0, 200);
    assert_eq!([lab.export(&key, WEB), lab.export(&key, MOBILE)], [200, 403]);
    let (_, rows) = lab.as_tool("GET", &list, None);
    let row = rows["results"].as_array().unwrap().iter().find(|row| row["id"] == TEAMED).unwrap().clone();
    assert_eq!((row["target_type"].as_str(), row["role"].as_str()), (Some("team"), Some("analyst")));
    assert!(!ids(&rows).contains(&ROGUE) && ids(&rows).contains(&TOOL), "the tool is there by its role");
    lab.ui(RESPONDER).unwrap().remove_account_from_team(TEAMED, 7_001).unwrap();
    assert_eq!(lab.export(&key, WEB), 403);
    let add = json!({"projects": [{"id": WEB, "role": "admin"}], "service_account_ids": [ROGUE]});
    assert_eq!(lab.as_tool("POST", &format!("{ORG}/add-to-project"), Some(add)).0, 200);
    assert_eq!(lab.export(&lab.key(ROGUE), WEB), 200);
}

#[test]
fn wrong_bodies_are_refused_whole() {
    let mut lab = Lab::new(|_| {});
    let before = lab.tenant.clone();
    for (path, body, status) in [
        ("", json!([]), 400),
        ("", json!({"username": ""}), 400),
        ("", json!({"username": "x", "expires": "tomorrow"}), 400),
        ("", json!({"username": "x", "projects": [{"id": "3187001", "role": "admin"}]}), 400),
        ("", json!({"username": "x", "projects": [{"id": 1, "role": "admin"}]}), 404),
        ("/add-to-project", json!({"service_account_ids": [ROGUE]}), 400),
        (
            "/add-to-project",
            json!({"projects": [{"id": WEB, "role": "admin"}], "service_account_ids": [ROGUE, 7]}),
            404,
        ),
        ("/remove-from-project", json!({"projects": [{"id": WEB, "service_account_ids": ["88123"]}]}), 400),
        ("/remove-from-project", json!({"projects": [{"id": WEB, "service_account_ids": [ROGUE, 7]}]}), 404),
    ] {
        let (got, body) = lab.as_tool("POST", &format!("{ORG}{path}"), Some(body.clone()));
        assert_eq!((got, body["status"].as_str()), (status, Some("error")), "{path} {body}");
    }
    assert_eq!(differences(&before, &lab.tenant), Vec::<String>::new());
}

#[test]
fn old_credentials_and_lists_lag_as_switched() {
    let mut lab = Lab::new(|switches| {
        switches.honour_old_ms = 30_000;
        switches.list_lag_ms = 2_000;
        switches.list_ghost_ms = 3_000;
    });
    let (key, etl) = (lab.key(ROGUE), lab.key(ETL));
    assert_eq!(lab.as_tool("DELETE", &format!("{ORG}/{ROGUE}"), None).0, 200);
    let remove = json!({"projects": [{"id": WEB, "service_account_ids": [ETL]}]});
    assert_eq!(lab.as_tool("POST", &format!("{ORG}/remove-from-project"), Some(remove)).0, 200);
    let made =
        lab.as_tool("POST", ORG, Some(json!({"username": "late"}))).1["results"]["id"].as_u64().unwrap();
    let listed = |lab: &mut Lab| ids(&lab.as_tool("GET", ORG, None).1);
    let now = listed(&mut lab);
    assert!(now.contains(&ROGUE) && !now.contains(&made));
    assert_eq!(lab.as_tool("GET", &format!("{ORG}/{made}"), None).0, 200);
    lab.now += Duration::from_secs(4);
    let now = listed(&mut lab);
    assert!(!now.contains(&ROGUE) && now.contains(&made));
    assert_eq!([lab.export(&key, WEB), lab.export(&etl, WEB)], [200, 200]);
    lab.now += Duration::from_secs(30);
    assert_eq!([lab.export(&key, WEB), lab.export(&etl, WEB), lab.export(&etl, MOBILE)], [401, 403, 200]);
}

#[test]
fn pages_are_complete_unless_they_rotate() {
    for paging in [Paging::Cursor, Paging::Link] {
        for rotate in [false, true] {
            let mut lab = Lab::new(|switches| {
                (switches.paging, switches.page_size, switches.rotate_pages) = (paging, 2, rotate);
            });
            let (mut seen, mut path) = (Vec::new(), ORG.to_owned());
            loop {
                let request = Request::new("GET", &path).with_header("authorization", &lab.key(TOOL));
                let answer = lab.answer(&request);
                let body: Value = serde_json::from_slice(&answer.body).unwrap();
                seen.extend(ids(&body));
                let link =
                    answer.headers.iter().find(|(name, _)| name == "link").map(|(_, link)| link.clone());
                let next = body["next_cursor"].as_str().map(|cursor| format!("{ORG}?cursor={cursor}"));
                let linked =
                    link.map(|link| link.trim_start_matches('<').split('>').next().unwrap().to_owned());
                let Some(next) = next.or(linked) else { break };
                path = next;
            }
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len() == 5, !rotate, "{paging:?} {rotate}: {seen:?}");
        }
    }
}

#[test]
fn small_switches_change_small_things() {
    let mut lab = Lab::new(|switches| {
        switches.mangle_usernames = false;
        switches.envelope_single = true;
        switches.creator_names = false;
        switches.duplicate_names = false;
        switches.slash_redirect = true;
        switches.without_project = 401;
    });
    let redirect = lab.answer(&Request::new("GET", ORG));
    assert_eq!(
        (redirect.status, redirect.headers[0].1.as_str()),
        (301, "/api/app/organizations/90210/service-accounts/")
    );
    let asked = lab.answer(&Request::new("GET", "/api/app/me?x=a%20b"));
    assert_eq!(asked.headers[0].1, "/api/app/me/?x=a+b");
    let slash = format!("{ORG}/");
    assert_eq!(
        lab.as_tool("POST", &slash, Some(json!({"username": "plain"}))).1["results"]["username"],
        "plain"
    );
    assert_eq!(lab.as_tool("POST", &slash, Some(json!({"username": "plain"}))).0, 400);
    let (_, single) = lab.as_tool("GET", &format!("{slash}{ROGUE}/"), None);
    assert!(single["results"]["id"] == ROGUE && single["results"].get("creator_email").is_none());
    let made = *lab.tenant.mixpanel.service_accounts.last_key_value().unwrap().0;
    let key = lab.key(made);
    assert_eq!(lab.export(&key, WEB), 401);
    let me = Request::new("GET", "/api/app/me/").with_header("authorization", &key);
    assert_eq!(lab.send(&me).0, 401);
}

#[test]
fn pipelines_imports_and_deletions_are_stopped() {
    let mut lab = Lab::new(|_| {});
    let jobs = format!("/api/2.0/nessie/pipeline/jobs?project_id={WEB}");
    let post = |lab: &mut Lab, what: &str, form: &str| {
        let key = lab.key(TOOL);
        let mut request = Request::new("POST", &format!("/api/2.0/nessie/pipeline/{what}"));
        request.body = form.as_bytes().to_vec();
        lab.send(&request.with_header("authorization", &key)).0
    };
    assert_eq!(lab.as_tool("GET", &jobs, None).1[WEB.to_string()][0]["paused"], false);
    assert_eq!(post(&mut lab, "pause", &format!("name=events-hourly-s3&project_id={WEB}")), 200);
    assert_eq!(lab.as_tool("GET", &jobs, None).1[WEB.to_string()][0]["paused"], true);
    assert_eq!(post(&mut lab, "pause", &format!("name=none&project_id={WEB}")), 404);
    assert_eq!(post(&mut lab, "resume", "project_id=x"), 400);
    let imports = format!("/api/app/projects/{WEB}/warehouse-sources/imports");
    assert_eq!(ids(&lab.as_tool("GET", &imports, None).1), [9_001, 9_002]);
    let jane = format!("{imports}/9002");
    assert_eq!(lab.as_tool("PATCH", &jane, Some(json!({"paused": true}))).0, 400, "both fields are needed");
    let pause = json!({"paused": true, "run_every": 3_600_000_000_000_u64});
    assert_eq!(lab.as_tool("PATCH", &jane, Some(pause)).1["results"]["paused"], true);
    assert_eq!(lab.as_tool("DELETE", &jane, Some(json!({"delete_data": false}))).0, 200);
    assert_eq!(lab.as_tool("GET", &jane, None).0, 404);
    let token = lab.tenant.mixpanel.projects[&WEB].token.clone();
    let deletion = format!("/api/app/data-deletions/v3.0/c0ffee00-4711?token={token}");
    assert_eq!(lab.as_tool("DELETE", &deletion, None).0, 401, "a service account has no OAuth token");
    let oauth = format!("Bearer {}", lab.tenant.mixpanel.oauth_tokens.keys().next().unwrap());
    let person = |method: &str| Request::new(method, &deletion).with_header("authorization", &oauth);
    assert_eq!(lab.send(&person("GET")).1["results"]["status"], "PENDING");
    assert_eq!([lab.send(&person("DELETE")).0, lab.send(&person("DELETE")).0], [204, 405]);
    assert_eq!(lab.actions().last(), Some(&"user_data_deletion.canceled"));
}

#[test]
fn people_do_on_the_page_what_no_api_can() {
    let mut lab = Lab::new(|_| {});
    let session = lab.tenant.attacker.sessions[0].clone();
    let browse = Request::new("GET", "/api/app/me").with_header("cookie", &format!("sessionid={session}"));
    let (_, me) = lab.send(&browse);
    let projects: Vec<&String> = me["results"]["projects"].as_object().unwrap().keys().collect();
    assert_eq!(projects, ["3187001", "3187002", "3187003"]);
    let secret = lab.tenant.mixpanel.projects[&WEB].api_secret.clone();
    let secret = format!("Basic {}", STANDARD.encode(format!("{secret}:")));
    assert_eq!([lab.export(&secret, WEB), lab.export(&secret, MOBILE)], [200, 403]);
    lab.ui(RESPONDER).unwrap().reset_api_secret(WEB).unwrap();
    assert_eq!(lab.export(&secret, WEB), 401);
    assert!(lab.ui(VICTIM).unwrap().remove_member("chiara.costa@acme.example").is_err());
    let mut ada = lab.ui(RESPONDER).unwrap();
    ada.revoke_project_access(VICTIM, WEB).unwrap();
    ada.pause_json_pipeline(WEB, "json-gcs").unwrap();
    ada.disconnect_cohort_sync(WEB, "webhook").unwrap();
    ada.close_board(WEB, 5_120).unwrap();
    ada.revoke_default_access(3_187_003).unwrap();
    assert!(ada.export_audit_log().unwrap().contains("board.public_access_updated"));
    let (_, me) = lab.send(&browse);
    assert_eq!(me["results"]["projects"].as_object().unwrap().len(), 2, "the team's grant is left");
    let mut ada = lab.ui(RESPONDER).unwrap();
    ada.remove_from_team(VICTIM, 7_001).unwrap();
    ada.remove_member(VICTIM).unwrap();
    assert_eq!(ada.remove_member(VICTIM), Err(Refused::Unknown));
    ada.change_role("bruno.brandt@acme.example", "admin").unwrap();
    assert_eq!(ada.remove_member(RESPONDER), Err(Refused::LastOwner));
    assert_eq!(lab.send(&browse).0, 401);
    assert_eq!(lab.actions().last(), Some(&"user.role_changed"));
}

#[test]
fn deactivation_ends_access_and_as_switched_the_session() {
    let mut lab = Lab::new(|switches| switches.login_readds = true);
    let cookie = lab.tenant.attacker.sessions[0].clone();
    let browse = Request::new("GET", "/api/app/me").with_header("cookie", &format!("sessionid={cookie}"));
    assert!(lab.tenant.mixpanel.deactivate(VICTIM, None));
    assert_eq!(lab.send(&browse).0, 200, "the session lives on");
    assert!(lab.ui(VICTIM).is_err());
    lab.tenant.mixpanel.deactivate(VICTIM, Some(0));
    assert_eq!(lab.send(&browse).0, 401);
    assert!(lab.tenant.mixpanel.reactivate(VICTIM));
    assert_eq!(lab.send(&browse).0, 401, "and an ended one stays ended");
    let mut ada = lab.ui(RESPONDER).unwrap();
    ada.remove_member(VICTIM).unwrap();
    let (wall, now) = (Timestamp { nanos: 1, digits: 0 }, lab.now);
    let moment = Moment { now, wall, switches: &lab.switches };
    let fresh = sign_in(&mut lab.tenant, VICTIM, "203.0.113.66", &moment).unwrap();
    let browse = Request::new("GET", "/api/app/me").with_header("cookie", &format!("sessionid={fresh}"));
    assert_eq!(lab.send(&browse).0, 200);
    lab.switches.mixpanel.login_readds = false;
    let moment = Moment { now, wall, switches: &lab.switches };
    lab.tenant.mixpanel.remove_member(VICTIM, 0);
    assert!(sign_in(&mut lab.tenant, VICTIM, "203.0.113.66", &moment).is_none());
}
