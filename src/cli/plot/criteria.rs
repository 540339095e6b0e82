//! The picture of a choice: the criterion over the numbers of components, a line for each family.

use mixtura::CovarianceType;
use mixtura::select::{Candidate, Scored, Selection};

use super::axis::Axis;
use super::palette::{Colour, FAINT_INK, INK};
use super::panel::{Area, Panel};
use super::svg::Svg;

/// The sheet.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 520.0;

/// Room for the names of families, the size of their letters, and the height of a line.
const NAMES: f64 = 96.0;
const NAME: f64 = 12.0;
const LINE: f64 = 20.0;

/// What is this many times as far above the best as the middle one of all is left out of sight.
const FAR: f64 = 4.0;

/// The document.
pub(super) fn picture(selection: &Selection, n_samples: usize) -> String {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let Selection { candidates, criterion, .. } = selection;
    let score = |candidate: &Candidate| candidate.score(*criterion);
    let style = format!("font-size='17' text-anchor='middle' fill='{INK}'");
    let best = selection.best_index();
    let title = best.map_or_else(
        || "No candidate has a model".to_owned(),
        |i| {
            let Candidate { n_components, covariance_type, .. } = &candidates[i];
            format!("{} samples  ·  best: {n_components} components, {covariance_type}", super::grouped(n_samples))
        },
    );
    svg.text([0.5 * WIDTH, 34.0], style, &title);
    let mut scores: Vec<f64> = candidates.iter().filter_map(score).collect();
    scores.sort_by(f64::total_cmp);
    let shown = shown(&scores);
    let y = shown.map_or_else(Axis::blank, |(low, high)| {
        let margin = 0.05 * (high - low);
        Axis::new(low - margin, high + margin, 6)
    });
    let counts = || candidates.iter().map(|candidate| candidate.n_components);
    let x = match (counts().min(), counts().max()) {
        (Some(least), Some(most)) => Axis::of_counts(least, most, 10),
        _ => Axis::blank(),
    };
    let area = Area { left: 16.0, top: 56.0, width: WIDTH - 16.0 - NAMES - 16.0, height: HEIGHT - 56.0 - 14.0 };
    let panel = Panel::new(area, x, y);
    let cut = match (shown, scores.last()) {
        (Some((_, high)), Some(last)) if *last > high => "; the worst are out of sight",
        _ => "",
    };
    let is_held = |candidate: &Candidate| candidate.scored().is_some_and(Scored::is_held_by_floor);
    let hollow = if candidates.iter().any(is_held) { "; hollow: collapsed onto the covariance floor" } else { "" };
    let caption = format!("{criterion} of every candidate: lower is better{hollow}{cut}");
    let families = families(candidates);
    panel.draw(&mut svg, &caption, ["components", &criterion.to_string()], |svg| {
        for (family, colour) in &families {
            let own: Vec<&Candidate> = candidates.iter().filter(|c| c.covariance_type == *family).collect();
            let place = |candidate: &&Candidate| Some(panel.place(candidate.n_components as f64, score(candidate)?));
            let style = format_args!("fill='none' stroke='{colour}' stroke-width='1.8'");
            svg.curve(own.iter().filter_map(place), style);
            for (candidate, [x, y]) in own.iter().filter_map(|candidate| Some((candidate, place(candidate)?))) {
                let fill = if is_held(candidate) { "white".to_owned() } else { colour.to_string() };
                let style = format_args!("stroke='{colour}' stroke-width='1.4' fill='{fill}'");
                svg.add("circle", format_args!("cx='{x:.2}' cy='{y:.2}' r='3.4' {style}"));
            }
        }
        let at = best.and_then(|i| Some(panel.place(candidates[i].n_components as f64, score(&candidates[i])?)));
        if let Some([x, y]) = at {
            let style = format_args!("fill='none' stroke='{INK}' stroke-width='1.6'");
            svg.add("circle", format_args!("cx='{x:.2}' cy='{y:.2}' r='8' {style}"));
        }
    });
    legend(&mut svg, area, &families);
    svg.finish()
}

/// The families that there are, and their colours, which are theirs in every picture.
fn families(candidates: &[Candidate]) -> Vec<(CovarianceType, Colour)> {
    let all = CovarianceType::ALL.into_iter().enumerate();
    let is_there = |family: CovarianceType| candidates.iter().any(|candidate| candidate.covariance_type == family);
    all.filter(|(_, family)| is_there(*family)).map(|(i, family)| (family, Colour::of_component(i))).collect()
}

fn legend(svg: &mut Svg, area: Area, families: &[(CovarianceType, Colour)]) {
    let left = area.left + area.width + 14.0;
    for (i, (family, colour)) in families.iter().enumerate() {
        let y = area.top + 44.0 + LINE * i as f64;
        svg.add("circle", format_args!("cx='{left:.2}' cy='{:.2}' r='4' fill='{colour}'", y - 4.0));
        svg.text([left + 11.0, y], format_args!("font-size='{NAME}' fill='{INK}'"), family.name());
    }
    let y = area.top + 52.0 + LINE * families.len() as f64;
    svg.add(
        "circle",
        format_args!("cx='{left:.2}' cy='{:.2}' r='6' fill='none' stroke='{INK}' stroke-width='1.4'", y - 4.0),
    );
    svg.text([left + 11.0, y], format_args!("font-size='{NAME}' fill='{FAINT_INK}'"), "best");
}

/// The range that is shown of some scores in ascending order: what is far worse than the others would make them one line.
fn shown(scores: &[f64]) -> Option<(f64, f64)> {
    let (low, middle) = (*scores.first()?, scores[scores.len() / 2]);
    let most = low + FAR * (middle - low);
    let high = scores.iter().rev().find(|score| **score <= most || **score <= middle)?;
    Some((low, *high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_far_above_the_others_are_out_of_sight() {
        assert_eq!(shown(&[]), None);
        assert_eq!(shown(&[3.0]), Some((3.0, 3.0)));
        assert_eq!(shown(&[1.0, 2.0, 3.0, 9.0]), Some((1.0, 9.0)));
        assert_eq!(shown(&[1.0, 2.0, 3.0, 10.0, 1e6]), Some((1.0, 3.0)));
        // Most of them are never left out.
        assert_eq!(shown(&[1.0, 1.0, 1.0, 5.0]), Some((1.0, 1.0)));
    }
}
