//! Random logs and rules: small, crowded, and fond of edges.

use super::history::{self, MIDNIGHT};
use super::model::{DAY, Log, Record};
use super::probe::Test;
use super::rng::Rng;
use super::rules::{Alias, Base, Condition, Correlation, Expr, Filter, Kind, OPS, Op, Rules, Usual};

pub const SPANS: [i64; 5] = [60, 120, 300, 600, 3600];
const ACTIONS: [&str; 4] = ["act.a", "act.b", "act.c", "act.d"];
const IPS: [&str; 4] = ["198.51.100.7", "203.0.113.9", "2001:db8::a", "2001:DB8::A"];
const NUMBERS: [&str; 12] = ["1", "2", "3", "5", "-4", "0.5", "0", "1e1", "\"2\"", "\"x\"", "null", "true"];

/// A log of up to `most` records, whose actors no other number shares.
pub fn log(rng: &mut Rng, number: usize, most: usize) -> Log {
    let actors =
        [format!("u{number}a@x.example"), format!("u{number}b@x.example"), format!("U{number}A@X.example")];
    let count = rng.below(most + 1);
    let reach = [3, 8, 20, 80][rng.below(4)];
    let files = 1 + rng.below(3);
    let mut records: Vec<Record> = Vec::new();
    for _ in 0..count {
        if !records.is_empty() && rng.one_in(10) {
            records.push(records[rng.below(records.len())].clone());
            continue;
        }
        let mut record = Record::at(60 * rng.below(reach) as i64, rng.pick(&ACTIONS));
        if rng.one_in(6) {
            record.time = record.time.map(|time| time + rng.number(&[-1, 1]));
        }
        record.actor = Some(actors[[0, 0, 0, 1, 2][rng.below(5)]].clone()).filter(|_| !rng.one_in(12));
        record.ip = (!rng.one_in(8)).then(|| rng.pick(&IPS).to_owned());
        record.n = (!rng.one_in(8)).then(|| rng.pick(&NUMBERS).to_owned());
        record.target = (!rng.one_in(4)).then(|| actors[rng.below(3)].clone());
        if rng.one_in(12) {
            record.time = None;
        }
        records.push(record);
    }
    match rng.below(3) {
        0 => records.sort_by_key(|record| record.time),
        1 => records.sort_by_key(|record| record.time.map(std::ops::Neg::neg)),
        _ => {}
    }
    Log { records: records.into_iter().map(|record| (rng.below(files), record)).collect() }
}

/// A log in which records of one time are the same record: its order of arrival says nothing.
pub fn unordered(rng: &mut Rng, number: usize, most: usize) -> Log {
    let mut log = log(rng, number, most);
    for at in 0..log.records.len() {
        let same = |(_, other): &&(usize, Record)| other.time == log.records[at].1.time;
        if let Some((_, first)) = log.records[..at].iter().find(same).cloned() {
            log.records[at].1 = first;
        }
    }
    log
}

/// Correlations of every type, with random settings, and what they are made of. All group by actor.
pub fn rules(rng: &mut Rng) -> Rules {
    let mut rules = Rules::default();
    let kinds = [
        Kind::EventCount,
        Kind::ValueCount("source.ip"),
        Kind::ValueCount("details.n"),
        Kind::Temporal,
        Kind::Temporal,
        Kind::Ordered,
        Kind::Ordered,
        Kind::Sum("details.n"),
        Kind::Average("details.n"),
        Kind::Percentile("details.n", None),
        Kind::Percentile("details.n", Some(1 + rng.below(100) as u32)),
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let name = format!("c{number}");
        let count = 1 + rng.below(3);
        let names = bases(rng, &mut rules, &name, count);
        let made = correlation(rng, name, kind, names);
        rules.correlations.push(made);
    }
    for number in 0..4 {
        chain(rng, &mut rules, &format!("p{number}"));
    }
    rules
}

/// Correlations over days, of rules that ask what is usual. Where `isolated`, of several actors too.
pub fn rules_of_days(rng: &mut Rng, isolated: bool) -> Rules {
    let mut rules = rules(rng);
    for base in &mut rules.bases {
        if let Some(filter) = &mut base.filter {
            filter.expires = rng.one_in(2).then(|| MIDNIGHT + rng.below(14) as i64 * DAY);
        }
        let declarations = history::declarations(rng, isolated);
        let declaration = declarations[rng.below(declarations.len())].clone();
        let subs = declaration.sub_fields();
        let sub = subs[rng.below(subs.len())];
        let test = Test::of(sub)[rng.below(Test::of(sub).len())];
        base.usual = rng.one_in(2).then_some(Usual { declaration, sub, test });
    }
    for correlation in &mut rules.correlations {
        correlation.span = rng.number(&[3600, DAY, 3 * DAY]);
        if !isolated && !correlation.aliases.is_empty() {
            // Targets are shared.
            correlation.aliases.clear();
            correlation.group_by = vec!["user.email"];
        }
        if isolated && rng.one_in(2) {
            correlation.aliases.clear();
            correlation.group_by = match rng.below(3) {
                0 => Vec::new(),
                1 => vec!["source.ip"],
                _ => vec!["details.target"],
            };
        }
    }
    rules
}

/// Rules for single records. Mostly, no two of them find the same one.
fn bases(rng: &mut Rng, rules: &mut Rules, of: &str, count: usize) -> Vec<String> {
    let mut actions = ACTIONS.to_vec();
    rng.shuffle(&mut actions);
    let mut names = Vec::new();
    for number in 0..count {
        let name = format!("{of}_r{number}");
        let more = if count == 1 { 1 + rng.below(3) } else { 1 };
        let mut actions = actions.split_off(actions.len() - more);
        if rng.one_in(10) {
            actions.push(rng.pick(&ACTIONS));
            actions.dedup();
        }
        let filter = rng.one_in(6).then(|| Filter { ip: rng.pick(&IPS), not: !rng.one_in(4), expires: None });
        rules.bases.push(Base { name: name.clone(), actions, filter, usual: None });
        names.push(name);
    }
    names
}

fn correlation(rng: &mut Rng, name: String, kind: Kind, rules: Vec<String>) -> Correlation {
    let condition = condition(rng, &kind, rules.len());
    let mut made = Correlation {
        name,
        kind,
        rules,
        group_by: vec!["user.email"],
        aliases: Vec::new(),
        span: rng.number(&SPANS),
        condition,
        generate: rng.one_in(5),
    };
    match rng.below(6) {
        0 | 1 => made.group_by.push("source.ip"),
        2 => {
            let field = |rng: &mut Rng| *rng.pick(&[&"user.email", &"details.target"]);
            let fields = (0..made.rules.len()).map(|rule| (rule, field(rng))).collect();
            made.aliases.push(Alias { name: "who", fields });
            made.group_by = vec!["who"];
        }
        _ => {}
    }
    made
}

fn condition(rng: &mut Rng, kind: &Kind, rules: usize) -> Condition {
    let small = |rng: &mut Rng| 1.0 + rng.below(4) as f64;
    match kind {
        Kind::Ordered if rng.one_in(2) => Condition::Default,
        Kind::Temporal if rng.one_in(3) => Condition::Default,
        Kind::Temporal if rng.one_in(2) => Condition::Expr(expr(rng, rules, 3)),
        Kind::Temporal | Kind::Ordered => {
            Condition::Count(vec![(OPS[rng.below(6)], 1.0 + rng.below(rules) as f64)])
        }
        Kind::EventCount | Kind::ValueCount(_) => match rng.below(4) {
            0 => Condition::Count(vec![(OPS[rng.below(6)], small(rng))]),
            1 => {
                let low = rng.below(3) as f64;
                Condition::Count(vec![(Op::Gt, low), (Op::Lte, low + small(rng))])
            }
            2 => Condition::Count(vec![(Op::Gt, small(rng) - 1.0)]),
            _ => Condition::Count(vec![(Op::Gte, small(rng))]),
        },
        Kind::Sum(_) | Kind::Average(_) | Kind::Percentile(..) => {
            let limit = rng.below(16) as f64 / 2.0 - 2.0;
            match rng.below(3) {
                0 => Condition::Count(vec![(Op::Gte, limit), (Op::Lt, limit + small(rng))]),
                _ => Condition::Count(vec![(OPS[rng.below(6)], limit)]),
            }
        }
    }
}

fn expr(rng: &mut Rng, rules: usize, depth: usize) -> Expr {
    let next = |rng: &mut Rng| Box::new(expr(rng, rules, depth - 1));
    match rng.below(6) {
        _ if depth == 0 => Expr::Rule(rng.below(rules)),
        0 | 1 => Expr::And(next(rng), next(rng)),
        2 => Expr::Or(next(rng), next(rng)),
        3 => Expr::And(next(rng), Box::new(Expr::Not(Box::new(Expr::Rule(rng.below(rules)))))),
        _ => Expr::Rule(rng.below(rules)),
    }
}

/// A correlation of correlations, sometimes three deep.
fn chain(rng: &mut Rng, rules: &mut Rules, name: &str) {
    let mut names = Vec::new();
    for number in 0..=rng.below(2) {
        let below = format!("{name}_c{number}");
        let rules_below = bases(rng, rules, &below, 2);
        let kind = match rng.below(4) {
            0 => Kind::ValueCount("source.ip"),
            1 => Kind::Temporal,
            2 => Kind::Ordered,
            _ => Kind::EventCount,
        };
        let mut made = correlation(rng, below.clone(), kind, rules_below);
        made.aliases.clear();
        made.group_by = if rng.one_in(2) { vec!["user.email"] } else { vec!["user.email", "source.ip"] };
        rules.correlations.push(made);
        names.push(below);
    }
    if rng.one_in(2) {
        names.extend(bases(rng, rules, name, 1));
        rng.shuffle(&mut names);
    }
    let kind = match rng.below(5) {
        0 => Kind::ValueCount("source.ip"),
        1 => Kind::Temporal,
        2 => Kind::Ordered,
        _ => Kind::EventCount,
    };
    let mut made = correlation(rng, name.to_owned(), kind, names);
    made.aliases.clear();
    made.group_by = vec!["user.email"];
    let deeper = rng.one_in(3);
    rules.correlations.push(made);
    if deeper {
        let mut top = correlation(rng, format!("{name}_top"), Kind::EventCount, vec![name.to_owned()]);
        top.aliases.clear();
        top.group_by = vec!["user.email"];
        rules.correlations.push(top);
    }
}
