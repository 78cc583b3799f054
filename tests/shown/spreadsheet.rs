//! CSV in a spreadsheet without a window (Gnumeric's `ssconvert`).

use std::ffi::OsStr;
use std::process::Command;

use crate::common::{Place, command};
use crate::write_hostile;

/// The cells of a CSV file that a spreadsheet takes for formulas: in its own format these have no type of value.
fn formulas(program: &OsStr, place: &Place, file: &str) -> (usize, Vec<String>) {
    let sheet = format!("{file}.xml");
    let converted = Command::new("timeout")
        .arg("120")
        .arg(program)
        .args(["-I", "Gnumeric_stf:stf_csvtab", "-T", "Gnumeric_XmlIO:sax:0", file, &sheet])
        .current_dir(place.folder.path())
        .output()
        .unwrap();
    assert!(converted.status.success(), "{}", String::from_utf8_lossy(&converted.stderr));
    let text = std::fs::read_to_string(place.path(&sheet)).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let cells: Vec<_> = document.descendants().filter(|node| node.tag_name().name() == "Cell").collect();
    let formulas = cells.iter().filter(|cell| cell.attribute("ValueType").is_none());
    (cells.len(), formulas.map(|cell| cell.text().unwrap_or_default().to_owned()).collect())
}

#[test]
fn a_spreadsheet_shows_no_formula() {
    let Some(program) = std::env::var_os("PORTCULLIS_SSCONVERT") else {
        eprintln!("left out: PORTCULLIS_SSCONVERT is not set (.ci/install-screens sets it)");
        return;
    };
    let place = Place::new();
    place.write("control.csv", b"a,b\n=1+1,x\n");
    assert_eq!(formulas(&program, &place, "control.csv").1, ["=1+1"], "it would not be seen");
    write_hostile(&place, "http://127.0.0.1:9");
    let commands: [&[&str]; 5] = [
        &["scan", "logs", "--stats", "--format", "csv", "-o", "stats.csv"],
        &["scan", "logs", "--format", "csv", "-o", "findings.csv"],
        &["scan", "logs", "--format", "timesketch-csv", "-o", "timesketch.csv"],
        &["query", "SELECT * FROM log", "logs", "--format", "csv", "-o", "log.csv"],
        &["query", "SELECT * FROM findings", "logs", "--format", "csv", "-o", "query.csv"],
    ];
    for args in commands {
        let output = command(place.folder.path()).args(args).output().unwrap();
        let file = args[args.len() - 1];
        assert!(place.path(file).is_file(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        let (cells, formulas) = formulas(&program, &place, file);
        assert!(cells > 100, "{args:?}: {cells} cells");
        assert!(formulas.is_empty(), "{args:?}: {formulas:?}");
    }
}
