//! What programs that nobody here wrote say of a bag: openssl and coreutils by the bag's own VERIFY.md, and `bagit` of `PyPI`.

use std::path::Path;
use std::process::{Command, Output};

use crate::bag::{CASE, Copy};

/// A program, if it is there.
fn program(name: &str, flag: &str) -> bool {
    let there = Command::new(name).arg(flag).output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("left out: there is no {name}");
    }
    there
}

fn shell(script: &str, folder: &Path) -> Output {
    Command::new("sh").args(["-eu", "-c", script]).current_dir(folder).output().unwrap()
}

/// The commands of VERIFY.md, as they stand there.
fn instructions(copy: &Copy) -> String {
    let text = String::from_utf8(copy.read("VERIFY.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned());
    let blocks: Vec<String> = blocks.collect();
    assert_eq!(blocks.len(), 5);
    blocks.concat()
}

#[test]
fn openssl_and_coreutils_accept_the_good_bag_and_no_other() {
    if !program("openssl", "version") || !program("sha256sum", "--version") {
        return;
    }
    let copy = CASE.copy();
    let bag = copy.bag.to_str().unwrap();
    let note = [
        "evidence",
        "custody",
        bag,
        "--add",
        "handed to `x` \\ \"y\" % ü",
        "--by",
        "Ada",
        "--key",
        "evidence.pem",
    ];
    assert_eq!(CASE.run(&note).code, 0);
    let script = instructions(&copy);
    let output = shell(&script, &copy.bag);
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    assert_eq!(text.matches("Signature Verified Successfully").count(), 3, "{text}");
    assert!(text.contains(&CASE.incident) && !text.contains("FAILED"), "{text}");
    let head =
        copy.check().out.lines().find_map(|line| line.strip_prefix("head      ").map(str::to_owned)).unwrap();
    assert!(text.contains(&format!("last entry: {head}")), "{text}");
    for (name, part) in [
        ("data/journal.jsonl", "FAILED"),
        ("VERIFY.md", "FAILED"),
        ("manifest-sha512.txt", "FAILED"),
        ("tagmanifest-sha256.txt", "FAILED"),
        ("custody.jsonl", "\"by\""),
        ("seal/envelope.json", ""),
    ] {
        let bytes = copy.read(name);
        let mut changed = bytes.clone();
        let at = if name == "seal/envelope.json" { changed.len() / 2 } else { changed.len() - 30 };
        changed[at] ^= 1;
        copy.write(name, &changed);
        let output = shell(&script, &copy.bag);
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(part), "{name}: {text}");
        copy.write(name, &bytes);
    }
    copy.write("data/extra", b"x");
    let output = shell(&script, &copy.bag);
    assert!(String::from_utf8(output.stdout).unwrap().contains("\ndata/extra\n"));
}

#[test]
fn openssl_s_own_keys_are_taken_and_ours_are_by_it() {
    if !program("openssl", "version") {
        return;
    }
    let folder = CASE.world.place.folder.path();
    let script = "umask 077; openssl genpkey -algorithm ed25519 -out theirs.pem; openssl pkey -in theirs.pem -pubout -out theirs.pub.pem; \
                  openssl pkey -in evidence.pem -pubout -out again.pub.pem; cmp again.pub.pem evidence.pub.pem";
    let output = shell(script, folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let args = [
        "evidence",
        "seal",
        &CASE.incident,
        "--root",
        "theirs",
        "--ticket",
        "T",
        "--key",
        "theirs.pem",
        "--at",
        "2026-11-24",
    ];
    assert_eq!(CASE.run(&args).code, 0);
    assert_eq!(CASE.run(&["evidence", "check", "theirs/2026/T", "--key", "theirs.pub.pem"]).code, 0);
}

/// A time-stamp authority of our own, by openssl.
const AUTHORITY: &str = r"
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Test -days 3650 2>&1
openssl req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=TSA 2>&1
printf 'extendedKeyUsage=critical,timeStamping\n' > tsa.ext
openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 3650 -extfile tsa.ext 2>&1
printf '01\n' > serial
cat > tsa.cnf <<END
[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
certs = ca.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
clock_precision_digits = 3
END
";

#[test]
#[expect(clippy::too_many_lines, reason = "one authority is set up for everything")]
fn a_time_stamp_of_openssl_fits_its_seal_alone() {
    if !program("openssl", "version") {
        return;
    }
    let copy = CASE.copy();
    let folder = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let output = shell(script, folder.path());
        assert!(
            output.status.success(),
            "{script}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let answer = |data: &Path, digest: &str, name: &str| {
        run(&format!("openssl ts -query -data '{}' -{digest} -cert -out q.tsq", data.display()));
        run(&format!("openssl ts -reply -config tsa.cnf -queryfile q.tsq -out {name}"));
        folder.path().join(name).to_str().unwrap().to_owned()
    };
    run(AUTHORITY);
    let envelope = copy.bag.join("seal/envelope.json");
    let (good, other, long) = (
        answer(&envelope, "sha256", "good.tsr"),
        answer(&copy.bag.join("bagit.txt"), "sha256", "other.tsr"),
        answer(&envelope, "sha512", "long.tsr"),
    );
    let stamp = |answer: &str| {
        CASE.run(&[
            "evidence",
            "stamp",
            copy.bag.to_str().unwrap(),
            answer,
            "--by",
            "Ada",
            "--key",
            "evidence.pem",
        ])
    };
    for (answer, cause) in [(&other, "it stamps something else than the seal"), (&long, "ask for SHA-256")] {
        let ran = stamp(answer);
        assert!(ran.code == 2 && ran.err.contains(cause), "{}", ran.err);
    }
    assert_eq!(stamp(&good).code, 0);
    let ran = copy.check();
    assert!(
        ran.code == 0 && ran.out.contains("the authority's signature was NOT checked"),
        "{}{}",
        ran.out,
        ran.err
    );
    let tsr = copy.bag.join("seal/timestamp.tsr");
    let verify = |ca: &str| {
        format!(
            "openssl ts -verify -in '{}' -data '{}' -CAfile {ca} -untrusted tsa.pem",
            tsr.display(),
            envelope.display()
        )
    };
    run(&verify("ca.pem"));
    let ran = stamp(&good);
    assert!(ran.code == 2 && ran.err.contains("there is one already"), "{}", ran.err);
    // A killed run had written the entry, and not the file yet.
    std::fs::remove_file(&tsr).unwrap();
    copy.refused("seal/timestamp.tsr", "it is missing");
    assert_eq!(stamp(&good).code, 0);
    assert_eq!(copy.check().code, 0);
    let bytes = copy.read("seal/timestamp.tsr");
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    copy.write("seal/timestamp.tsr", &changed);
    copy.refused("seal/timestamp.tsr", "its sha256 is not the one in custody.jsonl");
    // Sealed again with the stamp at hand: the same seal.
    let ran = CASE.seal("stamped", &["--timestamp", &good]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(CASE.run(&["evidence", "check", "stamped/2026/T-4711"]).code, 0);
    let ran = CASE.seal("stamped-wrongly", &["--timestamp", &other]);
    assert!(ran.code == 2 && ran.err.contains("it stamps something else"), "{}", ran.err);
}

#[test]
fn the_public_bag_validator_accepts_it() {
    let Some(program) = std::env::var_os("PORTCULLIS_BAGIT") else {
        eprintln!("left out: PORTCULLIS_BAGIT does not name PyPI's bagit.py");
        return;
    };
    let copy = CASE.copy();
    let validate = || Command::new(&program).arg("--validate").arg(&copy.bag).output().unwrap();
    let output = validate();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    copy.write("data/plan.json", b"{}");
    assert!(!validate().status.success());
}
