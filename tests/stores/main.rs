//! What every store has to do, tried on each. A store that is added is tried too, or this fails.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "common/bao.rs"]
mod bao;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use portcullis::config::{Settings, Value};
use portcullis::lockdown::provider::CheckState;
use portcullis::lockdown::store::{Entry, Opening, STORES, Store, StoreError, Write, file, kind};
use secrecy::{ExposeSecret as _, SecretString};

fn fields(fields: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    fields.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect()
}

fn plain(entry: Option<Entry>) -> (u64, Vec<(String, String)>) {
    let entry = entry.unwrap();
    let fields = entry.fields.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
    (entry.version, fields.collect())
}

fn is(entry: Option<Entry>, version: u64, expected: &[(&str, &str)]) {
    let expected = expected.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(plain(entry), (version, expected));
}

fn conflict(result: Result<u64, StoreError>, path: &str) -> (u64, Option<u64>) {
    match result.unwrap_err() {
        StoreError::Conflict { path: at, expected, found } => {
            assert_eq!(at, path);
            (expected, found)
        }
        other => panic!("{other}"),
    }
}

async fn keeps_versions(store: &dyn Store, path: &str) {
    let nasty = format!("\"\\\n\u{1b}é{}", "x".repeat(10_000));
    assert!(store.read(path).await.unwrap().is_none() && store.version(path).await.unwrap().is_none());
    assert!(store.earlier(path, 1).await.unwrap().is_none());
    let first = [("a", "1"), ("secret", nasty.as_str())];
    assert_eq!(store.write(path, Write::Merge(fields(&first)), 0, "k1").await.unwrap(), 1);
    is(store.read(path).await.unwrap(), 1, &first);
    assert_eq!(store.version(path).await.unwrap(), Some(1));
    // Not there any more, and not yet there.
    let write = || Write::Merge(fields(&[("b", "2"), ("a", "3")]));
    assert_eq!(conflict(store.write(path, write(), 0, "k2").await, path), (0, Some(1)));
    assert_eq!(conflict(store.write(path, write(), 2, "k2").await, path), (2, Some(1)));
    is(store.read(path).await.unwrap(), 1, &first);
    let second = [("a", "3"), ("b", "2"), ("secret", nasty.as_str())];
    assert_eq!(store.write(path, write(), 1, "k2").await.unwrap(), 2);
    is(store.read(path).await.unwrap(), 2, &second);
    let third = [("c", "4")];
    let replace = || Write::Replace(fields(&third));
    assert_eq!(conflict(store.write(path, replace(), 1, "k3").await, path), (1, Some(2)));
    assert_eq!(store.write(path, replace(), 2, "k3").await.unwrap(), 3);
    is(store.read(path).await.unwrap(), 3, &third);
    // Back to the first.
    is(store.earlier(path, 2).await.unwrap(), 2, &second);
    assert!(store.earlier(path, 9).await.unwrap().is_none());
    let earlier = store.earlier(path, 1).await.unwrap().unwrap();
    assert_eq!(store.write(path, Write::Replace(earlier.fields), 3, "k4").await.unwrap(), 4);
    is(store.read(path).await.unwrap(), 4, &first);
    // Emptied, and used again.
    assert_eq!(store.write(path, Write::Replace(fields(&[])), 4, "k5").await.unwrap(), 5);
    is(store.read(path).await.unwrap(), 5, &[]);
    assert_eq!(store.write(path, Write::Merge(fields(&third)), 5, "k6").await.unwrap(), 6);
    is(store.read(path).await.unwrap(), 6, &third);
}

async fn lets_one_writer_win(store: &Arc<dyn Store>, path: &str) {
    let expected = store.version(path).await.unwrap().unwrap_or(0);
    let writers = (0..8).map(|at| {
        let store = Arc::clone(store);
        let path = path.to_owned();
        tokio::spawn(async move {
            let write = Write::Merge(fields(&[("winner", &at.to_string())]));
            (at, store.write(&path, write, expected, &format!("writer-{at}")).await)
        })
    });
    let mut won = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        match writer.await.unwrap() {
            (at, Ok(version)) => won.push((at, version)),
            (_, Err(StoreError::Conflict { .. })) => {}
            (_, Err(other)) => panic!("{other}"),
        }
    }
    assert_eq!(won.len(), 1, "{won:?}");
    let entry = store.read(path).await.unwrap().unwrap();
    assert_eq!(
        (entry.fields["winner"].expose_secret(), entry.version),
        (won[0].0.to_string().as_str(), expected + 1)
    );
    assert_eq!(won[0].1, expected + 1);
}

async fn conforms(store: &Arc<dyn Store>) {
    assert!(!store.name().is_empty());
    keeps_versions(store.as_ref(), "census").await;
    keeps_versions(store.as_ref(), "team/analytics é+%2F?#/mixpanel").await;
    lets_one_writer_win(store, "new").await;
    lets_one_writer_win(store, "census").await;
    assert!(store.write("", Write::Merge(fields(&[("a", "1")])), 0, "k").await.is_err());
    for check in store.check().await {
        assert_eq!(check.state, CheckState::Works, "{check:?}");
    }
}

fn file_store(folder: &Path) -> Arc<dyn Store> {
    let path = |name: &'static str, file: &str| (name, Value::Path(folder.join(file)));
    let settings: Settings =
        [path("path", "secrets.age"), path("identity", "identity.txt")].into_iter().collect();
    let opening = Opening { name: "file".to_owned(), settings, credential: None, transport: None };
    (kind("file").unwrap().open)(opening).unwrap()
}

#[tokio::test]
#[ignore = "it is the process that the next test kills"]
async fn killed() {
    let folder = std::env::var_os("PORTCULLIS_TEST_FOLDER").unwrap();
    let point = std::env::var_os("PORTCULLIS_TEST_POINT").unwrap();
    let store = file_store(Path::new(&folder));
    portcullis::sys::crash::arm(point.to_str().unwrap().parse().unwrap());
    store.write("a", Write::Merge(fields(&[("secret", "new")])), 1, "again").await.unwrap();
}

#[tokio::test]
async fn a_write_that_is_killed_is_whole_or_not_there_and_done_once_in_the_end() {
    // Before the file is put in its place, and after.
    for (point, left) in [("1", 1), ("2", 2)] {
        let folder = tempfile::tempdir().unwrap();
        file::create_identity(&folder.path().join("identity.txt")).unwrap();
        let store = file_store(folder.path());
        store.write("a", Write::Merge(fields(&[("secret", "old")])), 0, "first").await.unwrap();
        let ended = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed", "--ignored"])
            .env("PORTCULLIS_TEST_FOLDER", folder.path())
            .env("PORTCULLIS_TEST_POINT", point)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(ended.signal(), Some(9));
        assert_eq!(store.version("a").await.unwrap(), Some(left));
        let write = || Write::Merge(fields(&[("secret", "new")]));
        assert_eq!(store.write("a", write(), 1, "again").await.unwrap(), 2);
        is(store.read("a").await.unwrap(), 2, &[("secret", "new")]);
        is(store.earlier("a", 1).await.unwrap(), 1, &[("secret", "old")]);
    }
}

#[tokio::test]
async fn every_store_conforms() {
    for store in STORES {
        match store.spec.name {
            "vault" => {
                if let Some(bao) = bao::Bao::start().await {
                    conforms(&bao.store()).await;
                }
            }
            "file" => {
                let folder = tempfile::tempdir().unwrap();
                file::create_identity(&folder.path().join("identity.txt")).unwrap();
                conforms(&file_store(folder.path())).await;
            }
            other => panic!("say here how a store of the kind {other} is started for the tests"),
        }
    }
}
