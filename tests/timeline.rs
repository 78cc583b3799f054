//! `portcullis timeline` as a user meets it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Place, command};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident");
const ACCOUNT: &str = "jane@agency.example";

fn timeline(place: &Place, args: &[&str]) -> (i32, String) {
    let output = command(place.folder.path()).arg("timeline").args(args).output().unwrap();
    assert!(output.stdout.is_empty(), "data goes to the file alone");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn drawn(place: &Place, name: &str, more: &[&str]) -> Vec<u8> {
    let args = [&[FIXTURE, "--account", ACCOUNT, "-o", name], more].concat();
    let (code, err) = timeline(place, &args);
    assert_eq!(code, 0, "{err}");
    std::fs::read(place.path(name)).unwrap()
}

#[test]
fn the_first_chart_tells_who_when_from_where_what_left_and_when_the_gate_fell() {
    let place = Place::new();
    let svg = String::from_utf8(drawn(&place, "x.svg", &["--chart", "lanes"])).unwrap();
    for told in [
        ACCOUNT,
        "01:07:09 UTC",
        "203.0.113.140",
        "raw event export requested ×3",
        "184,220 rows",
        "08:47:09 UTC",
    ] {
        assert!(svg.contains(told), "{told}");
    }
    assert!(!svg.contains("<script") && !svg.contains("href"), "nothing runs and nothing is fetched");
    let berlin = drawn(&place, "b.svg", &["--chart", "lanes", "--time-zone", "Europe/Berlin"]);
    let berlin = String::from_utf8(berlin).unwrap();
    assert!(
        berlin.contains("03:07:09") && berlin.contains("Europe/Berlin"),
        "times are in the zone asked for"
    );
}

#[test]
fn the_same_logs_give_the_same_bytes() {
    let place = Place::new();
    for kind in ["svg", "png", "html"] {
        let one = drawn(&place, &format!("one.{kind}"), &["--threads", "1", "--chunk-size", "4KiB"]);
        let two = drawn(&place, &format!("two.{kind}"), &["--threads", "3", "--chunk-size", "64KiB"]);
        assert!(one == two, "{kind}");
        assert!(one.len() > 10_000, "{kind} is {} bytes", one.len());
    }
    let html = String::from_utf8(drawn(&place, "x.html", &[])).unwrap();
    assert!(html.contains("default-src 'none'") && !html.contains("<script"));
    assert_eq!(html.matches("<section").count(), 5);
    assert!(drawn(&place, "x.png", &[]).starts_with(b"\x89PNG"));
}

#[test]
fn bad_usage_says_what_to_do_and_leaves_no_file() {
    let place = Place::new();
    for (args, part) in [
        (vec![FIXTURE, "--account", "nobody@x.example", "-o", "x.svg"], "no event of nobody@x.example"),
        (vec![FIXTURE, "--account", ACCOUNT, "-o", "x.gif"], ".svg, .png or .html"),
        (vec!["missing", "--account", ACCOUNT, "-o", "x.svg"], "missing: no such file"),
        (vec!["missing", "--account", ACCOUNT, "-o", "x.svg"], "not one record was read"),
        (
            vec![
                FIXTURE,
                "--account",
                ACCOUNT,
                "-o",
                "x.svg",
                "--since",
                "2030-01-01",
                "--until",
                "2030-02-01",
            ],
            "with a time from 2030-01-01T00:00:00Z before 2030-02-01T00:00:00Z",
        ),
        (vec![FIXTURE, "--account", ACCOUNT, "-o", "x.svg", "--chart", "lane"], "did you mean `lanes`"),
    ] {
        let (code, err) = timeline(&place, &args);
        assert!(code == 2 && err.contains(part), "{args:?}: {code} {err}");
        assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 0, "{args:?}");
    }
}

#[test]
fn the_picture_in_the_readme_is_what_the_command_draws() {
    let place = Place::new();
    let drawn = drawn(&place, "incident.svg", &["--chart", "lanes"]);
    let kept = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/pictures/incident.svg")).unwrap();
    assert!(drawn == kept, "run .ci/pictures and look at them");
}
