//! The tenant of the drill: the organisation of the made-up logs, with the account that they show compromised.

use serde_json::{Map, Value, json};

use super::emulator::generate::{Setup, Use};
use super::emulator::mixpanel::{Refused, Ui};
use super::emulator::okta::{ApiToken, App, Assignment, Grant, Group, Role, Status, User as OktaUser};
use super::emulator::vault::{Mount, Secret, Token};
use super::emulator::{Tenant, mixpanel, okta, scim, vault};
use crate::synth::people::{RESPONDER, VICTIM};

/// The mount of the secret store.
const MOUNT: &str = "secret";
/// The entry of the credential that consumers use and the compromised account could see.
const PATH: &str = "mixpanel/etl-nightly";
/// When everything was made that has a date.
const LONG_AGO: &str = "2026-01-05T09:00:00.000Z";
/// The project with pipelines, boards and syncs.
const WEB: u64 = 3_187_001;
/// The service account that Portcullis works with.
const OWN: u64 = 88_101;
/// The service account that consumers use.
const EXPOSED: u64 = 88_102;
/// The compromised account and the responder at the identity provider.
const IDS: [(&str, &str, &str, &str); 2] =
    [("00u1ada", RESPONDER, "Ada", "Abel"), ("00u2jane", VICTIM, "Jane", "Doe")];

/// The tenant, and what Portcullis has to know to act in it. The seed decides every secret.
pub fn tenant(seed: u64) -> (Tenant, Setup) {
    let mut tenant = Tenant::example(seed);
    let tokens = [(); 4].map(|()| tenant.draws.secret());
    let [okta_token, stolen, scim_token, vault_token] = tokens;
    tenant.okta = identity(&okta_token, &stolen);
    tenant.scim = directory(&scim_token);
    let exposed = tenant.mixpanel.service_accounts.get(&EXPOSED).cloned().unwrap_or_default();
    tenant.vault = store(&vault_token, &exposed);
    let own = tenant.mixpanel.service_accounts.get(&OWN).cloned().unwrap_or_default();
    let setup = Setup {
        compromised: VICTIM.to_owned(),
        responder: RESPONDER.to_owned(),
        organization: tenant.mixpanel.organization_id,
        service_account: (own.username, own.secret),
        service_account_id: OWN,
        okta_token,
        okta_token_id: "00T1tool".to_owned(),
        okta_app: "0oa1mixpanel".to_owned(),
        scim_token,
        vault_token,
        vault_mount: MOUNT.to_owned(),
        uses: vec![Use {
            name: "nightly-etl".to_owned(),
            project: Some(WEB),
            credential: exposed.username,
            path: Some(PATH.to_owned()),
            consumer: "airflow on etl-1".to_owned(),
            owner: "chiara.costa@acme.example".to_owned(),
            created_by: VICTIM.to_owned(),
        }],
    };
    (tenant, setup)
}

/// What people do on the vendor's web page after a lockdown, since no API can.
///
/// # Errors
/// The page refuses.
pub fn people_act(page: &mut Ui<'_>) -> Result<(), Refused> {
    for project in [WEB, 3_187_002, 3_187_003] {
        page.reset_api_secret(project)?;
    }
    page.pause_json_pipeline(WEB, "json-gcs")?;
    page.disconnect_cohort_sync(WEB, "webhook")?;
    page.close_board(WEB, 5_120)
}

fn identity(token: &str, stolen: &str) -> okta::State {
    let mut state = okta::State::default();
    for (id, login, first, last) in IDS {
        let user = OktaUser {
            login: login.to_owned(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            status: Status::Active,
            status_changed: LONG_AGO.to_owned(),
            created: LONG_AGO.to_owned(),
            ..OktaUser::default()
        };
        state.users.insert(id.to_owned(), user);
    }
    if let Some(ada) = state.users.get_mut("00u1ada") {
        let role = Role { kind: "SUPER_ADMIN".to_owned(), ..Role::default() };
        ada.roles.insert("ra1ada".to_owned(), role);
    }
    if let Some(jane) = state.users.get_mut("00u2jane") {
        jane.sessions.extend(["102browser".to_owned(), "103unknown".to_owned()]);
        jane.oauth_tokens.insert("oar1cli".to_owned(), "0oa9cli".to_owned());
        let grant = Grant { client: "0oa9cli".to_owned(), scope: "okta.users.read".to_owned() };
        jane.grants.insert("oag1cli".to_owned(), grant);
    }
    for (id, name, secret, user) in
        [("00T1tool", "portcullis", token, "00u1ada"), ("00T2script", "reports", stolen, "00u2jane")]
    {
        let (name, user) = (name.to_owned(), user.to_owned());
        let token = ApiToken { secret: secret.to_owned(), name, user, created: LONG_AGO.to_owned() };
        state.tokens.insert(id.to_owned(), token);
    }
    for (id, name) in [("00g1agency", "agency"), ("00g2analytics", "analytics")] {
        let members = [("00u2jane".to_owned(), None)].into();
        let group = Group { name: name.to_owned(), kind: "OKTA_GROUP".to_owned(), members };
        state.groups.insert(id.to_owned(), group);
    }
    let app = App {
        name: "mixpanel".to_owned(),
        label: "Mixpanel".to_owned(),
        users: [("00u1ada".to_owned(), Assignment { user_name: RESPONDER.to_owned(), profile: Map::new() })]
            .into(),
        groups: ["00g2analytics".to_owned()].into(),
        provisions: true,
    };
    state.apps.insert("0oa1mixpanel".to_owned(), app);
    state
}

fn directory(token: &str) -> scim::State {
    let mut state = scim::State { token: token.to_owned(), ..scim::State::default() };
    state.claimed_domains.extend(["acme.example".to_owned(), "agency.example".to_owned()]);
    for (id, (_, login, first, last)) in (1..).zip(IDS) {
        let mut attributes = Map::new();
        attributes.insert("displayName".to_owned(), json!(format!("{first} {last}")));
        attributes.insert("name".to_owned(), json!({ "givenName": first, "familyName": last }));
        let user = scim::User {
            user_name: login.to_owned(),
            active: true,
            attributes,
            version: 1,
            created: LONG_AGO.to_owned(),
            modified: LONG_AGO.to_owned(),
        };
        state.users.insert(format!("scim-{id}"), user);
    }
    state
}

fn store(token: &str, exposed: &mixpanel::ServiceAccount) -> vault::State {
    let fields =
        [("username", exposed.username.as_str()), ("secret", exposed.secret.as_str()), ("region", "us")];
    let data: Map<String, Value> =
        fields.map(|(key, value)| (key.to_owned(), json!(value))).into_iter().collect();
    let mut mount = Mount { cas_required: true, ..Mount::default() };
    mount.secrets.insert(PATH.to_owned(), Secret::new(data, LONG_AGO));
    let paths = ["secret/data/mixpanel/*", "secret/metadata/mixpanel/*"];
    let tool =
        Token::new("portcullis", "accessor-1".to_owned(), &paths, &["read", "create", "update", "patch"]);
    vault::State {
        tokens: [(token.to_owned(), tool)].into(),
        mounts: [(MOUNT.to_owned(), mount)].into(),
        sealed: false,
    }
}
