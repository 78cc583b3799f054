//! The store for Vault and `OpenBao` against a real server: what others write, tokens that may do little, a sealed server.
//! The server's program is found through `PORTCULLIS_BAO`; without it these tests say so and check nothing.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "common/bao.rs"]
mod bao;

use std::collections::BTreeMap;

use bao::Bao;
use portcullis::lockdown::http::{Call, CallError};
use portcullis::lockdown::provider::CheckState;
use portcullis::lockdown::store::{StoreError, Version, Write};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

const CANARY: &str = "c4n4ry-5ecret";

fn set(value: &str) -> Write {
    Write::Merge(BTreeMap::from([("secret".to_owned(), SecretString::from(value))]))
}

/// The error's class, after making sure that it tells no secret.
fn class<T>(result: Result<T, StoreError>) -> String {
    let error = result.err().unwrap();
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("canary") && !shown.contains(CANARY), "{shown}");
    }
    match error {
        StoreError::Call(CallError::Refused { status, .. }) => format!("refused {status}"),
        StoreError::Call(CallError::Lost { .. }) => "lost".to_owned(),
        StoreError::Invalid(_) => "invalid".to_owned(),
        other => panic!("{other}"),
    }
}

async fn data(bao: &Bao, path: &str) -> Value {
    bao.admin(Call::get(&["v1", "secret", "data", path])).await["data"]["data"].clone()
}

#[tokio::test]
async fn values_that_are_no_text_keep_their_type() {
    let Some(bao) = Bao::start().await else { return };
    let store = bao.store();
    let seed = json!({"port": 5432, "hosts": ["a", "b"], "secret": "old", "on": true});
    bao.admin(Call::post(&["v1", "secret", "data", "db"]).json(json!({ "data": seed }))).await;
    let entry = store.read("db").await.unwrap().unwrap();
    assert_eq!(
        (entry.fields["port"].expose_secret(), entry.fields["hosts"].expose_secret()),
        ("5432", r#"["a","b"]"#)
    );
    assert_eq!(store.write("db", set(CANARY), &1.into(), "k").await.unwrap(), 2.into());
    assert_eq!(
        data(&bao, "db").await,
        json!({"port": 5432, "hosts": ["a", "b"], "secret": CANARY, "on": true})
    );
    let earlier = store.earlier("db", &1.into()).await.unwrap().unwrap();
    assert_eq!(store.write("db", Write::Replace(earlier.fields), &2.into(), "k2").await.unwrap(), 3.into());
    assert_eq!(data(&bao, "db").await, seed, "undone without a difference");
}

#[tokio::test]
async fn a_deleted_entry_is_a_version_without_fields_and_takes_new_ones() {
    let Some(bao) = Bao::start().await else { return };
    let store = bao.store();
    store.write("x", set(CANARY), &0.into(), "k").await.unwrap();
    bao.admin(Call::delete(&["v1", "secret", "data", "x"])).await;
    let entry = store.read("x").await.unwrap().unwrap();
    assert_eq!((entry.version, entry.fields.len()), (1.into(), 0));
    assert!(store.earlier("x", &1.into()).await.unwrap().is_none());
    assert!(matches!(
        store.write("x", set("y"), &0.into(), "k").await,
        Err(StoreError::Conflict { found: Some(Version::Number(1)), .. })
    ));
    assert_eq!(store.write("x", set("y"), &1.into(), "k").await.unwrap(), 2.into());
    assert_eq!(data(&bao, "x").await, json!({"secret": "y"}));
}

#[tokio::test]
async fn a_token_that_may_do_little_is_refused_and_doctor_says_so() {
    let Some(bao) = Bao::start().await else { return };
    bao.store().write("x", set("old"), &0.into(), "k").await.unwrap();
    // Dead: nothing works.
    let dead = bao.store_with("s.canary-dead", &[]);
    assert_eq!(class(dead.read("x").await), "refused 403");
    assert_eq!(class(dead.write("x", set(CANARY), &1.into(), "k").await), "refused 403");
    assert_eq!(dead.check().await[0].state, CheckState::Missing);
    // Reads alone.
    let token = bao.token("reads", r#"path "secret/data/*" { capabilities = ["read"] }"#).await;
    let reads = bao.store_with(&token, &[]);
    assert_eq!(reads.version("x").await.unwrap(), Some(1.into()));
    assert_eq!(class(reads.write("x", set(CANARY), &1.into(), "k").await), "refused 403");
    let checks = reads.check().await;
    assert!(
        checks
            .iter()
            .any(|check| check.state == CheckState::Unknown && check.note.contains("create, update"))
    );
    // No patch: by reading and writing all of it.
    let policy = r#"path "secret/data/*" { capabilities = ["read", "create", "update"] }"#;
    let writes = bao.store_with(&bao.token("writes", policy).await, &[]);
    let both = BTreeMap::from([("more".to_owned(), SecretString::from("2"))]);
    assert_eq!(writes.write("x", Write::Merge(both), &1.into(), "k").await.unwrap(), 2.into());
    assert_eq!(data(&bao, "x").await, json!({"secret": "old", "more": "2"}));
    assert!(matches!(
        writes.write("x", set("z"), &1.into(), "k").await,
        Err(StoreError::Conflict { found: Some(Version::Number(2)), .. })
    ));
    assert!(writes.check().await.iter().all(|check| check.state == CheckState::Works));
}

#[tokio::test]
async fn a_wrong_mount_is_never_an_empty_store() {
    let Some(bao) = Bao::start().await else { return };
    let nowhere = bao.store_with("r00t-t0ken-canary", &[("mount", "nowhere")]);
    assert_eq!(class(nowhere.read("x").await), "invalid");
    assert_eq!(class(nowhere.write("x", set(CANARY), &0.into(), "k").await), "refused 404");
    assert!(nowhere.check().await.iter().any(|check| check.state != CheckState::Works));
    // The engine of version 1 takes the request and keeps no versions.
    bao.admin(
        Call::post(&["v1", "sys", "mounts", "old"]).json(json!({"type": "kv", "options": {"version": "1"}})),
    )
    .await;
    let old = bao.store_with("r00t-t0ken-canary", &[("mount", "old")]);
    assert_eq!(class(old.write("x", set(CANARY), &0.into(), "k").await), "lost");
    assert!(old.check().await.iter().any(|check| check.note.contains("version 2")));
}

#[tokio::test]
async fn namespaces_are_kept_apart() {
    let Some(bao) = Bao::start().await else { return };
    bao.admin(Call::post(&["v1", "sys", "namespaces", "security"])).await;
    let mount = Call::post(&["v1", "sys", "mounts", "team", "kv"]).header("x-vault-namespace", "security");
    bao.admin(mount.json(json!({"type": "kv", "options": {"version": "2"}}))).await;
    let there = bao.store_with("r00t-t0ken-canary", &[("namespace", "security"), ("mount", "team/kv")]);
    assert_eq!(there.write("x", set("1"), &0.into(), "k").await.unwrap(), 1.into());
    assert_eq!(there.version("x").await.unwrap(), Some(1.into()));
    assert_eq!(
        class(bao.store_with("r00t-t0ken-canary", &[("mount", "team/kv")]).read("x").await),
        "invalid"
    );
    assert!(bao.store().read("x").await.unwrap().is_none());
}

#[tokio::test]
async fn a_sealed_server_is_never_a_success() {
    let Some(bao) = Bao::start().await else { return };
    let store = bao.store();
    store.write("x", set("1"), &0.into(), "k").await.unwrap();
    bao.admin(Call::put(&["v1", "sys", "seal"])).await;
    assert_eq!(class(store.write("x", set(CANARY), &1.into(), "k").await), "lost");
    assert_eq!(class(store.read("x").await), "lost");
    assert_eq!(store.check().await[0].state, CheckState::Unknown);
}
