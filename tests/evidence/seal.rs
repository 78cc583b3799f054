//! What is sealed, and what is not.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portcullis::drill::emulator::draws::CANARY;
use serde_json::Value;

use crate::bag::{AT, CASE, TICKET, files};

#[test]
fn a_bag_is_good_and_says_what_it_is() {
    let case = &*CASE;
    let ran = case.run(&[
        "evidence",
        "check",
        case.bag.to_str().unwrap(),
        "--key",
        case.key.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let found = ran.json();
    let claims = &found["claims"];
    assert_eq!(
        (&claims["incident"], &claims["verdict"]),
        (&Value::from(case.incident.as_str()), &Value::from("PARTIAL"))
    );
    assert_eq!(claims["sealed"], AT);
    assert_eq!(claims["counts"]["journal"], case.world.journal().len());
    assert_eq!(
        (&found["stamp"], &found["custody"]["entries"][0]["what"]),
        (&Value::Null, &Value::from("sealed"))
    );
    assert!(!ran.err.contains("no --key"), "{}", ran.err);
    let ran = case.run(&["evidence", "check", case.bag.to_str().unwrap()]);
    let key = found["key"].as_str().unwrap();
    assert!(
        ran.code == 0 && ran.err.contains("only as good as where it came from") && ran.err.contains(key),
        "{}",
        ran.err
    );
    let page = case.world.place.path("incidents").join(&case.incident).join("report.html");
    assert_eq!(files(&case.bag)["data/files/report.html"], fs::read(page).unwrap());
    let text = String::from_utf8(files(&case.bag)["data/summary.md"].clone()).unwrap();
    for part in [
        "SOC 2 CC7.2",
        "SOC 2 CC7.4",
        "A.5.24",
        "A.5.28",
        "`jane@agency.example`",
        "**PARTIAL**",
        "`findings.jsonl`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_a_bag_is_never_overwritten() {
    let case = &*CASE;
    assert_eq!(case.seal("again", &[]).code, 0);
    let again = case.world.place.path(&format!("again/2026/{TICKET}"));
    let before = files(&case.bag);
    assert_eq!(files(&again), before);
    let ran = case.seal("again", &[]);
    assert!(ran.code == 2 && ran.err.contains("never overwritten"), "{}", ran.err);
    assert_eq!(files(&again), before);
    let mut names: Vec<_> =
        fs::read_dir(again.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [TICKET], "nothing is left of what was begun");
    assert_eq!(fs::metadata(&again).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn no_secret_is_in_a_bag() {
    let case = &*CASE;
    let private = fs::read(case.world.place.path("evidence.pem")).unwrap();
    let private = String::from_utf8(private).unwrap().lines().nth(1).unwrap().to_owned();
    let mut secrets = case.world.secrets();
    secrets.extend([CANARY.to_owned(), private]);
    for (name, bytes) in files(&case.bag) {
        let text = String::from_utf8(bytes).unwrap();
        secrets.iter().for_each(|secret| assert!(!text.contains(secret), "{name}"));
    }
}

/// What people were told comes along as it was written, and the summary says what it is.
#[test]
fn letters_come_along() {
    let case = &*CASE;
    let folder = case.world.place.path("incidents").join(&case.incident).join("letters");
    let written = fs::read_dir(folder).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = format!("data/letters/{}", entry.file_name().into_string().unwrap());
        (name, fs::read(entry.path()).unwrap())
    });
    let written: BTreeMap<String, Vec<u8>> = written.collect();
    let mut sealed = files(&case.bag);
    let text = String::from_utf8(sealed["data/summary.md"].clone()).unwrap();
    let manifest = String::from_utf8(sealed["manifest-sha256.txt"].clone()).unwrap();
    sealed.retain(|name, _| name.starts_with("data/letters/"));
    assert!(written.contains_key("data/letters/to-security.txt"), "{:?}", written.keys());
    assert_eq!(sealed, written);
    for (name, bytes) in &written {
        let listed = format!("- `{}`: a letter", name.trim_start_matches("data/"));
        assert!(text.contains(&listed), "{name}: {text}");
        let line = format!("{}  {name}", portcullis::sys::hash::sha256_hex(bytes));
        assert!(manifest.lines().any(|known| known == line), "{line}");
    }
    assert!(text.contains("`snapshots/`, `letters/`, `summary.md`"), "{text}");
}

#[test]
fn logs_come_along_as_digests_or_as_copies() {
    let case = &*CASE;
    assert!(!files(&case.bag).keys().any(|name| name.starts_with("data/inputs/")));
    assert_eq!(case.seal("copies", &["--copy-inputs"]).code, 0);
    let all = files(&case.world.place.path(&format!("copies/2026/{TICKET}")));
    assert_eq!(
        all["data/inputs/001-audit.ndjson"],
        fs::read(case.world.place.path("logs/audit.ndjson")).unwrap()
    );
    let listed: Value = serde_json::from_slice(&all["data/inputs.json"]).unwrap();
    assert_eq!(
        (&listed[0]["path"], &listed[0]["copy"]),
        (&Value::from("logs/audit.ndjson"), &Value::from("data/inputs/001-audit.ndjson"))
    );
}

#[test]
fn mistakes_leave_nothing_behind() {
    let case = &*CASE;
    case.world.place.write("broken.jsonl", b"{\"a\":1}\nnot json\n");
    case.world.place.write("old.tsr", b"0\x030\x01\x02");
    for (more, part) in [
        (vec!["--file", "x/y=note.txt"], "cannot be a name"),
        (vec!["--file", "note.txt=note.txt"], "two files of the name"),
        (vec!["--file", "none=nowhere"], "nowhere"),
        (vec!["--timestamp", "old.tsr"], "not a time-stamp response"),
        (vec!["--recipient", "age1nonsense"], "recipient"),
    ] {
        let ran = case.seal("mistakes", &more);
        assert!(ran.code == 2 && ran.err.contains(part), "{more:?}: {} {}", ran.code, ran.err);
    }
    let seal = |args: &[&str]| {
        let mut all = vec!["evidence", "seal", "--root", "mistakes", "--key", "evidence.pem"];
        all.extend(args);
        case.run(&all)
    };
    for (args, part) in [
        (
            vec![case.incident.as_str(), "--findings", "broken.jsonl"],
            "broken.jsonl:2: it is not a JSON object",
        ),
        (vec![case.incident.as_str(), "--ticket", "../../x"], "cannot be a name"),
        (vec!["no-such-incident"], "there is no incident"),
    ] {
        let ran = seal(&args);
        assert!(ran.code == 2 && ran.err.contains(part), "{args:?}: {}", ran.err);
    }
    let ran = case.run(&["evidence", "seal", &case.incident, "--root", "mistakes", "--key", "note.txt"]);
    assert!(ran.code == 2 && ran.err.contains("chmod 600"), "{}", ran.err);
    let left = fs::read_dir(case.world.place.path("mistakes"))
        .map(|years| years.flat_map(|year| fs::read_dir(year.unwrap().path()).unwrap()).count());
    assert_eq!(left.unwrap_or(0), 0);
    assert!(!case.world.place.path("incidents/no-such-incident").exists());
}

#[test]
fn keys_are_made_once() {
    let case = &*CASE;
    let ran = case.run(&["evidence", "key", "new", "-o", "once.pem"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mode = fs::metadata(case.world.place.path("once.pem")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let ran = case.run(&["evidence", "key", "new", "-o", "once.pem"]);
    assert!(ran.code == 2 && ran.err.contains("never overwritten"), "{}", ran.err);
}

#[test]
fn a_copy_is_for_the_recipient_alone() {
    use std::io::Read as _;
    let case = &*CASE;
    let identity = age::x25519::Identity::generate();
    let ran = case.seal("encrypted", &["--recipient", &identity.to_public().to_string()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let file = fs::File::open(case.world.place.path(&format!("encrypted/2026/{TICKET}.tar.age"))).unwrap();
    let decryptor = age::Decryptor::new(file).unwrap();
    let mut reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).unwrap();
    let mut archive = Vec::new();
    reader.read_to_end(&mut archive).unwrap();
    let to = tempfile::tempdir().unwrap();
    tar::Archive::new(&archive[..]).unpack(to.path()).unwrap();
    assert_eq!(files(&to.path().join(TICKET)), files(&case.bag));
    let stranger = age::x25519::Identity::generate();
    let file = fs::File::open(case.world.place.path(&format!("encrypted/2026/{TICKET}.tar.age"))).unwrap();
    let decryptor = age::Decryptor::new(file).unwrap();
    assert!(decryptor.decrypt(std::iter::once(&stranger as &dyn age::Identity)).is_err());
}

#[test]
fn a_snapshot_that_was_changed_is_not_sealed() {
    let case = &*CASE;
    // A world of its own: the shared one stays as it is.
    let copy = crate::common::Place::new();
    crate::bag::copy(case.world.place.folder.path(), copy.folder.path());
    let snapshots = copy.path(&format!("incidents/{}/snapshots", case.incident));
    let name = fs::read_dir(&snapshots).unwrap().next().unwrap().unwrap().file_name();
    let mut bytes = fs::read(snapshots.join(&name)).unwrap();
    bytes[10] ^= 1;
    crate::bag::write(&snapshots.join(&name), &bytes);
    let mut command = crate::common::command(copy.folder.path());
    let output = command
        .args(["evidence", "seal", &case.incident, "--root", "x", "--key", "evidence.pem"])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("is not what the journal says") && error.contains(name.to_str().unwrap()),
        "{error}"
    );
}
