//! The right panel of one feature: a histogram of the samples, under the density of the mixture.

use std::f64::consts::TAU;

use mixtura::Mixture;
use ndarray::ArrayView1;

use super::axis::Axis;
use super::frame::frame;
use super::palette::{Colour, EDGE, INK};
use super::panel::{Area, Panel};
use super::svg::Svg;

/// Places along the axis where densities are drawn, beside those around each mean.
const PLACES: usize = 400;

/// A density may be this many times as high as the histogram; what is higher is cut off.
const HEIGHT: f64 = 1.6;

/// Components whose parts of the density are filled, while they are few.
const FILLED: usize = 30;

/// Draws the panel.
pub(crate) fn draw(
    svg: &mut Svg,
    area: Area,
    mixture: &Mixture,
    samples: ArrayView1<f64>,
    weights: Option<ArrayView1<f64>>,
    title: &str,
    caption: impl FnOnce(usize) -> String,
) {
    let components: Vec<Component> = (0..mixture.n_components()).map(|k| Component::of(mixture, k)).collect();
    let reaches = components.iter().map(|c| (c.mean - 2.0 * c.deviation, c.mean + 2.0 * c.deviation));
    let (low, high) = frame(samples.iter().copied(), reaches);
    let x = Axis::new(low, high, 5);
    let (low, high) = x.ends();
    let weight = |i: usize| weights.map_or(1.0, |weights| weights[i]);
    let bars = Bars::of(samples.iter().enumerate().map(|(i, x)| (*x, weight(i))), low, high, samples.len());

    let at = |i: usize| low + (high - low) * i as f64 / PLACES as f64;
    let mut places: Vec<f64> = (0..=PLACES).map(at).collect();
    for component in &components {
        places.extend((-8..=8).map(|i| component.mean + 0.5 * f64::from(i) * component.deviation));
    }
    places.retain(|x| (low..=high).contains(x));
    places.sort_by(f64::total_cmp);
    let whole: Vec<f64> = places.iter().map(|x| components.iter().map(|c| c.density(*x)).sum()).collect();
    let highest = bars.densities.iter().copied().fold(0.0, f64::max);
    let top = whole.iter().copied().fold(highest, f64::max).min(HEIGHT * highest);
    let y = Axis::new(0.0, if top > 0.0 { 1.05 * top } else { 1.0 }, 5);

    let panel = Panel::new(area, x, y);
    panel.draw(svg, &caption(bars.outside), [title, "density"], |svg| {
        svg.group(format_args!("class='bars' fill='{EDGE}' fill-opacity='0.35'"), |svg| {
            for (i, density) in bars.densities.iter().enumerate() {
                let [x, y] = panel.place(low + i as f64 * bars.width, *density);
                let [end, bottom] = panel.place(low + (i + 1) as f64 * bars.width, 0.0);
                let (width, height) = ((end - x - 0.8).max(0.2), bottom - y);
                svg.add("rect", format_args!("x='{x:.2}' y='{y:.2}' width='{width:.2}' height='{height:.2}'"));
            }
        });
        let curve = |density: &dyn Fn(usize) -> f64| -> Vec<[f64; 2]> {
            places.iter().enumerate().map(|(i, x)| panel.place(*x, density(i))).collect()
        };
        let is_one = components.len() == 1;
        let opacity = if components.len() <= FILLED { 0.25 } else { 0.0 };
        for (k, component) in components.iter().enumerate().filter(|_| !is_one) {
            let colour = Colour::of_component(k);
            let points = curve(&|i| component.density(places[i]));
            let ends = [places.first(), places.last()].map(|x| x.map(|x| panel.place(*x, 0.0)));
            let [left, right] = ends.map(Option::into_iter);
            let area = left.chain(points.iter().copied()).chain(right);
            svg.curve(area, format_args!("fill='{colour}' fill-opacity='{opacity}'"));
            svg.curve(points.into_iter(), format_args!("fill='none' stroke='{colour}' stroke-width='1.6'"));
        }
        let whole = curve(&|i| whole[i]);
        svg.curve(whole.into_iter(), format_args!("class='density' fill='none' stroke='{INK}' stroke-width='2'"));
    });
}

/// A component of one feature.
struct Component {
    weight: f64,
    mean: f64,
    deviation: f64,
}

impl Component {
    fn of(mixture: &Mixture, k: usize) -> Self {
        let deviation = mixture.covariances().standard_deviations(k, 1)[0];
        Component { weight: mixture.weights()[k], mean: mixture.means()[[k, 0]], deviation }
    }

    /// Its part of the density.
    fn density(&self, x: f64) -> f64 {
        let z = (x - self.mean) / self.deviation;
        self.weight * (-0.5 * z * z).exp() / (self.deviation * TAU.sqrt())
    }
}

/// A histogram whose area is the share of the samples that it shows.
struct Bars {
    width: f64,
    densities: Vec<f64>,
    /// Samples that it does not show.
    outside: usize,
}

impl Bars {
    fn of(samples: impl Iterator<Item = (f64, f64)>, low: f64, high: f64, n: usize) -> Self {
        // An odd number, so that a single value is in the middle of its bar.
        let count = (n as f64).sqrt().clamp(8.0, 60.0) as usize | 1;
        let width = (high - low) / count as f64;
        let (mut sums, mut total, mut outside) = (vec![0.0; count], 0.0, 0);
        for (x, weight) in samples {
            total += weight;
            match (low..=high).contains(&x) {
                true => sums[(((x - low) / width) as usize).min(count - 1)] += weight,
                false => outside += 1,
            }
        }
        Bars { width, densities: sums.into_iter().map(|sum| sum / (total * width)).collect(), outside }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_of_a_histogram_is_the_share_of_the_samples_in_it() {
        let samples = [(0.0, 1.0), (0.5, 2.0), (1.0, 1.0), (9.0, 4.0)];
        let bars = Bars::of(samples.into_iter(), 0.0, 1.0, samples.len());
        assert_eq!((bars.densities.len(), bars.outside), (9, 1));
        assert!((bars.densities.iter().sum::<f64>() * bars.width - 0.5).abs() < 1e-12);
        assert_eq!(bars.densities[4], 2.0 * bars.densities[8]);
    }

    #[test]
    fn a_component_has_the_density_of_a_gaussian() {
        let component = Component { weight: 0.5, mean: 1.0, deviation: 2.0 };
        assert!((component.density(1.0) - 0.5 * 0.199_471_140_200_716).abs() < 1e-12);
        assert!((component.density(3.0) - 0.5 * 0.120_985_362_259_572).abs() < 1e-12);
    }
}
