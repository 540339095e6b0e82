//! The picture of a fit: its epochs on the left, its samples and components on the right.

mod axis;
mod climb;
mod criteria;
mod ellipse;
mod frame;
mod histogram;
mod palette;
mod panel;
mod projection;
mod scatter;
mod svg;

use std::io::Write;
use std::path::Path;

use mixtura::data::Samples;
use mixtura::device::{Backend, Imputation, impute};
use mixtura::fit::Progress;
use mixtura::io::Destination;
use mixtura::select::Selection;
use mixtura::{Device, Error, Fit, Points, Summary};
use ndarray::{Array2, Axis};

use super::Usage;
use axis::written;
use palette::INK;
use panel::Area;
use projection::Projection;
use svg::{Svg, to_png};

/// The sheet.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 560.0;

/// Most samples that are drawn, and most of their values.
const SAMPLES: usize = 4000;
const VALUES: usize = 1 << 22;

/// Where the picture goes.
pub(crate) struct Plot {
    to: Destination,
    format: Format,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Svg,
    Png,
}

impl Plot {
    /// Checks that it can be written.
    pub(crate) fn new(path: &Path) -> anyhow::Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let format = match extension.as_deref() {
            Some("svg") => Format::Svg,
            Some("png") => Format::Png,
            _ => {
                let problem = format!("--plot is {}, which is neither .svg nor .png", path.display());
                return Err(Usage { problem, remedy: "give a file that ends in .svg or .png".into() }.into());
            }
        };
        Ok(Plot { to: Destination::new(path)?, format })
    }

    /// Draws a fit that did these epochs.
    pub(crate) fn draw(&self, fit: &Fit, steps: &[Progress], backend: &mut dyn Backend) -> mixtura::Result<()> {
        let points = backend.thinned((VALUES / backend.n_features()).clamp(100, SAMPLES))?;
        self.write(picture(fit, steps, backend.summary(), &points)?)
    }

    /// Draws what was chosen of.
    pub(crate) fn draw_selection(&self, selection: &Selection, n_samples: usize) -> mixtura::Result<()> {
        self.write(criteria::picture(selection, n_samples))
    }

    fn write(&self, document: String) -> mixtura::Result<()> {
        let fail = |source| Error::Write { path: self.to.path().to_owned(), source };
        let bytes = match self.format {
            Format::Svg => document.into_bytes(),
            Format::Png => to_png(&document).map_err(fail)?,
        };
        let mut output = self.to.create()?;
        output.write_all(&bytes).map_err(fail)?;
        output.finish()
    }
}

/// The document.
fn picture(fit: &Fit, steps: &[Progress], summary: &Summary, points: &Points) -> mixtura::Result<String> {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let style = format!("font-size='17' text-anchor='middle' fill='{INK}'");
    svg.text([0.5 * WIDTH, 34.0], style, &title(fit, summary));
    let area = |left: f64, right: f64| Area { left, top: 56.0, width: right - left, height: HEIGHT - 56.0 - 14.0 };
    climb::draw(&mut svg, area(16.0, 500.0), steps, fit.lower_bound);
    draw_samples(&mut svg, area(526.0, WIDTH - 24.0), fit, summary, points)?;
    Ok(svg.finish())
}

fn draw_samples(svg: &mut Svg, area: Area, fit: &Fit, summary: &Summary, points: &Points) -> mixtura::Result<()> {
    let (n, all) = (points.n_samples(), summary.n_samples());
    let shown = match n {
        _ if n == all => "All samples".to_owned(),
        n => format!("{} of {} samples", grouped(n), grouped(all)),
    };
    let caption = |drawn: &str| {
        let drawn = drawn.to_owned();
        move |outside: usize| match outside {
            0 => format!("{shown}, and {drawn}"),
            n => format!("{shown} ({} outside the frame), and {drawn}", grouped(n)),
        }
    };
    let name = |i: usize| summary.feature_names().map_or_else(|| format!("feature {i}"), |names| names[i].clone());
    let are_filled = lacking(points);
    let is_incomplete = are_filled.contains(&true);
    // What is missing is drawn at its mean, given the rest of the sample.
    let samples = match is_incomplete {
        true => impute(&fit.mixture, points, 0, Imputation::Mean)?,
        false => values(points),
    };
    if summary.n_features() == 1 {
        let caption = caption("the density of the mixture");
        // A sample without its only value lies nowhere.
        let there: Vec<usize> = (0..n).filter(|row| !are_filled[*row]).collect();
        let samples = samples.select(Axis(0), &there);
        let weights = points.weights().map(|weights| weights.select(Axis(0), &there));
        let weights = weights.as_ref().map(|weights| weights.view());
        histogram::draw(svg, area, &fit.mixture, samples.column(0), weights, &name(0), caption);
        return Ok(());
    }
    let projection = match summary.n_features() {
        2 => Projection::own([name(0), name(1)]),
        _ => {
            let (mean, variance) = (summary.mean(), summary.variance());
            Projection::principal(&samples, points.weights(), mean.clone(), variance)
        }
    };
    // Few enough for any processor, and none of them too wide for it.
    let labels = Device::cpu().predict(&fit.mixture, points)?;
    let caption = caption(match is_incomplete {
        true => "ellipses at 1 and 2 standard deviations; hollow where values are missing",
        false => "ellipses at 1 and 2 standard deviations",
    });
    scatter::draw(svg, area, &fit.mixture, (&samples, &are_filled), &labels, &projection, caption);
    Ok(())
}

fn title(fit: &Fit, summary: &Summary) -> String {
    let (k, d) = fit.mixture.means().dim();
    let number = |n: usize, thing: &str| format!("{} {thing}{}", grouped(n), if n == 1 { "" } else { "s" });
    format!(
        "{} of {}  ·  {}, {} covariance  ·  mean log-likelihood {}",
        number(summary.n_samples(), "sample"),
        number(d, "feature"),
        number(k, "component"),
        fit.mixture.covariance_type(),
        written(fit.mean_log_likelihood(), 4),
    )
}

/// Whether values are missing of each sample.
fn lacking(points: &Points) -> Vec<bool> {
    values(points).outer_iter().map(|row| row.iter().any(|x| x.is_nan())).collect()
}

/// The samples as f64.
fn values(points: &Points) -> Array2<f64> {
    match points.samples() {
        Samples::F32(values) => values.mapv(f64::from),
        Samples::F64(values) => values.to_owned().into_owned(),
    }
}

/// A number with its thousands apart.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
    }
}
