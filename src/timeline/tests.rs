//! Charts of the fixtures and of made-up stories.

use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::chart::CHARTS;
use super::clock::{DAY, MINUTE, SECOND};
use super::gather::{self, FIELDS, Gather};
use super::names::Names;
use super::page::{self, Page};
use super::scene::Scene;
use super::story::{Event, Gathered, Story};
use crate::finding::Finding;
use crate::output::{Sink, Summary};
use crate::scan::{self, Config, Progress};
use crate::source::{self, Mapping};

pub(super) const ACCOUNT: &str = "jane@agency.example";

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Sink for Findings {
    fn finding(&mut self, finding: &Finding) -> std::io::Result<()> {
        self.0.push(finding.clone());
        Ok(())
    }
    fn finish(&mut self, _: &Summary) -> std::io::Result<()> {
        Ok(())
    }
}

struct Quiet;

impl Progress for Quiet {
    fn bytes(&self, _: u64) {}
    fn total(&self, _: Option<u64>) {}
}

fn at<'a>(record: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(record, |value, key| value.get(key))
}

#[test]
#[ignore]
fn look() {
    let folder = Path::new("fixtures/incident");
    let loaded = crate::rule::load::load_embedded();
    let mut config = Config::new(vec![folder.display().to_string()], loaded);
    config.account = Some(ACCOUNT.to_owned());
    let mut findings = Findings::default();
    scan::run(&config, &mut findings, &Quiet).unwrap();
    let gather = Gather::new(ACCOUNT);
    for (number, (file, source)) in
        [("mixpanel-audit.ndjson", "mixpanel-audit"), ("okta-system-log.ndjson", "okta")].into_iter().enumerate()
    {
        let source = source::find(source).unwrap();
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let paths = |field: &str| source.raw_paths(field, &Mapping::default());
        let mut times = Vec::new();
        let mut rows: Vec<Vec<Option<String>>> = Vec::new();
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let get = |field: &str| {
                paths(field).iter().find_map(|path| at(&record, path)).and_then(|value| match value {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                })
            };
            let time = get("@timestamp").unwrap();
            times.push(crate::event::time::TimeReader::default().read(time.as_bytes()).ok().map(|time| time.nanos));
            rows.push(FIELDS.iter().map(|field| {
                if *field == "user.target.email" {
                    return record["target"][0]["alternateId"].as_str().map(str::to_owned);
                }
                get(field)
            }).collect());
        }
        gather.unit((number, 0), times.into_iter(), &|row, field| rows[row][field].as_deref()).unwrap();
    }
    let story = Story::of(ACCOUNT, TimeZone::get("Europe/Berlin").unwrap(), gather.finish(findings.0), None).unwrap();
    let page = Page::of(&story, None);
    println!("{:?}", page.left_out);
    std::fs::create_dir_all("/tmp/charts").unwrap();
    std::fs::write("/tmp/charts/x.png", page.png().unwrap()).unwrap();
    std::fs::write("/tmp/charts/x.svg", page.svg("x").unwrap()).unwrap();
    for (chart, scene) in &page.drawn {
        std::fs::write(format!("/tmp/charts/{}.png", chart.name), page::png(scene).unwrap()).unwrap();
    }
}
