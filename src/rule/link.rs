//! Rules that name each other: correlations find their members, filters their rules.

use std::collections::HashMap;
use std::path::PathBuf;

use super::yaml::{Fault, Span};
use super::{Loaded, RuleError, hint};

type Faults = Vec<(PathBuf, Fault)>;

/// Indexes by id and name; a name that several have leads nowhere.
fn index(loaded: &Loaded) -> HashMap<String, Option<usize>> {
    let mut index: HashMap<String, Option<usize>> = HashMap::new();
    let all = (0..loaded.len()).filter_map(|at| Some((at, loaded.about(at)?.meta)));
    let all: Vec<_> = all.collect();
    for (at, meta) in &all {
        index.entry(meta.name.clone()).and_modify(|held| *held = None).or_insert(Some(*at));
    }
    for (at, meta) in &all {
        if let Some(id) = &meta.id {
            index.insert(id.clone(), Some(*at));
        }
    }
    index
}

/// Links every correlation anew; one that cannot be linked is no longer loaded.
pub(super) fn correlations(loaded: &mut Loaded) -> Faults {
    let mut faults = Faults::new();
    while let Some((at, fault)) = first_unlinked(loaded) {
        let correlation = loaded.correlations.remove(at);
        faults.push((correlation.file.clone(), fault));
        loaded.unlinked.push(correlation);
    }
    let rules = loaded.rules.len();
    let mut asked = vec![(false, false); loaded.len()];
    for correlation in &loaded.correlations {
        for &link in &correlation.links {
            if let Some((named, generates)) = asked.get_mut(link) {
                *named = true;
                *generates |= correlation.generate;
            }
        }
    }
    let silent = |at: usize| asked.get(at).is_some_and(|(named, generates)| *named && !generates);
    loaded.rules.iter_mut().enumerate().for_each(|(at, rule)| rule.silent = silent(at));
    let correlations = loaded.correlations.iter_mut().enumerate();
    correlations.for_each(|(at, correlation)| correlation.silent = silent(rules + at));
    faults
}

/// Links as far as it goes; the first correlation that cannot be.
fn first_unlinked(loaded: &mut Loaded) -> Option<(usize, Fault)> {
    let index = index(loaded);
    for (at, correlation) in loaded.correlations.iter_mut().enumerate() {
        let links = correlation.members.iter().map(|name| find(&index, name, correlation.span));
        match links.collect::<Result<Vec<usize>, Fault>>() {
            Ok(links) => correlation.links = links,
            Err(fault) => return Some((at, fault)),
        }
    }
    cycle(loaded)
}

fn find(index: &HashMap<String, Option<usize>>, name: &str, span: Span) -> Result<usize, Fault> {
    match index.get(name) {
        Some(Some(at)) => Ok(*at),
        Some(None) => {
            Err(Fault::new(span, format!("several rules are called `{name}`")).hint("name it by its id"))
        }
        None => {
            let fault = Fault::new(span, format!("no rule has the id or name `{name}`"));
            Err(match hint::nearest(name, index.keys().map(String::as_str)) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault.hint("load the rule with it: --with-builtin adds the built-in rules"),
            })
        }
    }
}

/// A correlation that is part of itself.
fn cycle(loaded: &Loaded) -> Option<(usize, Fault)> {
    let rules = loaded.rules.len();
    let leads_back = |start: usize| {
        let (mut seen, mut left) = (vec![false; loaded.correlations.len()], vec![start]);
        while let Some(at) = left.pop() {
            let links = loaded.correlations.get(at).map_or(&[][..], |correlation| &correlation.links);
            for next in links.iter().filter_map(|link| link.checked_sub(rules)) {
                if next == start {
                    return true;
                }
                if let Some(seen) = seen.get_mut(next).filter(|seen| !**seen) {
                    *seen = true;
                    left.push(next);
                }
            }
        }
        false
    };
    let at = (0..loaded.correlations.len()).find(|&at| leads_back(at))?;
    let span = loaded.correlations.get(at)?.span;
    Some((at, Fault::new(span, "the correlation is part of itself")))
}

/// Adds each filter to the rules it names, once.
pub(super) fn filters(loaded: &mut Loaded) -> Faults {
    let mut faults = Faults::new();
    let index = index(loaded);
    for (at, filter) in loaded.filters.iter().enumerate() {
        for name in &filter.rules {
            let rule = match find(&index, name, filter.span) {
                Ok(rule) => loaded.rules.get_mut(rule),
                Err(fault) => {
                    faults.push((filter.file.clone(), fault));
                    continue;
                }
            };
            let Some(rule) = rule else {
                let fault = Fault::new(
                    filter.span,
                    format!("`{name}` is a correlation: filters are for detection rules"),
                );
                faults.push((filter.file.clone(), fault.hint("filter the rules it is made of")));
                continue;
            };
            if !overlap(&filter.logsource, &rule.logsource) {
                let fault =
                    Fault::new(filter.span, format!("the filter's log source is not that of rule `{name}`"));
                faults.push((filter.file.clone(), fault));
                continue;
            }
            if loaded.applied.insert((at, rule.key().to_owned())) {
                filter.apply(rule);
            }
        }
    }
    loaded.warnings = loaded.filters.iter().filter_map(warning).collect();
    faults
}

/// Whether some log is of both.
fn overlap(left: &super::LogSource, right: &super::LogSource) -> bool {
    let same = |left: &Option<String>, right: &Option<String>| match (left, right) {
        (Some(left), Some(right)) => left.eq_ignore_ascii_case(right),
        _ => true,
    };
    same(&left.category, &right.category)
        && same(&left.product, &right.product)
        && same(&left.service, &right.service)
}

fn warning(filter: &super::Filter) -> Option<RuleError> {
    filter.keeps_what_it_names.then(|| RuleError {
        file: filter.file.clone(),
        line: filter.span.line,
        column: filter.span.column,
        message: "the filter keeps only what it names".to_owned(),
        hint: Some("to leave it out, write `condition: not selection`".to_owned()),
        unlinked: false,
    })
}
