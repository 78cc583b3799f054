//! Charts put together, and written as SVG or PNG.

use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::prelude::IntoDrawingArea;

use super::chart::{CHARTS, Chart};
use super::scene::{Medium, SCALE, Scene, paint};
use super::story::Story;
use super::style::{FAINT, GREY, SMALL};
use crate::output::escape::markup;
use crate::timeline::chart::{MARGIN, RIGHT, WIDTH};

/// Room between charts.
const GAP: f64 = 14.0;
/// Pixels of a metre: 192 for an inch, since each pixel of a chart is two.
const PIXELS_A_METRE: u32 = 7559;

/// Why a chart could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw the chart: {0}")]
pub struct PageError(String);

/// The charts of a story.
#[derive(Debug)]
pub struct Page {
    /// Those that have something to show.
    pub drawn: Vec<(&'static Chart, Scene)>,
    /// Those that have not, and why.
    pub left_out: Vec<(&'static Chart, String)>,
}

impl Page {
    /// All charts, or one.
    pub fn of(story: &Story, only: Option<&Chart>) -> Self {
        let mut page = Self { drawn: Vec::new(), left_out: Vec::new() };
        for chart in CHARTS.iter().filter(|chart| only.is_none_or(|only| only.name == chart.name)) {
            match (chart.draw)(story) {
                Ok(scene) => page.drawn.push((chart, scene)),
                Err(why) => page.left_out.push((chart, why)),
            }
        }
        page
    }

    /// The charts below each other, and which are left out.
    pub fn scene(&self) -> Scene {
        let mut whole = Scene::new(WIDTH, 0.0);
        for (at, (_, scene)) in self.drawn.iter().enumerate() {
            if at > 0 {
                whole.height += GAP;
                whole.line((MARGIN, whole.height), (RIGHT, whole.height), 0.5, FAINT);
            }
            whole.put(scene.clone(), whole.height);
            whole.height += scene.height;
        }
        for (chart, why) in &self.left_out {
            whole.height += 18.0;
            let text = SMALL.fit(&format!("“{}” is left out: {why}", chart.title), RIGHT - MARGIN);
            whole.text(&text, MARGIN, whole.height, SMALL, GREY);
        }
        whole.height += 14.0;
        whole
    }

    /// As one SVG file.
    ///
    /// # Errors
    /// The backend's own.
    pub fn svg(&self, title: &str) -> Result<String, PageError> {
        svg_file(&self.scene(), title)
    }

    /// As one PNG file.
    ///
    /// # Errors
    /// The backend's own.
    pub fn png(&self) -> Result<Vec<u8>, PageError> {
        png(&self.scene())
    }
}

/// A scene as an SVG file, whose title is `title`.
///
/// # Errors
/// The backend's own.
pub fn svg_file(scene: &Scene, title: &str) -> Result<String, PageError> {
    Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", svg(scene, title)?))
}

/// A scene as an `svg` element, whose title is `title`.
///
/// # Errors
/// The backend's own.
pub fn svg(scene: &Scene, title: &str) -> Result<String, PageError> {
    let (width, height) = scene.painted_size();
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        paint(scene, &area, Medium::Vectors).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    // plotters writes its own size: ours is smaller, so that places between pixels have whole numbers.
    let body = text.split_once('\n').map_or("", |(_, body)| body);
    let (shown_width, shown_height) = (width / SCALE, height / SCALE);
    let title = markup(title);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{shown_width}\" height=\"{shown_height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{title}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n{body}"
    ))
}

/// A scene as a PNG file.
///
/// # Errors
/// The encoder's own.
pub fn png(scene: &Scene) -> Result<Vec<u8>, PageError> {
    let (width, height) = scene.painted_size();
    let mut pixels = vec![0xff; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        paint(scene, &area, Medium::Pixels).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let unit = png::Unit::Meter;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: PIXELS_A_METRE, yppu: PIXELS_A_METRE, unit }));
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

fn failed(error: impl std::fmt::Display) -> PageError {
    PageError(error.to_string())
}
