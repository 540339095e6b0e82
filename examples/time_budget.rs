//! A fit with a budget of time and a bar: the best model that three seconds allow.
//!
//! ```sh
//! cargo run --release --example time_budget
//! ```

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mixtura::fit::fit_observed;
use mixtura::ndarray::{Array1, Array2};
use mixtura::{CovarianceArray, Device, DeviceChoice, FitOptions, Mixture, Points};

const BUDGET: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::open(&DeviceChoice::Auto)?;
    println!("on {}", device.info().name);
    // A million samples of eight overlapping clusters.
    let means = Array2::from_shape_fn((8, 3), |(k, d)| (k * (d + 1) % 5) as f64);
    let clusters = Mixture::new(Array1::from_elem(8, 0.125), means, CovarianceArray::Spherical(Array1::ones(8)))?;
    let (samples, _) = clusters.sample(1_000_000, 1);
    let points = Points::new(samples)?;
    let options = FitOptions { tol: 1e-9, max_iter: 10_000, ..FitOptions::new(8) };

    let bar = ProgressBar::new(BUDGET.as_millis() as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {msg}")?);
    let started = Instant::now();
    let fitted = fit_observed(&points, &device, &options, &mut |progress| {
        bar.set_position(started.elapsed().as_millis() as u64);
        bar.set_message(format!("epoch {}, lower bound {:.6}", progress.epoch, progress.lower_bound));
        // What there is by then is the result.
        if started.elapsed() < BUDGET { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    bar.finish_and_clear();

    println!("{} epochs in {:.1} s, BIC {:.1}", fitted.n_iter, started.elapsed().as_secs_f64(), fitted.bic());
    Ok(())
}
