//! `portcullis timeline`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::tz::TimeZone;

use super::logs::{Logs, Speed};
use super::scan_summary;
use crate::cli::config::Place;
use crate::cli::error::{CliError, INCOMPLETE};
use crate::cli::put;
use crate::cli::ui::Ui;
use crate::cli::value;
use crate::event::time::Timestamp;
use crate::finding::Finding;
use crate::lockdown::incidents::Incidents;
use crate::output::escape::{Safe, markup};
use crate::output::{Sink, Summary};
use crate::scan;
use crate::scan::ledger::Ledger;
use crate::timeline::chart::{self, CHARTS, Chart};
use crate::timeline::gather::Gather;
use crate::timeline::mark::Marks;
use crate::timeline::page::{self, Page};
use crate::timeline::{Gate, Story};

/// Chart an incident: who, when, from where, what left, and when the gate fell.
///
/// The file's name decides how it is drawn: .svg, .png or .html (one page without scripts). The same logs give the same bytes.
/// Charts that have nothing to show are left out, and that is said. With --incident the steps and verdict of a lockdown are
/// drawn too.
///
/// Exit codes: 0 every byte of the logs accounted for; 2 bad usage, or the account is not in the logs; 3 drawn, but something
/// was rejected or unreadable.
///
/// Examples:
///   portcullis timeline fixtures/incident --account jane@agency.example -o incident.svg
///   portcullis timeline logs/ --account jane@agency.example --time-zone Europe/Berlin -o incident.html
///   portcullis timeline logs/ --account jane@agency.example --incident 2026-10-24-jane-agency-example -o gate.png
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    logs: Logs,

    /// The account, as the logs name it.
    #[arg(long, value_name = "EMAIL", help_heading = "Chart")]
    account: String,
    /// The incident whose lockdown is drawn too; `portcullis status` lists them.
    #[arg(long, value_name = "NAME", help_heading = "Chart")]
    incident: Option<String>,
    #[command(flatten)]
    place: Place,
    /// One chart instead of all.
    #[arg(long, value_name = "NAME", value_parser = chart, help_heading = "Chart")]
    chart: Option<&'static Chart>,
    /// The zone in which times are drawn.
    #[arg(long, value_name = "ZONE", value_parser = value::zone, help_heading = "Chart")]
    time_zone: Option<TimeZone>,
    /// Events from this time on: 2026-05-01 or 2026-05-01T02:14:09Z.
    #[arg(long, value_name = "TIME", value_parser = value::time, help_heading = "Chart")]
    since: Option<Timestamp>,
    /// Events before this time.
    #[arg(long, value_name = "TIME", value_parser = value::time, help_heading = "Chart")]
    until: Option<Timestamp>,
    /// The file, which appears when it is complete: .svg, .png or .html.
    #[arg(short, long, value_name = "FILE", help_heading = "Chart")]
    output: PathBuf,

    #[command(flatten)]
    speed: Speed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Svg,
    Png,
    Html,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let form = form(&args.output)?;
    put::spare(Some(&args.output), args.logs.paths())?;
    let gate = args.incident.as_ref().map(|name| gate(args, name)).transpose()?;
    let mut config = args.logs.config(ui, &args.speed)?;
    config.since = args.since;
    config.until = args.until;
    config.account = Some(args.account.clone());
    config.projection = Some(Gather::projection());
    let mut findings = Findings::default();
    let gather = Gather::new(&args.account, findings.0.rules_of(&config.rules));
    let bar = ui.progress();
    let ledger = scan::read_rows(&config, &mut findings, &gather, &bar);
    bar.finish();
    let ledger = ledger?;
    scan_summary::print_coverage(ui, &ledger);
    let zone = args.time_zone.clone().unwrap_or(TimeZone::UTC);
    let story = Story::of(&args.account, zone, gather.finish(findings.0), gate)
        .ok_or_else(|| nothing(args, &ledger))?;
    let page = Page::of(&story, args.chart);
    for (chart, why) in &page.left_out {
        ui.note(&format!("left out: {}: {}", chart.title, Safe(why)));
    }
    put::bytes(&args.output, &bytes(&story, &page, form)?)?;
    Ok(if ledger.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

/// There is nothing to draw: what was asked for, and what is the likely cause.
fn nothing(args: &Args, ledger: &Ledger) -> CliError {
    let bounds = [("from", args.since), ("before", args.until)];
    let period: String = bounds
        .into_iter()
        .filter_map(|(word, time)| Some(format!(" {word} {}", time?.to_rfc3339())))
        .collect();
    let error =
        CliError::usage(format!("these logs have no event of {} with a time{period}", Safe(&args.account)));
    if ledger.totals().records == 0 {
        error.hint("not one record was read: what is said above has the reason")
    } else if period.is_empty() {
        error.hint("give the account as the logs name it: an e-mail address")
    } else {
        error.hint("widen --since and --until, or give the account as the logs name it: an e-mail address")
    }
}

fn chart(name: &str) -> Result<&'static Chart, String> {
    let names = || CHARTS.iter().map(|chart| chart.name);
    chart::find(name).ok_or_else(|| {
        let near = crate::rule::nearest(name, names());
        let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        format!("{near}one of {}", names().collect::<Vec<_>>().join(", "))
    })
}

fn form(path: &Path) -> Result<Form, CliError> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => Ok(Form::Svg),
        Some("png") => Ok(Form::Png),
        Some("html" | "htm") => Ok(Form::Html),
        _ => Err(CliError::usage(format!("cannot tell what to draw from the name {}", path.display()))
            .hint("end it with .svg, .png or .html")),
    }
}

fn gate(args: &Args, name: &str) -> Result<Gate, CliError> {
    let config = args.place.load()?;
    Ok(Gate::of(&Incidents::new(&config.incidents).read(name)?))
}

fn bytes(story: &Story, page: &Page, form: Form) -> Result<Vec<u8>, CliError> {
    let title = format!("Incident of {}", story.account);
    let drawn = match form {
        Form::Svg => page.svg(&title).map(String::into_bytes),
        Form::Png => page.png(),
        Form::Html => html(page, &title).map(String::into_bytes),
    };
    drawn.map_err(|error| CliError::usage(error.to_string()))
}

/// One page without scripts that may load nothing.
fn html(page: &Page, title: &str) -> Result<String, page::PageError> {
    let title = markup(title);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         base-uri 'none'; form-action 'none'\"><title>{title}</title>\
         <style>body{{margin:1rem auto;max-width:80rem;font:15px/1.4 sans-serif}}\
         svg{{width:100%;height:auto;break-inside:avoid}}</style></head><body><h1>{title}</h1>\n"
    );
    for (chart, scene) in &page.drawn {
        html.push_str(&format!(
            "<section id=\"{}\">\n{}</section>\n",
            chart.name,
            page::svg(scene, chart.title)?
        ));
    }
    if !page.left_out.is_empty() {
        let items = page
            .left_out
            .iter()
            .map(|(chart, why)| format!("<li>{}: {}</li>", markup(chart.title), markup(why)));
        html.push_str(&format!("<h2>Left out</h2><ul>{}</ul>\n", items.collect::<String>()));
    }
    html.push_str("</body></html>\n");
    Ok(html)
}

#[derive(Default)]
struct Findings(Marks);

impl Sink for Findings {
    fn finding(&mut self, finding: &Finding) -> std::io::Result<()> {
        self.0.add(finding);
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> std::io::Result<()> {
        Ok(())
    }
}
