//! The devices of this machine, and a fit by several of them that share the samples.
//!
//! ```sh
//! cargo run --release --example several_devices -- cpu,cpu
//! cargo run --release --example several_devices -- all
//! ```

use mixtura::device::devices;
use mixtura::ndarray::Array2;
use mixtura::{Device, DeviceChoice, FitOptions, Points, fit};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for listed in devices() {
        let auto = if listed.auto { ", which is taken by default" } else { "" };
        println!("{:>4}  {}{auto}", listed.device, listed.info.name);
    }
    let chosen = std::env::args().nth(1).unwrap_or_else(|| "cpu,cpu".to_owned());
    let Ok(choice) = chosen.parse::<DeviceChoice>();
    let device = Device::open(&choice)?;

    let sample = |i: usize, d: usize| ((i * (d + 3)) as f64 * 0.618_034).fract() + (i % 3 * 4) as f64;
    let points = Points::new(Array2::from_shape_fn((300_000, 2), |(i, d)| sample(i, d)))?;
    let fitted = fit(&points, &device, &FitOptions::new(3))?;
    println!("on {}: {} epochs, BIC {:.1}", device.info().name, fitted.n_iter, fitted.bic());
    Ok(())
}
