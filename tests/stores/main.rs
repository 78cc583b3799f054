//! What every store has to do, tried on each. A store that is added is tried too, or this fails. Consumers and flows, by the same means.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a test says what it skips")]

mod aws;
mod azure;
#[path = "../common/bao.rs"]
mod bao;
mod emulated;
mod flows;
mod gcp;
mod hostile;
mod lambda;
mod looker;
mod moto;
mod onepassword;
mod tableau;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use emulated::Emulated;
use portcullis::config::{Settings, Value};
use portcullis::lockdown::provider::CheckState;
use portcullis::lockdown::store::{Entry, Opening, STORES, Store, StoreError, Version, Write, file, kind};
use secrecy::{ExposeSecret as _, SecretString};

fn fields(fields: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    fields.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect()
}

fn merge(set: &[(&str, &str)]) -> Write {
    Write::Merge(fields(set))
}

#[track_caller]
fn is(entry: Option<Entry>, version: &Version, expected: &[(&str, &str)]) {
    let entry = entry.unwrap();
    let held = entry.fields.iter().map(|(name, value)| (name.as_str(), value.expose_secret()));
    assert_eq!(held.collect::<Vec<_>>(), expected);
    assert_eq!(entry.version, *version);
}

fn conflict(result: Result<Version, StoreError>, path: &str, expected: &Version, found: &Version) {
    match result.unwrap_err() {
        StoreError::Conflict { path: at, expected: wanted, found: there } => {
            assert_eq!((at.as_str(), wanted, there.as_ref()), (path, expected.clone(), Some(found)));
        }
        other => panic!("{other}"),
    }
}

/// What a kind of store is asked for.
struct Habits {
    /// Paths that it can have.
    paths: [&'static str; 2],
    /// Whether it says which version it made by counting.
    counts: bool,
    /// Versions before the current one that can still be read.
    kept: usize,
    /// Whether a version that was brought back can be written over.
    goes_on: bool,
}

async fn keeps_versions(store: &dyn Store, path: &str, habits: &Habits) {
    let none = Version::NONE;
    let nasty = format!("\"\\\n\u{1b}é{}", "x".repeat(10_000));
    assert!(store.read(path).await.unwrap().is_none() && store.version(path).await.unwrap().is_none());
    let first = [("a", "1"), ("secret", nasty.as_str())];
    let one = store.write(path, merge(&first), &none, "k1").await.unwrap();
    is(store.read(path).await.unwrap(), &one, &first);
    assert_eq!(store.version(path).await.unwrap().as_ref(), Some(&one));
    // Not there any more, and not yet there.
    let write = || merge(&[("b", "2"), ("a", "3")]);
    conflict(store.write(path, write(), &none, "k2").await, path, &none, &one);
    let other = if habits.counts { Version::Number(2) } else { Version::Name("0".repeat(32)) };
    conflict(store.write(path, write(), &other, "k2").await, path, &other, &one);
    is(store.read(path).await.unwrap(), &one, &first);
    let second = [("a", "3"), ("b", "2"), ("secret", nasty.as_str())];
    let two = store.write(path, write(), &one, "k2").await.unwrap();
    is(store.read(path).await.unwrap(), &two, &second);
    is(store.earlier(path, &one).await.unwrap(), &one, &first);
    let third = [("c", "4")];
    let replace = || Write::Replace(fields(&third));
    conflict(store.write(path, replace(), &one, "k3").await, path, &one, &two);
    let three = store.write(path, replace(), &two, "k3").await.unwrap();
    is(store.read(path).await.unwrap(), &three, &third);
    is(store.earlier(path, &two).await.unwrap(), &two, &second);
    if habits.counts {
        assert_eq!([&one, &two, &three], [&1.into(), &2.into(), &3.into()]);
        assert!(store.earlier(path, &9.into()).await.unwrap().is_none());
    }
    // Back, which nobody may do to what somebody else wrote.
    conflict(store.bring_back(path, &one, &two, "k4").await, path, &two, &three);
    let (target, held): (&Version, &[_]) = if habits.kept > 1 { (&one, &first) } else { (&two, &second) };
    let four = store.bring_back(path, target, &three, "k4").await.unwrap();
    is(store.read(path).await.unwrap(), &four, held);
    if !habits.goes_on {
        return;
    }
    // Emptied, and used again.
    let five = store.write(path, Write::Replace(fields(&[])), &four, "k5").await.unwrap();
    is(store.read(path).await.unwrap(), &five, &[]);
    let six = store.write(path, merge(&third), &five, "k6").await.unwrap();
    is(store.read(path).await.unwrap(), &six, &third);
}

async fn lets_one_writer_win(store: &Arc<dyn Store>, path: &str) {
    let expected = store.version(path).await.unwrap().unwrap_or(Version::NONE);
    let writers = (0..8).map(|at| {
        let (store, path, expected) = (Arc::clone(store), path.to_owned(), expected.clone());
        tokio::spawn(async move {
            let write = merge(&[("winner", &at.to_string())]);
            (at, store.write(&path, write, &expected, &format!("writer-{at}")).await)
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
        (entry.fields["winner"].expose_secret(), &entry.version),
        (won[0].0.to_string().as_str(), &won[0].1)
    );
}

async fn conforms(store: &Arc<dyn Store>, habits: &Habits) {
    assert!(!store.name().is_empty());
    for path in habits.paths {
        keeps_versions(store.as_ref(), path, habits).await;
    }
    lets_one_writer_win(store, "new").await;
    if habits.goes_on {
        lets_one_writer_win(store, habits.paths[0]).await;
    }
    assert!(store.write("", merge(&[("a", "1")]), &Version::NONE, "k").await.is_err());
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
    store.write("a", merge(&[("secret", "new")]), &1.into(), "again").await.unwrap();
}

#[tokio::test]
async fn a_write_that_is_killed_is_whole_or_not_there_and_done_once_in_the_end() {
    // Before the file is put in its place, and after.
    for (point, left) in [("1", 1), ("2", 2)] {
        let folder = tempfile::tempdir().unwrap();
        file::create_identity(&folder.path().join("identity.txt")).unwrap();
        let store = file_store(folder.path());
        store.write("a", merge(&[("secret", "old")]), &0.into(), "first").await.unwrap();
        let ended = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed", "--ignored"])
            .env("PORTCULLIS_TEST_FOLDER", folder.path())
            .env("PORTCULLIS_TEST_POINT", point)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(ended.signal(), Some(9));
        assert_eq!(store.version("a").await.unwrap(), Some(left.into()));
        let write = || merge(&[("secret", "new")]);
        assert_eq!(store.write("a", write(), &1.into(), "again").await.unwrap(), 2.into());
        is(store.read("a").await.unwrap(), &2.into(), &[("secret", "new")]);
        is(store.earlier("a", &1.into()).await.unwrap(), &1.into(), &[("secret", "old")]);
    }
}

const ODD: &str = "team/analytics é+%2F?#/mixpanel";

#[tokio::test]
async fn every_store_conforms() {
    let counting = Habits { paths: ["census", ODD], counts: true, kept: 9, goes_on: true };
    for store in STORES {
        match store.spec.name {
            "vault" => {
                if let Some(bao) = bao::Bao::start().await {
                    conforms(&bao.store(), &counting).await;
                }
            }
            "file" => {
                let folder = tempfile::tempdir().unwrap();
                file::create_identity(&folder.path().join("identity.txt")).unwrap();
                conforms(&file_store(folder.path()), &counting).await;
            }
            "aws-secrets-manager" => {
                let world = Emulated::new("aws-secrets-manager", aws::tenant());
                conforms(&world.store, &aws::HABITS).await;
                if let Some(moto) = moto::Moto::start().await {
                    // A new version takes the label from the last one that was written, not from the one that has it.
                    conforms(&moto.store(), &Habits { goes_on: false, ..aws::HABITS }).await;
                }
            }
            "onepassword-connect" => {
                let world = Emulated::new("onepassword-connect", onepassword::tenant());
                conforms(&world.store, &onepassword::HABITS).await;
            }
            "gcp-secret-manager" => {
                let world = Emulated::new("gcp-secret-manager", gcp::tenant());
                conforms(&world.store, &gcp::HABITS).await;
            }
            "azure-key-vault" => {
                let world = Emulated::new("azure-key-vault", azure::tenant());
                conforms(&world.store, &azure::HABITS).await;
            }
            other => panic!("say here how a store of the kind {other} is started for the tests"),
        }
    }
}
