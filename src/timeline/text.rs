//! Text in charts: made harmless, measured and shortened with a font of our own, so that a layout is the same everywhere.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, point};

use crate::output::escape::Safe;

/// The family asked of whoever shows an SVG. Ours comes first; the others are of about its width.
pub const FAMILY: &str = "DejaVu Sans Condensed, Arial, Liberation Sans, Helvetica, sans-serif";
/// Room that a label gets beyond its width in our font: the widest substitute in use, `DejaVu Sans`, is a ninth wider.
const ROOM: f64 = 1.12;
/// Stands for what the font does not have.
const MISSING: char = '\u{fffd}';
/// Share of the size above and below the base line.
const RISE: f64 = 0.78;
const FALL: f64 = 0.24;

static REGULAR: &[u8] = include_bytes!("font/DejaVuSansCondensed.subset.ttf");
static BOLD: &[u8] = include_bytes!("font/DejaVuSansCondensed-Bold.subset.ttf");

/// How a text is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// Pixels of an em.
    pub size: f64,
    /// Bold or regular.
    pub bold: bool,
}

impl Face {
    /// Regular, of this size.
    pub const fn regular(size: f64) -> Self {
        Self { size, bold: false }
    }

    /// Bold, of this size.
    pub const fn bold(size: f64) -> Self {
        Self { size, bold: true }
    }

    /// How wide `text` is at most, whichever font of [`FAMILY`] shows it.
    pub fn width(self, text: &str) -> f64 {
        let Some(font) = self.font() else { return text.chars().count() as f64 * self.size * ROOM };
        let em = f64::from(font.units_per_em().unwrap_or(2048.0));
        let advance = |letter| f64::from(font.h_advance_unscaled(font.glyph_id(letter))) / em;
        text.chars().map(advance).sum::<f64>() * self.size * ROOM
    }

    /// From the base line up.
    pub fn rise(self) -> f64 {
        self.size * RISE
    }

    /// From the base line down.
    pub fn fall(self) -> f64 {
        self.size * FALL
    }

    /// `text` as it may be drawn: escaped, what the font lacks replaced, cut with … where it is wider than `most`.
    pub fn fit(self, text: &str, most: f64) -> String {
        let text = self.clean(text);
        if self.width(&text) <= most {
            return text;
        }
        let mut left = most - self.width("…");
        let mut cut = String::new();
        let mut buffer = [0; 4];
        for letter in text.chars() {
            left -= self.width(letter.encode_utf8(&mut buffer));
            if left < 0.0 {
                break;
            }
            cut.push(letter);
        }
        let kept = cut.trim_end().len();
        cut.truncate(kept);
        cut.push('…');
        cut
    }

    /// `text` escaped as for a terminal, and what the font lacks replaced. Letters that are written from right to left are
    /// among that: they would reorder what stands beside them.
    pub fn clean(self, text: &str) -> String {
        let text = Safe(text).to_string();
        let Some(font) = self.font() else { return text };
        text.chars().map(|letter| if font.glyph_id(letter).0 == 0 { MISSING } else { letter }).collect()
    }

    /// The pixels of `text` whose base line begins at `x`, `y`, each with the share that is covered.
    pub fn pixels(self, text: &str, x: f64, y: f64, each: &mut dyn FnMut(i32, i32, f64)) {
        let Some(font) = self.font() else { return };
        let em = font.units_per_em().unwrap_or(2048.0);
        let scale = PxScale::from(self.size as f32 * font.height_unscaled() / em);
        let mut at = x;
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            let glyph: Glyph = id.with_scale_and_position(scale, point(at as f32, y as f32));
            if let Some(outline) = font.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|right, down, covered| {
                    let (right, down) = (right as f32 + bounds.min.x, down as f32 + bounds.min.y);
                    each(right as i32, down as i32, f64::from(covered.clamp(0.0, 1.0)));
                });
            }
            at += f64::from(font.h_advance_unscaled(id) / em) * self.size;
        }
    }

    /// How wide `text` is in our own font.
    pub fn exact_width(self, text: &str) -> f64 {
        self.width(text) / ROOM
    }

    fn font(self) -> Option<&'static FontRef<'static>> {
        static FONTS: OnceLock<[Option<FontRef<'static>>; 2]> = OnceLock::new();
        let [regular, bold] =
            FONTS.get_or_init(|| [REGULAR, BOLD].map(|bytes| FontRef::try_from_slice(bytes).ok()));
        if self.bold { bold.as_ref() } else { regular.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fonts_are_there_and_bold_is_wider() {
        let (regular, bold) = (Face::regular(10.0), Face::bold(10.0));
        assert!(regular.font().is_some() && bold.font().is_some());
        assert!(bold.width("Portcullis") > regular.width("Portcullis"));
        assert!((Face::regular(20.0).width("abc") - 2.0 * regular.width("abc")).abs() < 1e-9);
        // An em of digits: each is 0.572 of an em wide.
        assert!((regular.exact_width("0123456789") - 57.2).abs() < 0.2);
    }

    #[test]
    fn hostile_and_unknown_characters_are_visible_and_harmless() {
        let face = Face::regular(10.0);
        assert_eq!(face.clean("a\u{1b}[2J\u{202e}<b>&\"'"), "a\\u{1b}[2J\\u{202e}<b>&\"'");
        assert_eq!(face.clean("日本 שלום 🙂"), "\u{fffd}\u{fffd} \u{fffd}\u{fffd}\u{fffd}\u{fffd} \u{fffd}");
        assert_eq!(face.clean("Łódź Ünïcode Δοκιμή проверка → ●"), "Łódź Ünïcode Δοκιμή проверка → ●");
    }

    #[test]
    fn long_names_are_cut_to_fit() {
        let face = Face::regular(12.0);
        let name = "a-very-long-name-of-somebody@an-organisation.example";
        for most in [20.0, 60.0, 100.0, 200.0] {
            let cut = face.fit(name, most);
            assert!(face.width(&cut) <= most && cut.ends_with('…'), "{cut}");
        }
        assert_eq!(face.fit(name, 1000.0), name);
        assert_eq!(face.fit("x", 0.0), "…");
    }

    #[test]
    fn letters_have_pixels_between_their_lines() {
        let face = Face::regular(20.0);
        let mut dark = 0;
        face.pixels("Hg", 10.0, 40.0, &mut |x, y, covered| {
            assert!((9..60).contains(&x) && (20..48).contains(&y), "{x} {y}");
            dark += i32::from(covered > 0.5);
        });
        assert!(dark > 50, "{dark}");
    }
}
