//! The left panel: the lower bound of every restart, epoch by epoch.

use std::collections::BTreeMap;

use mixtura::fit::{Progress, StepKind};

use super::axis::Axis;
use super::palette::{Colour, EDGE, FAINT_INK, INK};
use super::panel::{Area, Panel};
use super::svg::Svg;

/// Most points of a line: more would lie on the same pixel.
const POINTS: usize = 1000;

/// A first epoch that is cut off is at least so far below the others: nats per sample.
const FAR: f64 = 10.0;

/// Epochs that each have a dot, while they are few.
const DOTS: usize = 40;

/// Room for the names of restarts, and the height of one.
const NAMES: f64 = 78.0;
const NAME: f64 = 11.0;
const LINE: f64 = 15.0;

/// An epoch, and where it stands on the horizontal axis.
#[derive(Clone, Copy)]
struct Spot<'s> {
    step: &'s Progress,
    x: f64,
}

/// Draws the panel. `lower_bound` is that of the best restart.
pub(crate) fn draw(svg: &mut Svg, mut area: Area, steps: &[Progress], lower_bound: f64) {
    let has_levels = steps.iter().any(|step| step.share > 1);
    let restarts = restarts(steps, has_levels);
    let is_best = |spots: &Vec<Spot>| spots.last().is_some_and(|last| last.step.lower_bound == lower_bound);
    let best = restarts.iter().position(is_best);
    let all = range(steps.iter());
    let later = restarts.iter().flat_map(|spots| spots.iter().filter(|spot| !spot.is_first())).map(|spot| spot.step);
    let shown = all.map(|all| shown(all, range(later)));
    if restarts.len() > 1 {
        area.width -= NAMES;
    }
    let y = shown.map_or_else(Axis::blank, |(low, high)| {
        let margin = 0.05 * (high - low);
        Axis::new(low - margin, high + margin, 5)
    });
    let places = restarts.iter().flatten().map(|spot| spot.x);
    let (least, most) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), x| (least.min(x), most.max(x)));
    let x = match steps.is_empty() {
        true => Axis::blank(),
        false if has_levels => Axis::new(0.0, most, 6),
        false => Axis::of_counts(least as usize, most as usize, 6),
    };
    let panel = Panel::new(area, x, y);
    let cut = if all == shown { "" } else { "; the first lie far below" };
    let parts = if has_levels { ", on parts of the samples first (dashed)" } else { "" };
    let caption = match restarts.len() {
        0 => "No epochs: this is the initialisation".to_owned(),
        1 => format!("Lower bound of every epoch{parts}{cut}"),
        n => format!("Lower bound of every epoch of {n} restarts{parts}{cut}"),
    };
    let of_all: Vec<&Progress> = steps.iter().filter(|step| step.share == 1).collect();
    let usual = usual_kind(&of_all);
    let across = if has_levels { "passes over all samples" } else { "epoch" };
    panel.draw(svg, &caption, [across, "lower bound (mean log-likelihood)"], |svg| {
        let others = (0..restarts.len()).filter(|i| Some(*i) != best);
        for i in others.chain(best) {
            for level in restarts[i].chunk_by(|a, b| a.step.share == b.step.share) {
                climb(svg, &panel, level, Some(i) == best, usual);
            }
        }
        legend(svg, &panel, &of_all, usual);
    });
    if restarts.len() > 1 {
        names(svg, &panel, area, &restarts, best);
    }
}

/// The epochs of every restart, at their numbers; with epochs on parts of the samples, at the passes over all samples
/// that they are worth with those before.
fn restarts(steps: &[Progress], has_levels: bool) -> Vec<Vec<Spot<'_>>> {
    let mut of_each: BTreeMap<usize, Vec<Spot>> = BTreeMap::new();
    for step in steps {
        let spots = of_each.entry(step.restart).or_default();
        let before = spots.last().map_or(0.0, |spot| spot.x);
        let x = if has_levels { before + (step.share as f64).recip() } else { step.epoch as f64 };
        spots.push(Spot { step, x });
    }
    of_each.into_values().collect()
}

impl Spot<'_> {
    /// Whether it is the first epoch of its samples, which tells how good a start is.
    fn is_first(&self) -> bool {
        self.step.epoch == 1
    }
}

/// The lowest and the highest lower bound of epochs.
fn range<'a>(steps: impl Iterator<Item = &'a Progress>) -> Option<(f64, f64)> {
    let bounds = steps.map(|step| step.lower_bound).filter(|bound| bound.is_finite());
    bounds.map(|bound| (bound, bound)).reduce(|(low, high), (l, h)| (low.min(l), high.max(h)))
}

/// The range that is shown, of that of all epochs and that of all but the first ones. These tell how good the
/// initialisations are, and some are so bad that nothing else could be seen.
fn shown((lowest, highest): (f64, f64), later: Option<(f64, f64)>) -> (f64, f64) {
    match later {
        Some((low, high)) if high > low && low - lowest > f64::max(FAR, 100.0 * (high - low)) => {
            (low - 0.5 * (high - low), highest)
        }
        _ => (lowest, highest),
    }
}

fn colour(is_best: bool) -> Colour {
    if is_best { Colour::of_component(1) } else { EDGE }
}

/// The epochs of a restart on all samples, or on a part of them.
fn climb(svg: &mut Svg, panel: &Panel, spots: &[Spot], is_best: bool, usual: Option<StepKind>) {
    let every = spots.len().div_ceil(POINTS);
    let shown = spots.iter().enumerate().filter(|(i, _)| i % every == 0 || i + 1 == spots.len());
    let shown: Vec<&Spot> = shown.map(|(_, spot)| spot).filter(|spot| spot.step.lower_bound.is_finite()).collect();
    let at = |spot: &Spot| panel.place(spot.x, spot.step.lower_bound);
    let (width, dot) = if is_best { (2.2, 3.2) } else { (1.3, 2.4) };
    let colour = colour(is_best);
    let is_part = spots.first().is_some_and(|spot| spot.step.share > 1);
    let dashes = if is_part { " stroke-dasharray='4 3'" } else { "" };
    let style = format_args!("fill='none' stroke='{colour}' stroke-width='{width}'{dashes}");
    svg.curve(shown.iter().map(|spot| at(spot)), style);
    for spot in shown.iter().filter(|_| !is_part) {
        let at @ [x, y] = at(spot);
        if Some(spot.step.kind) != usual {
            mark(svg, spot.step.kind, at, colour);
        } else if spots.len() <= DOTS {
            svg.add("circle", format_args!("cx='{x:.2}' cy='{y:.2}' r='{dot}' fill='{colour}'"));
        }
    }
}

/// The kind of most epochs, which needs no mark.
fn usual_kind(steps: &[&Progress]) -> Option<StepKind> {
    let count = |kind: StepKind| steps.iter().filter(|step| step.kind == kind).count();
    let kinds = kinds(steps);
    kinds.into_iter().rev().max_by_key(|kind| count(*kind))
}

/// The kinds that there are, as they first come.
fn kinds(steps: &[&Progress]) -> Vec<StepKind> {
    let mut kinds = Vec::new();
    for step in steps {
        if !kinds.contains(&step.kind) {
            kinds.push(step.kind);
        }
    }
    kinds
}

/// The sign of a kind of step.
fn mark(svg: &mut Svg, kind: StepKind, [x, y]: [f64; 2], colour: Colour) {
    let stroke = format!("stroke='{colour}' stroke-width='1.6' fill='white'");
    let shape = match kind {
        StepKind::Damped | StepKind::Stepwise => "M-3.6-3.6h7.2v7.2h-7.2z",
        StepKind::Gradient => "M0-4.6L4.2 3.2H-4.2z",
        StepKind::Extrapolated => "M0-5L5 0L0 5L-5 0z",
        StepKind::Rejected => "M-4-4L4 4M-4 4L4-4",
        StepKind::Repaired => "M0 4.6L4.2-3.2H-4.2z",
        // EM.
        _ => return svg.add("circle", format_args!("cx='{x:.2}' cy='{y:.2}' r='4' {stroke}")),
    };
    svg.add("path", format_args!("transform='translate({x:.2} {y:.2})' d='{shape}' {stroke}"));
}

/// Legend of the marks, in the lower right corner: lines climb above it.
fn legend(svg: &mut Svg, panel: &Panel, steps: &[&Progress], usual: Option<StepKind>) {
    let marked: Vec<StepKind> = kinds(steps).into_iter().filter(|kind| Some(*kind) != usual).collect();
    let [width, height] = panel.size();
    for (i, kind) in marked.iter().rev().enumerate() {
        let y = height - 16.0 - 18.0 * i as f64;
        mark(svg, *kind, [width - 96.0, y], colour(true));
        svg.text([width - 84.0, y + 4.0], format_args!("font-size='{NAME}' fill='{INK}'"), kind.name());
    }
}

/// The names of the restarts beside the panel, each at the height where its line ends; if not all of them fit, that of
/// the best one.
fn names(svg: &mut Svg, panel: &Panel, area: Area, restarts: &[Vec<Spot>], best: Option<usize>) {
    let [width, height] = panel.size();
    let origin = panel.origin();
    let mut ends: Vec<(usize, [f64; 2])> = Vec::new();
    for (i, spots) in restarts.iter().enumerate() {
        let last = spots.iter().rev().find(|spot| spot.step.lower_bound.is_finite());
        let named = restarts.len() as f64 * LINE <= height || Some(i) == best;
        ends.extend(last.filter(|_| named).map(|spot| (i, panel.place(spot.x, spot.step.lower_bound))));
    }
    ends.sort_by(|a, b| f64::total_cmp(&a.1[1], &b.1[1]));
    let heights = apart(&ends.iter().map(|(_, [_, y])| *y).collect::<Vec<_>>(), height);
    let right = area.left + area.width;
    for ((i, [x, y]), beside) in ends.into_iter().zip(heights) {
        let is_best = Some(i) == best;
        let (from_x, from_y, to_y) = (origin[0] + x, origin[1] + y, origin[1] + beside);
        let (edge, colour) = (origin[0] + width, colour(is_best));
        let path = [[from_x + 5.0, from_y], [edge, from_y], [right + 8.0, to_y]];
        svg.curve(
            path.into_iter(),
            format_args!("fill='none' stroke='{colour}' stroke-width='0.7' stroke-dasharray='1.5 2'"),
        );
        let ink = if is_best { colour } else { FAINT_INK };
        let name = format!("restart {}", restarts[i][0].step.restart);
        let text = if is_best { format!("{name}, best") } else { name };
        svg.text([right + 11.0, to_y + 4.0], format_args!("font-size='{NAME}' fill='{ink}'"), &text);
    }
}

/// Heights, in order, moved apart to the height of a line, within the panel.
fn apart(heights: &[f64], room: f64) -> Vec<f64> {
    let mut moved = heights.to_vec();
    for i in 1..moved.len() {
        moved[i] = moved[i].max(moved[i - 1] + LINE);
    }
    let mut below = room;
    for height in moved.iter_mut().rev() {
        *height = height.min(below);
        below = *height - LINE;
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_epoch_far_below_the_others_does_not_flatten_them() {
        assert_eq!(shown((-1e8, -4.0), Some((-5.0, -4.0))), (-5.5, -4.0));
        assert_eq!(shown((-7.0, -4.0), Some((-4.001, -4.0))), (-7.0, -4.0));
        assert_eq!(shown((-7.0, -4.0), None), (-7.0, -4.0));
        // Later ones that are all equal say nothing of what is far.
        assert_eq!(shown((-70.0, -4.0), Some((-4.0, -4.0))), (-70.0, -4.0));
    }

    #[test]
    fn names_keep_their_distance_and_stay_in_the_panel() {
        assert_eq!(apart(&[10.0, 12.0, 60.0], 100.0), [10.0, 25.0, 60.0]);
        assert_eq!(apart(&[90.0, 95.0, 99.0], 100.0), [70.0, 85.0, 100.0]);
        assert!(apart(&[], 100.0).is_empty());
    }
}
