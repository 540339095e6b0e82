//! A panel of the picture: a caption, a pair of axes, and what is drawn between them.

use super::axis::Axis;
use super::palette::{EDGE, FAINT_INK, GRID, INK};
use super::svg::Svg;

/// Sizes of letters, and how wide a digit and a letter of a text are of them, about.
const CAPTION: f64 = 12.5;
const TITLE: f64 = 13.0;
const TICK: f64 = 11.5;
const DIGIT: f64 = 0.63;
const LETTER: f64 = 0.52;

/// A rectangle on the sheet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// Axes that stand in an area of the sheet.
pub(crate) struct Panel {
    inner: Area,
    x: Axis,
    y: Axis,
}

impl Panel {
    /// Leaves space in an area for the caption, the labels of the axes and their titles.
    pub(crate) fn new(outer: Area, x: Axis, y: Axis) -> Self {
        let widest = y.ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0);
        let left = TITLE + 14.0 + widest as f64 * DIGIT * TICK + 8.0;
        let (top, bottom) = (CAPTION + 14.0, TICK + TITLE + 26.0);
        let inner = Area {
            left: outer.left + left,
            top: outer.top + top,
            width: outer.width - left,
            height: outer.height - top - bottom,
        };
        Panel { inner, x, y }
    }

    /// The upper left corner between the axes.
    pub(crate) fn origin(&self) -> [f64; 2] {
        [self.inner.left, self.inner.top]
    }

    pub(crate) fn size(&self) -> [f64; 2] {
        [self.inner.width, self.inner.height]
    }

    /// Where a point is, from the upper left corner between the axes. What is far out stays where it can be drawn.
    pub(crate) fn place(&self, x: f64, y: f64) -> [f64; 2] {
        let near = |at: f64| at.clamp(-1e5, 1e5);
        [near(self.x.share(x) * self.inner.width), near((1.0 - self.y.share(y)) * self.inner.height)]
    }

    /// Units of the sheet for one of each axis. Up is less on a sheet.
    pub(crate) fn scales(&self) -> [f64; 2] {
        let span = |axis: &Axis| axis.ends().1 - axis.ends().0;
        [self.inner.width / span(&self.x), -self.inner.height / span(&self.y)]
    }

    /// Draws the panel; `inside` draws between the axes.
    pub(crate) fn draw(&self, svg: &mut Svg, caption: &str, titles: [&str; 2], inside: impl FnOnce(&mut Svg)) {
        let Area { left, top, width, height } = self.inner;
        let (right, bottom) = (left + width, top + height);
        svg.text([left, top - 12.0], format_args!("font-size='{CAPTION}' fill='{FAINT_INK}'"), caption);
        let ticks = |axis: &Axis, length: f64| -> Vec<(f64, String)> {
            axis.ticks.iter().map(|(x, label)| (axis.share(*x) * length, label.clone())).collect()
        };
        let (across, up) = (ticks(&self.x, width), ticks(&self.y, height));
        svg.group(format_args!("stroke='{GRID}' stroke-width='1'"), |svg| {
            for (x, _) in &across {
                svg.add("line", line([left + x, top], [left + x, bottom]));
            }
            for (y, _) in &up {
                svg.add("line", line([left, bottom - y], [right, bottom - y]));
            }
        });
        svg.window([left, top], [width, height], inside);
        svg.group(format_args!("stroke='{EDGE}' stroke-width='1'"), |svg| {
            svg.add("line", line([left, top], [left, bottom]));
            svg.add("line", line([left, bottom], [right, bottom]));
            for (x, _) in &across {
                svg.add("line", line([left + x, bottom], [left + x, bottom + 4.0]));
            }
            for (y, _) in &up {
                svg.add("line", line([left - 4.0, bottom - y], [left, bottom - y]));
            }
        });
        svg.group(format_args!("font-size='{TICK}' fill='{FAINT_INK}'"), |svg| {
            for (x, label) in &across {
                svg.text([left + x, bottom + 8.0 + TICK], "text-anchor='middle'", label);
            }
            for (y, label) in &up {
                svg.text([left - 8.0, bottom - y + 0.36 * TICK], "text-anchor='end'", label);
            }
        });
        svg.group(format_args!("font-size='{TITLE}' fill='{INK}' text-anchor='middle'"), |svg| {
            let title = shortened(&self.x.title(titles[0]), width);
            svg.text([left + 0.5 * width, bottom + TICK + TITLE + 18.0], "", &title);
            let widest = up.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0);
            let (x, y) = (left - 18.0 - widest as f64 * DIGIT * TICK, top + 0.5 * height);
            let title = shortened(&self.y.title(titles[1]), height);
            svg.text([x, y], format_args!("transform='rotate(-90 {x:.2} {y:.2})'"), &title);
        });
    }
}

/// The ends of a line.
fn line([x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) -> String {
    format!("x1='{x1:.2}' y1='{y1:.2}' x2='{x2:.2}' y2='{y2:.2}'")
}

/// A title, cut to the space that there is.
fn shortened(title: &str, room: f64) -> String {
    let letters = (room / (LETTER * TITLE)) as usize;
    match title.char_indices().nth(letters) {
        Some(_) => title.chars().take(letters.saturating_sub(1)).chain(['…']).collect(),
        None => title.to_owned(),
    }
}
