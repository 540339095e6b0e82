//! Weighted samples: values with counts are fitted as if each value came as often as it counts.
//!
//! ```sh
//! cargo run --release --example weights
//! ```

use mixtura::ndarray::{Array2, Axis, array};
use mixtura::{Device, FitOptions, Points, fit};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ages = array![[19.0], [20.0], [21.0], [22.0], [40.0], [41.0], [43.0], [44.0]];
    let counts = array![30.0, 70.0, 45.0, 12.0, 8.0, 21.0, 19.0, 5.0];
    let points = Points::new(&ages)?.with_weights(&counts)?;
    let weighted = fit(&points, &Device::cpu(), &FitOptions::new(2))?;
    println!("total weight {}, BIC {:.2}", weighted.total_weight, weighted.bic());

    let rows: Vec<usize> = (0..8).flat_map(|row| std::iter::repeat_n(row, counts[row] as usize)).collect();
    let repeated: Array2<f64> = ages.select(Axis(0), &rows);
    let points = Points::new(&repeated)?;
    let repeated = fit(&points, &Device::cpu(), &FitOptions::new(2))?;
    println!("as often as it counts, BIC {:.2}", repeated.bic());

    for (k, mean) in weighted.mixture.means().outer_iter().enumerate() {
        println!("component {k}: weight {:.3}, mean age {:.1}", weighted.mixture.weights()[k], mean[0]);
    }
    Ok(())
}
