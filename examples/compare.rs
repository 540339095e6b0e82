use mixtura::*;
use ndarray::*;
use std::time::Instant;
fn model(k: usize, d: usize, fam: CovarianceType, spread: f64, seed: u64) -> Mixture {
    use rand::{RngExt, SeedableRng};
    let mut r = rand_pcg::Pcg64::seed_from_u64(seed);
    let means = Array2::from_shape_fn((k, d), |_| spread * (2.0 * r.random::<f64>() - 1.0));
    let mut mat = || {
        let a = Array2::from_shape_fn((d, d), |_| r.random::<f64>() - 0.5);
        a.dot(&a.t()) / d as f64 + Array2::<f64>::eye(d) * 0.3
    };
    let cov = match fam {
        CovarianceType::Full => {
            let mut c = Array3::zeros((k, d, d));
            for mut m in c.outer_iter_mut() {
                m.assign(&mat());
            }
            CovarianceArray::Full(c)
        }
        CovarianceType::Tied => CovarianceArray::Tied(mat()),
        CovarianceType::Diag => {
            CovarianceArray::Diag(Array2::from_shape_fn((k, d), |(a, b)| 0.5 + ((a * 7 + b * 3) % 5) as f64 * 0.3))
        }
        CovarianceType::Spherical => {
            CovarianceArray::Spherical(Array1::from_shape_fn(k, |a| 0.5 + (a % 5) as f64 * 0.3))
        }
    };
    Mixture::new(Array1::from_elem(k, 1.0 / k as f64), means, cov).unwrap()
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (n, d, k): (usize, usize, usize) =
        (args[1].parse().unwrap(), args[2].parse().unwrap(), args[3].parse().unwrap());
    let epochs: usize = args[4].parse().unwrap();
    for fam in CovarianceType::ALL {
        if let Some(f) = args.get(5) {
            if f != fam.name() {
                continue;
            }
        }
        let truth = model(k, d, fam, 3.0, 1);
        let (x, _) = truth.sample(n, 3);
        let points = Points::new(&x).unwrap();
        let start = model(k, d, fam, 3.0, 1);
        let mut out = vec![];
        for choice in args.get(6).map(|s| s.as_str()).unwrap_or("cpu,software").split(',') {
            let dev = Device::open(&choice.parse().unwrap()).unwrap();
            let t = Instant::now();
            let mut b = dev.load(&points).unwrap();
            let load = t.elapsed().as_secs_f64();
            let mut m = start.clone();
            let mut times = vec![];
            let mut ll = 0.0;
            for _ in 0..epochs {
                let t = Instant::now();
                let mo = b.moments(&m, Assignment::Soft).unwrap();
                ll = mo.lower_bound();
                m = mo.maximize(1e-6).unwrap();
                times.push(t.elapsed().as_secs_f64());
            }
            let first = times[0];
            times.sort_by(f64::total_cmp);
            let med = times[times.len() / 2];
            let f = match fam {
                CovarianceType::Full => (d * (d + 3) / 2 + 1) as f64 * 4.0,
                _ => 8.0 * d as f64,
            };
            println!(
                "{fam:10} {choice:9} load {:.0} ms first {:.0} ms epoch {:.1} ms {:.1} GFLOP/s  ll {ll:.9}",
                load * 1e3,
                first * 1e3,
                med * 1e3,
                f * (n * k) as f64 / med / 1e9
            );
            out.push((m, ll));
        }
        if out.len() == 2 {
            let (a, b) = (&out[0], &out[1]);
            let dw = (a.0.weights() - b.0.weights()).mapv(f64::abs).fold(0.0, |m: f64, x| m.max(*x));
            let dm = (a.0.means() - b.0.means()).mapv(f64::abs).fold(0.0, |m: f64, x| m.max(*x));
            let dc =
                a.0.covariances()
                    .values()
                    .iter()
                    .zip(b.0.covariances().values())
                    .map(|(x, y)| (x - y).abs())
                    .fold(0.0, f64::max);
            println!("   dll {:.1e} dw {dw:.1e} dm {dm:.1e} dc {dc:.1e}", (a.1 - b.1).abs());
        }
    }
}
