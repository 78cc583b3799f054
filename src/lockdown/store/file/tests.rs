use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt as _;

use secrecy::SecretString;

use super::*;
use crate::config::{Settings, Value};

fn settings(folder: &Path) -> Settings {
    let path = |name: &str| Value::Path(folder.join(name));
    [("path", path("secrets.age")), ("identity", path("identity.txt"))].into_iter().collect()
}

fn try_open(folder: &Path) -> Result<Arc<dyn Store>, OpenError> {
    open(Opening { name: "kept".to_owned(), settings: settings(folder), credential: None, transport: None })
}

fn opened() -> (tempfile::TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    create_identity(&folder.path().join("identity.txt")).unwrap();
    let store = try_open(folder.path()).unwrap();
    (folder, store)
}

fn one(value: &str) -> Write {
    Write::Merge(BTreeMap::from([("secret".to_owned(), SecretString::from(value))]))
}

fn put(path: &Path, bytes: &[u8], mode: u32) {
    let mut file = std::fs::OpenOptions::new();
    let file = file.write(true).create(true).truncate(true).mode(mode).open(path);
    file.unwrap().write_all(bytes).unwrap();
}

#[tokio::test]
async fn nothing_is_readable_on_disk_and_only_this_user_reaches_it() {
    let (folder, store) = opened();
    store.write("a/b", one("c4n4ry-5ecret"), &0.into(), "k").await.unwrap();
    let path = folder.path().join("secrets.age");
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    // The lock, the identity, the file: no other copy.
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["identity.txt", "secrets.age", "secrets.age.lock"]);
    let entry = try_open(folder.path()).unwrap().read("a/b").await.unwrap().unwrap();
    assert_eq!(entry.fields["secret"].expose_secret(), "c4n4ry-5ecret");
    assert!(!format!("{entry:?} {:?}", one("c4n4ry-5ecret")).contains("c4n4ry"));
}

#[tokio::test]
async fn binary_age_files_are_read_too() {
    let (folder, store) = opened();
    store.write("a", one("x"), &0.into(), "k").await.unwrap();
    let path = folder.path().join("secrets.age");
    let armored = std::fs::read(&path).unwrap();
    let mut binary = Vec::new();
    ArmoredReader::new(&armored[..]).read_to_end(&mut binary).unwrap();
    put(&path, &binary, 0o600);
    assert_eq!(store.version("a").await.unwrap(), Some(1.into()));
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_is_not_written_over() {
    let (folder, store) = opened();
    store.write("a", one("c4n4ry-5ecret"), &0.into(), "k").await.unwrap();
    let path = folder.path().join("secrets.age");
    let whole = std::fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    let at = whole.len() - 60;
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    for bytes in [&b""[..], b"no age", &whole[..whole.len() / 2], &flipped] {
        put(&path, bytes, 0o600);
        for error in [
            store.read("a").await.unwrap_err(),
            store.write("a", one("y"), &1.into(), "k2").await.unwrap_err(),
        ] {
            assert!(
                error.to_string().contains("it is damaged") && error.to_string().contains("secrets.age"),
                "{error}"
            );
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert!(store.check().await.iter().any(|check| check.state == CheckState::Missing));
    }
    // Another identity.
    put(&path, &whole, 0o600);
    std::fs::remove_file(folder.path().join("identity.txt")).unwrap();
    create_identity(&folder.path().join("identity.txt")).unwrap();
    let error = try_open(folder.path()).unwrap().read("a").await.unwrap_err();
    assert!(error.to_string().contains("another identity"), "{error}");
}

#[test]
fn an_identity_that_will_not_do_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let identity = folder.path().join("identity.txt");
    let why = || try_open(folder.path()).err().unwrap().to_string();
    assert!(why().contains("age-keygen -o"), "{}", why());
    put(&identity, b"AGE-SECRET-KEY-1C4N4RY\n", 0o600);
    assert!(why().contains("no age identity") && !why().contains("C4N4RY"), "{}", why());
    std::fs::remove_file(&identity).unwrap();
    create_identity(&identity).unwrap();
    assert_eq!(create_identity(&identity).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert!(try_open(folder.path()).is_ok());
    std::fs::set_permissions(&identity, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(why().contains("0640"), "{}", why());
}

#[tokio::test]
async fn two_processes_do_not_interleave() {
    let (folder, store) = opened();
    // Another process, as far as the lock can tell.
    let held = Lock::acquire(&folder.path().join("secrets.age.lock")).unwrap();
    let writing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.write("a", one("x"), &0.into(), "k").await })
    };
    sleep(Duration::from_millis(100)).await;
    assert!(!writing.is_finished() && !folder.path().join("secrets.age").exists());
    drop(held);
    assert_eq!(writing.await.unwrap().unwrap(), 1.into());
    // Side by side, each based on the same version: one wins.
    let base = 1.into();
    let (here, there) = (try_open(folder.path()).unwrap(), try_open(folder.path()).unwrap());
    let (first, second) =
        tokio::join!(here.write("a", one("y"), &base, "k2"), there.write("a", one("z"), &base, "k3"));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_fails_the_write_alone() {
    let (folder, _) = opened();
    let settings: Settings = [
        ("path", Value::Path(folder.path().join("no/such/secrets.age"))),
        ("identity", Value::Path(folder.path().join("identity.txt"))),
    ]
    .into_iter()
    .collect();
    let store =
        open(Opening { name: "kept".to_owned(), settings, credential: None, transport: None }).unwrap();
    assert!(store.read("a").await.unwrap().is_none());
    assert!(matches!(store.write("a", one("x"), &0.into(), "k").await.unwrap_err(), StoreError::Io { .. }));
    assert!(store.check().await.iter().any(|check| check.state == CheckState::Missing));
}
