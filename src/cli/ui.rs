//! Standard output, standard error, colour, progress.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

use super::Color;
use super::error::CliError;
use crate::lockdown::engine::Watch;
use crate::output::escape::Safe;

/// Standard output, buffered.
pub fn stdout() -> Box<dyn Write> {
    Box::new(io::BufWriter::with_capacity(1 << 16, io::stdout()))
}

/// Writes a whole text to standard output.
///
/// # Errors
/// It cannot be written; a reader that went away is a clean end.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| CliError::output(&error))
}

/// How to talk to the user.
pub struct Ui {
    color: Color,
    no_color: bool,
    quiet: bool,
}

impl Ui {
    /// With the global flags, and `NO_COLOR` from the environment.
    pub fn new(color: Color, quiet: bool) -> Self {
        Self { color, no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()), quiet }
    }

    /// Whether standard output gets colour.
    pub fn color_stdout(&self) -> bool {
        self.colors(io::stdout().is_terminal())
    }

    fn colors(&self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !self.no_color,
        }
    }

    /// A line of the summary on standard error, unless `--quiet`.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            say(line);
        }
    }

    /// A warning on standard error, `--quiet` or not.
    pub fn warn(&self, line: &str) {
        let style = self.style(AnsiColor::Yellow);
        say(&format!("{style}warning:{style:#} {line}"));
    }

    /// A line about work under way: only on a terminal, and not with `--quiet`.
    pub fn progress_note(&self, line: &str) {
        if !self.quiet && io::stderr().is_terminal() {
            say(&Safe(line).to_string());
        }
    }

    /// Says what happens in an incident, as its journal takes it.
    pub fn watch(&self) -> Box<Watch> {
        let quiet = self.quiet;
        Box::new(move |entry, record| {
            if let Some(line) = super::incident::line(entry, record).filter(|_| !quiet) {
                say(&Safe(&line).to_string());
            }
        })
    }

    /// Asks on the terminal; `None` where there is none.
    pub fn ask(&self, question: &str) -> io::Result<Option<String>> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(None);
        }
        write!(io::stderr(), "{} ", Safe(question))?;
        io::stderr().flush()?;
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        Ok(Some(line.trim().to_owned()))
    }

    /// An error with its advice.
    pub fn error(&self, error: &CliError) {
        let (red, cyan) = (self.style(AnsiColor::Red), self.style(AnsiColor::Cyan));
        say(&format!("{red}error:{red:#} {}", Multi(error.message())));
        if let Some(advice) = error.advice() {
            say(&format!("{cyan}hint:{cyan:#} {}", Multi(advice)));
        }
    }

    fn style(&self, color: AnsiColor) -> Style {
        if self.colors(io::stderr().is_terminal()) {
            Style::new().bold().fg_color(Some(color.into()))
        } else {
            Style::new()
        }
    }

    /// A progress bar on standard error: only on a terminal, and not with `--quiet`.
    pub fn progress(&self) -> Bar {
        let shown = !self.quiet && io::stderr().is_terminal();
        let bar = if shown { ProgressBar::no_length() } else { ProgressBar::hidden() };
        let template = "{bar:30} {bytes} of {total_bytes}  {bytes_per_sec}  {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Bar { bar }
    }
}

fn say(line: &str) {
    // Where standard error is gone, nobody is left to tell.
    let _gone = writeln!(io::stderr(), "{line}");
}

/// Untrusted text over several lines.
struct Multi<'a>(&'a str);

impl std::fmt::Display for Multi<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, line) in self.0.lines().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            write!(out, "{}", Safe(line))?;
        }
        Ok(())
    }
}

/// Progress of a scan.
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl crate::scan::Progress for Bar {
    fn bytes(&self, count: u64) {
        self.bar.inc(count);
    }

    fn total(&self, count: Option<u64>) {
        if let Some(count) = count {
            self.bar.set_length(count);
        }
    }
}
