//! Every provider that has clients, against its emulated service.

use super::super::world::{World, ids};
use super::super::{Proof, Provider, ProviderKind, auth0, entra, google, onelogin, pingone};
use super::*;
use crate::config::Value;
use crate::drill::emulator::clients::{Clients, Registered};
use crate::drill::emulator::draws::CANARY;
use crate::drill::emulator::google::ServiceAccount;
use crate::drill::emulator::{
    self as emulated, Fault, Faults, Record, Service, Switches, Tenant, What, When,
};
use crate::lockdown::step::Step;

const JANE: &str = "jane@agency.example";

/// A kind, and how its tenant is given a client that may do what `tokens` may; or told to forget what it gave.
struct Case {
    kind: &'static ProviderKind,
    service: &'static dyn Service,
    register: fn(&mut Tenant),
    forget: fn(&mut Tenant),
}

fn registered<T: Clone>(token: &T, basic: bool) -> Clients<T> {
    let secret = format!("{CANARY} ~+/&=");
    Clients::one("client-1", Registered { secret, basic, allowed: true, token: token.clone() })
}

const KINDS: [Case; 5] = [
    Case {
        kind: &entra::KIND,
        service: &emulated::entra::Entra,
        register: |tenant| {
            let token = tenant.entra.tokens.values().next().unwrap();
            tenant.entra.clients = registered(token, false);
        },
        forget: |tenant| tenant.entra.clients.issued.clear(),
    },
    Case {
        kind: &auth0::KIND,
        service: &emulated::auth0::Auth0,
        register: |tenant| {
            let token = tenant.auth0.tokens.values().next().unwrap();
            tenant.auth0.clients = registered(token, false);
        },
        forget: |tenant| tenant.auth0.clients.issued.clear(),
    },
    Case {
        kind: &onelogin::KIND,
        service: &emulated::onelogin::OneLogin,
        register: |tenant| {
            let scope = tenant.onelogin.tokens.values().next().unwrap();
            tenant.onelogin.clients = registered(scope, false);
        },
        forget: |tenant| tenant.onelogin.clients.issued.clear(),
    },
    Case {
        kind: &pingone::KIND,
        service: &emulated::pingone::PingOne,
        register: |tenant| {
            let token = tenant.pingone.tokens.values().next().unwrap();
            tenant.pingone.clients = registered(token, true);
        },
        forget: |tenant| tenant.pingone.clients.issued.clear(),
    },
    Case {
        kind: &google::KIND,
        service: &emulated::google::Google,
        register: |tenant| tenant.google.service_account = Some(ServiceAccount::full()),
        forget: |tenant| tenant.google.clients.issued.clear(),
    },
];

fn tenant(kind: &Case) -> Tenant {
    let mut tenant = Tenant::example(1);
    kind.service.example(&mut tenant);
    tenant
}

fn world(kind: &Case, switch: impl FnOnce(&mut Switches)) -> World {
    let mut tenant = tenant(kind);
    (kind.register)(&mut tenant);
    World::configured(kind.kind, tenant, switch)
}

/// Requests for tokens.
fn asked(world: &World) -> Vec<Record> {
    let requests = world.emulator.requests().into_iter();
    requests.filter(|request| request.method == "POST" && request.path.ends_with("/token")).collect()
}

fn fail_tokens(world: &World, what: What) {
    let (service, path_part) = (world.provider.name().to_owned(), "/token".to_owned());
    let when = When::Match { service, method: "POST".into(), path_part, times: u64::MAX };
    world.emulator.set_faults(Faults { faults: vec![Fault { when, what }], ..Faults::default() });
}

fn row(world: &World) -> Check {
    let checks = world.runtime.block_on(world.provider.check());
    checks.into_iter().find(|check| check.what == "get an access token").unwrap()
}

/// Whether a step reads before it changes something: Entra's assignments, and roles of PingOne and within a part of Google's
/// organization, are looked for anew.
fn reads_first(step: &Step) -> bool {
    step.action == "unassign"
        || ["pingone/role/", "google/role/21:"].iter().any(|kind| step.id.0.starts_with(kind))
}

#[test]
fn a_client_does_what_its_access_token_would() {
    for kind in &KINDS {
        let name = kind.kind.spec.name;
        let world = world(kind, |_| {});
        let found = world.discover(JANE);
        assert!(found.guards.is_empty() && found.gaps.is_empty(), "{name}: {found:?}");
        let mut plain = tenant(kind);
        plain.entra.clients = Clients::default();
        plain.pingone.clients = Clients::default();
        let by_token = World::configured(kind.kind, plain, |_| {});
        assert_eq!(ids(&found), ids(&by_token.discover(JANE)), "{name}");
        assert!(asked(&by_token).is_empty(), "{name}");
        assert!(
            by_token
                .runtime
                .block_on(by_token.provider.check())
                .iter()
                .all(|check| check.what != "get an access token")
        );
        for step in &found.steps {
            world.apply(step).unwrap_or_else(|error| panic!("{}: {error}", step.id));
            assert!(matches!(world.prove(step), Proof::Proved(_)), "{}", step.id);
        }
        let tokens = asked(&world);
        assert_eq!(tokens.len(), 1, "{name}");
        assert!(
            !tokens[0].changing && tokens[0].idempotency_key.is_none(),
            "{name}: nothing is changed by it"
        );
        let check = row(&world);
        let who = if name == "google" { "responders@acme-security" } else { "client-1" };
        assert!(check.state == CheckState::Works && check.note.contains(who), "{name}: {check:?}");
    }
}

#[test]
fn the_permissions_of_a_token_that_was_asked_for_are_read() {
    for (kind, what, has) in
        [(&KINDS[0], "disable users", "User.ReadWrite.All"), (&KINDS[1], "block users", "update:users")]
    {
        let world = world(kind, |_| {});
        let checks = world.runtime.block_on(world.provider.check());
        let check = checks.iter().find(|check| check.what == what).unwrap();
        assert_eq!(
            (check.state, check.note.as_str()),
            (CheckState::Works, format!("the token has {has}").as_str())
        );
    }
}

#[test]
fn tokens_that_end_in_the_middle_are_renewed_and_nothing_is_done_twice() {
    for kind in &KINDS {
        let world = world(kind, |_| {});
        let found = world.discover(JANE);
        for step in &found.steps {
            world.emulator.edit(kind.forget);
            world.apply(step).unwrap_or_else(|error| panic!("{}: {error}", step.id));
            world.emulator.edit(kind.forget);
            assert!(matches!(world.prove(step), Proof::Proved(_)), "{}", step.id);
        }
        let tokens = asked(&world).len();
        assert_eq!(tokens, 1 + 2 * found.steps.len(), "{}", kind.kind.spec.name);
        let changes = world.emulator.requests().into_iter().filter(|request| request.changing);
        let (done, refused): (Vec<Record>, Vec<Record>) = changes.partition(|request| request.took_effect);
        // What looks first meets the end of the token there.
        let looks = found.steps.iter().filter(|step| reads_first(step)).count();
        assert_eq!((done.len(), refused.len() + looks), (found.steps.len(), found.steps.len()));
        assert!(refused.iter().all(|request| request.status == Some(401)), "{refused:?}");
    }
}

#[test]
fn without_a_token_nothing_is_changed_proved_or_taken_for_gone() {
    for kind in &KINDS {
        for what in
            [What::Status(404), What::Status(401), What::Status(500), What::NotJson, What::RedirectElsewhere]
        {
            let world = world(kind, |_| {});
            let steps = world.discover(JANE).steps;
            world.emulator.edit(kind.forget);
            fail_tokens(&world, what);
            for step in &steps {
                let error = world.apply(step).unwrap_err();
                let kept = matches!(error, CallError::NotSent { .. });
                assert!(kept || reads_first(step), "{what}, {}: {error}", step.id);
                let proof = world.prove(step);
                assert!(matches!(proof, Proof::Unknown(_)), "{what}, {}: {proof:?}", step.id);
            }
            let effect = |request: &Record| request.changing && request.took_effect;
            assert!(!world.emulator.requests().iter().any(effect), "{what}");
            assert!(world.emulator.trapped().is_empty(), "{what}");
        }
    }
}

#[test]
fn what_keeps_a_client_from_tokens_is_told_without_its_secret() {
    let told = |kind: &Case, change: fn(&mut Tenant)| {
        let mut tenant = tenant(kind);
        (kind.register)(&mut tenant);
        let world = World::configured(kind.kind, tenant, |_| {});
        world.emulator.edit(change);
        let check = row(&world);
        assert!(check.state == CheckState::Missing && !check.note.contains(CANARY), "{check:?}");
        check.note
    };
    let forgotten = told(&KINDS[0], |tenant| tenant.entra.clients.registered.clear());
    assert!(
        forgotten.contains("invalid_client") && forgotten.contains("`credential` belong together"),
        "{forgotten}"
    );
    let forgotten = told(&KINDS[1], |tenant| tenant.auth0.clients.registered.clear());
    assert!(forgotten.contains("access_denied") && forgotten.contains("secret has expired"), "{forgotten}");
    let forbidden = told(&KINDS[2], |tenant| {
        tenant.onelogin.clients.registered.values_mut().for_each(|client| client.allowed = false);
    });
    assert!(forbidden.contains("unauthorized_client") && forbidden.contains("console"), "{forbidden}");
    let moved = told(&KINDS[3], |tenant| tenant.pingone.environment = "other".into());
    assert!(moved.contains("status 404") && moved.contains("/as/token"), "{moved}");
    let other = told(&KINDS[3], |tenant| {
        tenant.pingone.clients.registered.values_mut().for_each(|client| client.basic = false);
    });
    assert!(other.contains("shows it as the vendor asks for"), "{other}");
    let forgotten = told(&KINDS[4], |tenant| tenant.google.service_account = None);
    assert!(forgotten.contains("invalid_grant") && forgotten.contains("still exists"), "{forgotten}");
    let narrow = told(&KINDS[4], |tenant| {
        tenant.google.service_account.as_mut().unwrap().delegated.pop();
    });
    assert!(narrow.contains("unauthorized_client") && narrow.contains("every scope of `scopes`"), "{narrow}");
    let other = told(&KINDS[4], |tenant| tenant.google.service_account.as_mut().unwrap().key_id = "x".into());
    assert!(other.contains("Invalid JWT Signature"), "{other}");
}

#[test]
fn no_failure_is_a_proof_and_nothing_shows_a_secret() {
    for kind in &KINDS {
        world(kind, |_| {}).nothing_shows_a_secret(JANE);
        world(kind, |_| {}).no_failure_is_a_proof(JANE);
    }
}

#[test]
fn the_application_as_which_portcullis_works_is_named_to_whoever_cleans_up() {
    let mut tenant = tenant(&KINDS[0]);
    (KINDS[0].register)(&mut tenant);
    for app in tenant.entra.apps.values_mut().filter(|app| app.name == "exporter") {
        app.client = "CLIENT-1".into();
    }
    let found = World::configured(&entra::KIND, tenant, |_| {}).discover(JANE);
    let owned = found.guided.iter().find(|guided| guided.id.contains("owned")).unwrap();
    assert!(owned.required && owned.how.contains("Portcullis itself works"), "{}", owned.how);
    let found = world(&KINDS[2], |_| {}).discover(JANE);
    let before = found.guided.iter().find(|guided| guided.id.contains("before-it-comes-back")).unwrap();
    assert!(before.how.contains("client-1"), "{}", before.how);
}

fn settings(all: &[(&'static str, &str)]) -> Settings {
    let value = |name: &str, text: &str| match name {
        "authority" | "auth-url" => Value::Url(Url::parse(text).unwrap()),
        _ => Value::Text(text.to_owned()),
    };
    all.iter().map(|&(name, text)| (name, value(name, text))).collect()
}

/// Opens a kind at this address; where it asks for tokens, or why it cannot be opened.
fn opened(
    kind: &ProviderKind,
    base: &str,
    all: &[(&'static str, &str)],
) -> Result<Box<dyn Provider>, String> {
    let settings = settings(all);
    let transport = super::super::world::transport(base, (kind.auth)("secret".into()).unwrap());
    let (inventory, disabling) = ([].into(), [].into());
    let opening =
        Opening { name: "x".into(), settings, transport, inventory, default_store: None, disabling };
    (kind.open)(opening).map_err(|error| error.to_string())
}

#[test]
fn settings_of_clients_are_checked() {
    let graph = "https://graph.microsoft.com/v1.0";
    let authority = ("authority", "https://login.microsoftonline.com");
    let ping = ("environment", "e-1");
    let api = "https://api.pingone.eu/v1";
    let wrong = |kind, base, all: &[(&'static str, &str)]| opened(kind, base, all).err().unwrap();
    assert!(opened(&entra::KIND, graph, &[authority, ("client-id", "a"), ("tenant", "t.example")]).is_ok());
    assert!(wrong(&entra::KIND, graph, &[authority, ("client-id", "a")]).contains("`tenant` is needed"));
    assert!(wrong(&entra::KIND, graph, &[authority, ("tenant", "t")]).contains("`client-id` is missing"));
    let hostile = [authority, ("client-id", "a"), ("tenant", "../x")];
    assert!(wrong(&entra::KIND, graph, &hostile).contains("an id or a domain"));
    let plain = [("authority", "http://127.0.0.1"), ("client-id", "a"), ("tenant", "t")];
    assert!(wrong(&entra::KIND, graph, &plain).contains("https"));
    assert!(opened(&pingone::KIND, api, &[ping, ("client-id", "a"), ("client-auth", "post")]).is_ok());
    let auth = wrong(&pingone::KIND, api, &[ping, ("client-id", "a"), ("client-auth", "jwt")]);
    assert!(auth.contains("\"basic\" or \"post\""), "{auth}");
    let elsewhere = [ping, ("client-id", "a"), ("client-auth", "basic")];
    assert!(wrong(&pingone::KIND, "https://proxy.example/v1", &elsewhere).contains("auth-url"));
    assert!(
        wrong(&auth0::KIND, "https://a.example", &[("audience", "x")]).contains("`audience` is for a client")
    );
}

#[test]
fn addresses_are_made_from_names_alone() {
    let base = Url::parse("https://login.example/x/").unwrap();
    let url = below(&base, &["acme", "oauth2", "v2.0", "token"]).unwrap();
    assert_eq!(url.as_str(), "https://login.example/x/acme/oauth2/v2.0/token");
    for (tenant, good) in [
        ("acme.onmicrosoft.example", true),
        ("6e7b768e-07e2-4810-8459-485f84f8f204", true),
        ("..", false),
        ("a/b", false),
        ("a?b", false),
        ("", false),
    ] {
        assert_eq!(name(&settings(&[("tenant", tenant)]), "tenant").is_ok(), good, "{tenant}");
    }
}
