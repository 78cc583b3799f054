//! Charts of made-up stories.

use jiff::tz::TimeZone;

use super::gather::{FIELDS, Gather};
use super::page::Page;
use super::story::Story;

const ACCOUNT: &str = "jane@agency.example";

/// A story of `count` exports, a minute apart, whose texts are `text`.
fn story(count: i64, text: &str) -> Option<Story> {
    let gather = Gather::new(ACCOUNT);
    let start = 1_790_000_000_000_000_000;
    let value = |_: usize, field: usize| match FIELDS.get(field).copied() {
        Some("event.action") => Some("raw_event_export.requested"),
        Some("user.email") => Some(ACCOUNT),
        Some("source.ip" | "details.name" | "source.geo.city_name" | "source.as.organization.name") => {
            Some(text)
        }
        Some("details.rows") => Some("1000"),
        Some("source.geo.location.lat" | "source.geo.location.lon") => Some("NaN"),
        _ => None,
    };
    gather.unit((0, 0), (0..count).map(|minute| Some(start + minute * 60_000_000_000)), &value).unwrap();
    Story::of(ACCOUNT, TimeZone::UTC, gather.finish(Vec::new()), None)
}

#[test]
fn five_events_and_half_a_million_are_drawn_and_the_same_each_time() {
    for count in [5, 500_000] {
        let page = || Page::of(&story(count, "192.0.2.1").unwrap(), None);
        let (one, two) = (page(), page());
        assert!(!one.drawn.is_empty(), "{:?}", one.left_out);
        assert!(one.svg("x").unwrap() == two.svg("x").unwrap(), "{count}");
        let size = one.svg("x").unwrap().len();
        assert!(size < 2 << 20, "{count} events are {size} bytes of SVG");
    }
    let page = || Page::of(&story(5, "192.0.2.1").unwrap(), None);
    assert!(page().png().unwrap() == page().png().unwrap());
}

#[test]
fn hostile_text_is_text() {
    let evil = "</text><script>alert(1)</script>&\"'\u{1b}[2J\u{202e}\u{0}\u{ffff}\u{10ffff}漢字".repeat(40);
    let page = Page::of(&story(5, &evil).unwrap(), None);
    let svg = page.svg(&evil).unwrap();
    assert!(
        !svg.contains("<script")
            && !svg.contains('\u{1b}')
            && !svg.contains('\u{202e}')
            && !svg.contains('\u{0}')
    );
    assert!(!page.png().unwrap().is_empty());
}

#[test]
fn an_account_without_events_is_no_story() {
    assert!(story(0, "x").is_none());
}
