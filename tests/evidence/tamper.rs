//! Everything that can be done to a bag is refused, and the file and the cause are said.

use std::os::unix::fs::symlink;
use std::path::Path;

use portcullis::evidence::check::check;

use crate::bag::{CASE, Copy, files, lines, write};

/// Bytes between two that are flipped, by default.
const STEP: usize = 97;

fn full() -> bool {
    std::env::var_os("PORTCULLIS_FULL").is_some()
}

#[test]
fn every_flipped_byte_is_found() {
    let copy = CASE.copy();
    let (mut count, all) = (0_usize, files(&copy.bag));
    // Large files are one thing for a digest, wherever the byte is.
    for (name, bytes) in &all {
        let step = if full() || bytes.len() < 2_000 { 1 } else { STEP.max(bytes.len() / 60) };
        // The sample begins elsewhere in each file, and its ends are in it.
        let places = (name.len() % step..bytes.len()).step_by(step).chain([0, bytes.len() - 1]);
        for at in places {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            copy.write(name, &changed);
            let wrong = check(&copy.bag, None, None).err();
            let wrong = wrong.unwrap_or_else(|| panic!("{name}: byte {at} may be anything"));
            // The file itself is named, but where another one was read first that it no longer fits.
            let other = match name.as_str() {
                "seal/key.pem" => wrong.file == "seal/envelope.json",
                "seal/envelope.json" => wrong.file == "seal/key.pem",
                _ => false,
            };
            assert!(wrong.file == *name || other, "{name}, byte {at}: {wrong}");
            count += 1;
        }
        copy.write(name, bytes);
    }
    assert!(check(&copy.bag, None, None).is_ok());
    assert!(count > 2_000, "{count}");
    eprintln!("{count} bytes of {} files flipped", all.len());
}

#[test]
fn every_file_that_is_cut_or_gone_is_named() {
    let copy = CASE.copy();
    for (name, bytes) in files(&copy.bag) {
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            copy.write(&name, &bytes[..length]);
            let wrong = check(&copy.bag, None, None).unwrap_err();
            assert_eq!(wrong.file, name, "{length}: {wrong}");
        }
        copy.write(&name, &[&bytes[..], b"x"].concat());
        assert_eq!(check(&copy.bag, None, None).unwrap_err().file, name);
        std::fs::remove_file(copy.bag.join(&name)).unwrap();
        copy.refused(&name, "it is missing");
        copy.write(&name, &bytes);
    }
    assert_eq!(copy.check().code, 0);
}

#[test]
fn what_does_not_belong_there_is_named() {
    for name in ["extra.txt", "data/extra.txt", "data/files/.hidden", "seal/more.json", "seal/timestamp.tsr"]
    {
        let copy = CASE.copy();
        copy.write(name, b"x");
        copy.refused(name, "it was added afterwards");
    }
}

#[test]
fn links_are_not_followed() {
    let copy = CASE.copy();
    let elsewhere = copy.bag.parent().unwrap().join("elsewhere");
    write(&elsewhere, &copy.read("data/plan.json"));
    std::fs::remove_file(copy.bag.join("data/plan.json")).unwrap();
    symlink(&elsewhere, copy.bag.join("data/plan.json")).unwrap();
    copy.refused("data/plan.json", "it is a link");
    let copy = CASE.copy();
    let moved = copy.bag.parent().unwrap().join("moved");
    crate::bag::copy(&copy.bag.join("data/snapshots"), &moved);
    std::fs::remove_dir_all(copy.bag.join("data/snapshots")).unwrap();
    symlink(&moved, copy.bag.join("data/snapshots")).unwrap();
    copy.refused("data/snapshots", "it is a link");
}

#[test]
fn reordered_lines_are_found() {
    for name in ["data/journal.jsonl", "data/findings.jsonl"] {
        let copy = CASE.copy();
        let mut all = lines(&copy.read(name));
        all.swap(1, 2);
        copy.write(name, &all.concat());
        copy.refused(name, "its sha256 is not the one in manifest-sha256.txt: expected");
    }
}

/// Changes a file and everything that names its digest, as somebody would who can write the bag and has no key.
fn redo_manifests(copy: &Copy) {
    use sha2::{Digest as _, Sha256, Sha512};
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let digest = |name: &str, long: bool| {
        let bytes = copy.read(name);
        if long { hex(&Sha512::digest(bytes)) } else { hex(&Sha256::digest(bytes)) }
    };
    for kind in ["manifest", "tagmanifest"] {
        for (algorithm, long) in [("sha256", false), ("sha512", true)] {
            let manifest = format!("{kind}-{algorithm}.txt");
            let text = String::from_utf8(copy.read(&manifest)).unwrap();
            let names = text.lines().map(|line| line.split_once("  ").unwrap().1);
            let text: String = names.map(|name| format!("{}  {name}\n", digest(name, long))).collect();
            copy.write(&manifest, text.as_bytes());
        }
    }
}

#[test]
fn new_manifests_do_not_help() {
    let copy = CASE.copy();
    let mut all = lines(&copy.read("data/findings.jsonl"));
    all.swap(0, 1);
    copy.write("data/findings.jsonl", &all.concat());
    redo_manifests(&copy);
    copy.refused("manifest-sha256.txt", "its sha256 is not the one in seal/envelope.json");
}

#[test]
fn a_removed_seal_is_named() {
    let copy = CASE.copy();
    std::fs::remove_dir_all(copy.bag.join("seal")).unwrap();
    copy.refused("seal/envelope.json", "it is missing");
}

/// Somebody seals other content with a key of their own, by the program itself.
fn resealed() -> (Copy, String) {
    let case = &*CASE;
    let place = &case.world.place;
    let root = format!("resealed-{:?}", std::thread::current().id()).replace(['(', ')'], "");
    let key = format!("{root}.pem");
    assert_eq!(case.run(&["evidence", "key", "new", "-o", &key]).code, 0);
    let args = [
        "evidence",
        "seal",
        &case.incident,
        "--root",
        &root,
        "--ticket",
        "T",
        "--key",
        &key,
        "--at",
        "2026-11-24",
    ];
    assert_eq!(case.run(&args).code, 0);
    let copy = case.copy();
    std::fs::remove_dir_all(&copy.bag).unwrap();
    crate::bag::copy(&place.path(&root).join("2026/T"), &copy.bag);
    (copy, place.path(&key).with_extension("pub.pem").to_str().unwrap().to_owned())
}

#[test]
fn another_key_is_refused_by_the_one_that_is_known() {
    let (copy, theirs) = resealed();
    let check = |key: &Path| {
        let args = ["evidence", "check", copy.bag.to_str().unwrap(), "--key", key.to_str().unwrap()];
        CASE.run(&args)
    };
    let ran = check(&CASE.key);
    assert!(
        ran.code == 3 && ran.err.contains("seal/key.pem: the bag was sealed with another key: expected"),
        "{}",
        ran.err
    );
    // Sealed anew as a whole, it is a good bag of somebody else: only the key from elsewhere tells.
    assert_eq!(check(Path::new(&theirs)).code, 0);
}

#[test]
fn another_key_does_not_fit_the_custody_log() {
    let (copy, _) = resealed();
    // Whoever had the bag is still to be seen.
    copy.write("custody.jsonl", &CASE.copy().read("custody.jsonl"));
    let ran = CASE.run(&["evidence", "check", copy.bag.to_str().unwrap()]);
    assert!(ran.code == 3 && ran.err.contains("custody.jsonl: entry 1: it is signed by key"), "{}", ran.err);
    // The key alone.
    let ours = CASE.copy();
    ours.write("seal/key.pem", &copy.read("seal/key.pem"));
    let ran = CASE.run(&["evidence", "check", ours.bag.to_str().unwrap()]);
    let cause = "seal/envelope.json: it was sealed with another key: expected";
    assert!(ran.code == 3 && ran.err.contains(cause), "{}", ran.err);
    // The seal alone.
    let ours = CASE.copy();
    ours.write("seal/envelope.json", &copy.read("seal/envelope.json"));
    ours.refused("seal/envelope.json", "it was sealed with another key");
}
