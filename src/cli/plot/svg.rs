//! An SVG document in the making, and the PNG image of one.

use std::fmt::{Display, Write};
use std::io::{self, Error};
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// Pixels of an image for one unit of the document.
const PIXELS: f32 = 2.0;

/// The font of images, which documents ask for too.
const FONT: &str = "DejaVu Sans";

/// A document. Attributes are given as they are written, with single quotes.
pub(crate) struct Svg(String);

impl Svg {
    /// An empty white sheet.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        let mut svg = Svg(String::new());
        svg.push(format_args!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}' \
             font-family='{FONT}, Verdana, sans-serif'>\n"
        ));
        svg.add("rect", format_args!("width='{width}' height='{height}' fill='white'"));
        svg
    }

    /// An element without contents.
    pub(crate) fn add(&mut self, name: &str, attributes: impl Display) {
        self.push(format_args!("<{name} {attributes}/>\n"));
    }

    /// A text.
    pub(crate) fn text(&mut self, [x, y]: [f64; 2], attributes: impl Display, text: &str) {
        self.push(format_args!("<text x='{x:.2}' y='{y:.2}' {attributes}>{}</text>\n", escaped(text)));
    }

    /// A curve through points.
    pub(crate) fn curve(&mut self, points: impl Iterator<Item = [f64; 2]>, attributes: impl Display) {
        let mut path = String::new();
        for [x, y] in points {
            let _ = write!(path, "{x:.2},{y:.2} ");
        }
        let attributes = format_args!("points='{}' stroke-linejoin='round' {attributes}", path.trim_end());
        self.add("polyline", attributes);
    }

    /// Elements with common attributes.
    pub(crate) fn group(&mut self, attributes: impl Display, draw: impl FnOnce(&mut Self)) {
        self.push(format_args!("<g {attributes}>\n"));
        draw(self);
        self.push("</g>\n");
    }

    /// A window: elements are placed from its upper left corner, and cut off at its edges.
    pub(crate) fn window(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], draw: impl FnOnce(&mut Self)) {
        self.push(format_args!("<svg x='{x:.2}' y='{y:.2}' width='{width:.2}' height='{height:.2}'>\n"));
        draw(self);
        self.push("</svg>\n");
    }

    /// The complete document.
    pub(crate) fn finish(mut self) -> String {
        self.push("</svg>\n");
        self.0
    }

    fn push(&mut self, text: impl Display) {
        // Strings have room for everything.
        let _ = write!(self.0, "{text}");
    }
}

/// A text as it stands in a document.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            // No document may hold these, in any form.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A document as a PNG image. The font is our own, so that it looks alike on all machines.
pub(crate) fn to_png(document: &str) -> io::Result<Vec<u8>> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    let options = Options { font_family: FONT.to_owned(), fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(document, &options).map_err(Error::other)?;
    let size = tree.size().to_int_size().scale_by(PIXELS);
    let pixmap = size.and_then(|size| Pixmap::new(size.width(), size.height()));
    let mut pixmap = pixmap.ok_or_else(|| Error::other("the image has no size"))?;
    resvg::render(&tree, Transform::from_scale(PIXELS, PIXELS), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_lose_what_no_document_may_hold() {
        assert_eq!(escaped("a<b> & \u{1}\u{ffff}°"), "a&lt;b&gt; &amp; \u{fffd}\u{fffd}°");
    }

    #[test]
    fn an_image_has_two_pixels_for_a_unit_and_its_letters_need_no_font_of_the_system() {
        let mut svg = Svg::new(100.0, 50.0);
        svg.text([10.0, 30.0], "font-size='20'", "µ × 10⁻⁹");
        let png = to_png(&svg.finish()).unwrap();
        let image = Pixmap::decode_png(&png).unwrap();
        assert_eq!((image.width(), image.height()), (200, 100));
        assert!(image.pixels().iter().filter(|pixel| pixel.red() < 128).count() > 200);
    }
}
