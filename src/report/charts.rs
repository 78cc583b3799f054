//! The charts of the most serious incidents.

use super::again::Again;
use crate::output::escape::markup as text;
use crate::timeline::Story;
use crate::timeline::page::{self, Page};

/// The section, empty where there is nothing to draw and nothing to say.
pub(super) fn section(again: &Again) -> String {
    if again.stories.is_empty() && again.missing.is_empty() {
        return String::new();
    }
    let drawn: String = again.stories.iter().enumerate().map(|(at, story)| charts(story, at == 0)).collect();
    let missing: String =
        again.missing.iter().map(|missing| format!("<p class=\"warn\">{}</p>\n", text(missing))).collect();
    format!("<section id=\"charts\"><h2>Charts</h2>\n{drawn}{missing}</section>\n")
}

fn charts(story: &Story, open: bool) -> String {
    let page = Page::of(story, None);
    let mut html = format!(
        "<details class=\"charts\"{}><summary><h3>{}</h3></summary>\n",
        if open { " open" } else { "" },
        text(&story.account)
    );
    for (chart, scene) in &page.drawn {
        match page::svg(scene, &format!("{}: {}", chart.title, story.account)) {
            Ok(svg) => html.push_str(&format!("<figure>{svg}</figure>\n")),
            Err(error) => html.push_str(&format!("<p class=\"warn\">{}</p>\n", text(&error.to_string()))),
        }
    }
    for (chart, why) in &page.left_out {
        let line = format!("“{}” is left out: {why}", chart.title);
        html.push_str(&format!("<p class=\"soft\">{}</p>\n", text(&line)));
    }
    html + "</details>\n"
}
