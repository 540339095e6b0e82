//! The right panel: samples in a plane, under the ellipses of the components.

use mixtura::Mixture;
use ndarray::{Array1, Array2};

use super::axis::Axis;
use super::ellipse::Ellipse;
use super::frame::frame;
use super::palette::{Colour, INK};
use super::panel::{Area, Panel};
use super::projection::Projection;
use super::svg::Svg;

/// Components whose ellipses have a white edge and whose means have a number, while they are few.
const NUMBERED: usize = 30;

/// Draws the panel.
pub(crate) fn draw(
    svg: &mut Svg,
    area: Area,
    mixture: &Mixture,
    (samples, are_filled): (&Array2<f64>, &[bool]),
    labels: &Array1<usize>,
    projection: &Projection,
    caption: impl FnOnce(usize) -> String,
) {
    let places: Vec<[f64; 2]> = samples.outer_iter().map(|sample| projection.place(sample)).collect();
    let means: Vec<[f64; 2]> = mixture.means().outer_iter().map(|mean| projection.place(mean)).collect();
    let covariances: Vec<_> = (0..means.len()).map(|k| projection.covariance(mixture.covariances(), k)).collect();
    let axis = |i: usize, ticks: usize| {
        let reaches = means.iter().zip(&covariances).map(|(mean, covariance)| {
            let reach = 2.0 * if i == 0 { covariance.xx } else { covariance.yy }.max(0.0).sqrt();
            (mean[i] - reach, mean[i] + reach)
        });
        let (low, high) = frame(places.iter().map(|place| place[i]), reaches);
        Axis::new(low, high, ticks)
    };
    let panel = Panel::new(area, axis(0, 6), axis(1, 5));
    let [width, height] = panel.size();
    let dots: Vec<_> = places.iter().map(|[x, y]| panel.place(*x, *y)).collect();
    let is_outside = |[x, y]: &[f64; 2]| !((0.0..=width).contains(x) && (0.0..=height).contains(y));
    let outside = dots.iter().filter(|dot| is_outside(dot)).count();

    let titles = [projection.titles[0].as_str(), projection.titles[1].as_str()];
    panel.draw(svg, &caption(outside), titles, |svg| {
        let radius = (9.0 - (dots.len() as f64).ln()).clamp(1.5, 3.2);
        svg.group("fill-opacity='0.55'", |svg| {
            for ((dot @ [x, y], label), is_filled) in dots.iter().zip(labels).zip(are_filled) {
                if !is_outside(dot) {
                    let colour = Colour::of_component(*label);
                    let ink = match is_filled {
                        true => format!("fill='none' stroke='{colour}'"),
                        false => format!("fill='{colour}'"),
                    };
                    svg.add("circle", format_args!("cx='{x:.1}' cy='{y:.1}' r='{radius:.2}' {ink}"));
                }
            }
        });
        let [across, up] = panel.scales();
        let is_numbered = means.len() <= NUMBERED;
        let ellipses: Vec<[String; 2]> = (0..means.len())
            .map(|k| {
                let [x, y] = panel.place(means[k][0], means[k][1]);
                let covariance = covariances[k].in_units(across, up);
                [1.0, 2.0].map(|deviations| {
                    let Ellipse { radii: [a, b], angle } = Ellipse::of(covariance, deviations);
                    // A thin one is a line, and one without end has sides all the same.
                    let [a, b] = [a, b].map(|radius| radius.clamp(0.3, 1e5));
                    let angle = angle.to_degrees();
                    let turn = format!("transform='translate({x:.2} {y:.2}) rotate({angle:.2})'");
                    format!("rx='{a:.2}' ry='{b:.2}' {turn}")
                })
            })
            .collect();
        if is_numbered {
            svg.group("class='edges' fill='none' stroke='white' stroke-opacity='0.75' stroke-width='4'", |svg| {
                ellipses.iter().flatten().for_each(|ellipse| svg.add("ellipse", ellipse));
            });
        }
        let (inner, outer, opacity) = if is_numbered { (2.0, 1.4, 1.0) } else { (1.0, 0.6, 0.7) };
        svg.group(format_args!("class='components' fill='none' stroke-opacity='{opacity}'"), |svg| {
            for (k, [one, two]) in ellipses.iter().enumerate() {
                let colour = Colour::of_component(k).darker();
                svg.add("ellipse", format_args!("{one} stroke='{colour}' stroke-width='{inner}'"));
                svg.add("ellipse", format_args!("{two} stroke='{colour}' stroke-width='{outer}'"));
            }
        });
        if is_numbered && means.len() > 1 {
            numbers(svg, &panel, &means);
        }
    });
}

/// The number of each component at its mean.
fn numbers(svg: &mut Svg, panel: &Panel, means: &[[f64; 2]]) {
    let style = format!("font-size='12' text-anchor='middle' fill='{INK}'");
    svg.group(format_args!("{style} stroke='white' stroke-width='3.5' paint-order='stroke'"), |svg| {
        for (k, [x, y]) in means.iter().enumerate() {
            let [x, y] = panel.place(*x, *y);
            svg.text([x, y + 4.3], "stroke-linejoin='round'", &k.to_string());
        }
    });
}
