//! Where the time of a run went and what it asked of every system, for people and machines.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::lockdown::engine::Engine;
use crate::lockdown::http::Stats;
use crate::lockdown::pace::{Leg, Link};
use crate::output::escape::Safe;

/// What one run took.
pub struct Pace {
    /// Its parts, one after the other.
    pub legs: Vec<Leg>,
    /// What went to every system.
    pub stats: Vec<(String, Stats)>,
}

impl Pace {
    /// As it is now.
    pub fn of(engine: &Engine) -> Self {
        let stats = engine.systems.iter().map(|(name, system)| (name.clone(), system.stats()));
        Self { legs: engine.legs(), stats: stats.collect() }
    }

    /// The parts, with the steps that the longest part waited for; then the requests, with what the limit of each system
    /// asks for at least.
    pub fn text(&self) -> String {
        let took: Duration = self.legs.iter().map(|leg| leg.took).sum();
        let mut text = format!("\nWhere the time went: {}, one after the other\n", seconds(took));
        // Writing to a String cannot fail.
        for Leg { what, took, chain } in &self.legs {
            let _ = writeln!(text, "  {:>8}  {}", seconds(*took), Safe(what));
            for Link { step, took } in chain {
                let _ = writeln!(text, "            {:>8}  {}", seconds(*took), Safe(&step.0));
            }
        }
        text.push_str("Requests\n");
        for (name, stats) in &self.stats {
            text.push_str(&requests(name, stats));
        }
        text
    }

    /// The parts for machines.
    pub fn legs_json(&self) -> Value {
        let links = |chain: &[Link]| {
            let links = chain.iter().map(|link| json!({ "step": link.step, "ms": millis(link.took) }));
            links.collect::<Vec<_>>()
        };
        let legs = self.legs.iter();
        let legs =
            legs.map(|leg| json!({ "what": leg.what, "ms": millis(leg.took), "chain": links(&leg.chain) }));
        legs.collect()
    }

    /// The requests for machines.
    pub fn requests_json(&self) -> Value {
        let stats = self.stats.iter().map(|(name, stats)| {
            json!({
                "system": name,
                "sent": stats.sent,
                "limited": stats.limited,
                "waited_ms": millis(stats.waited),
                "per_second": stats.per_second,
                "burst": stats.burst,
            })
        });
        stats.collect()
    }
}

fn requests(name: &str, stats: &Stats) -> String {
    let limited =
        if stats.limited > 0 { format!(", {} refused by its limit", stats.limited) } else { String::new() };
    let allowed = if stats.per_second > 0.0 {
        format!(
            "; {} a second after {} at once: {} at least",
            stats.per_second,
            stats.burst,
            seconds(stats.least())
        )
    } else {
        String::new()
    };
    let name = Safe(name).to_string();
    format!("  {name:<12} {:>6} sent{limited}{allowed}\n", stats.sent)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lockdown::step::StepId;

    #[test]
    fn the_chain_and_the_limit_are_told() {
        let link =
            Link { step: StepId("okta/user/1/suspend\u{1b}[2J".into()), took: Duration::from_millis(150) };
        let legs = vec![
            Leg { what: "reading".into(), took: Duration::from_millis(1_250), chain: Vec::new() },
            Leg { what: "steps".into(), took: Duration::from_secs(2), chain: vec![link] },
        ];
        let stats = Stats { sent: 110, per_second: 5.0, burst: 10, ..Stats::default() };
        let pace = Pace { legs, stats: vec![("okta".into(), stats), ("file".into(), Stats::default())] };
        let text = pace.text();
        assert!(text.contains("Where the time went: 3.2 s") && text.contains("1.2 s  reading"), "{text}");
        assert!(
            text.contains("okta            110 sent; 5 a second after 10 at once: 20.0 s at least"),
            "{text}"
        );
        assert!(text.contains("file              0 sent\n") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(pace.legs_json()[1]["chain"][0]["ms"], 150);
        assert_eq!(pace.requests_json()[0]["per_second"], 5.0);
    }
}
