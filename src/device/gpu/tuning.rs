//! Differences between adapters: one shape of the passes for hardware, another for drivers that run shaders on a
//! processor.

use crate::device::choice::DeviceInfo;

/// How passes are shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tuning {
    /// Numbers that the M step may keep alive. Hardware has 255 registers at most; on a processor a load from a buffer
    /// costs as much as a hundred additions to sums in its first cache.
    pub(crate) registers: usize,
    /// Whether the lanes of a workgroup add up their sums, or each hands over its own. Hardware has fast memory for the
    /// former; on a processor a barrier means that everything alive is kept in memory, all through the kernel.
    pub(crate) adds_lanes: bool,
    /// Most features that the E step takes at once with their whole factor: samples, and their distances from a mean,
    /// are in registers, or in a processor's first cache.
    pub(crate) whole_factor: usize,
    /// Workgroups of the M step that fill the adapter.
    pub(crate) workgroups: usize,
}

impl Tuning {
    pub(crate) const HARDWARE: Tuning = Tuning { registers: 240, adds_lanes: true, whole_factor: 16, workgroups: 4096 };
    pub(crate) const SOFTWARE: Tuning = Tuning { registers: 820, adds_lanes: false, whole_factor: 32, workgroups: 24 };

    /// The shape for an adapter.
    pub(crate) fn of(adapter: &DeviceInfo) -> Self {
        if adapter.device_type == "software" { Tuning::SOFTWARE } else { Tuning::HARDWARE }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;
    use crate::data::points::Points;
    use crate::device::backend::Backend;
    use crate::device::gpu::context::tests::open;
    use crate::device::task::Assignment;
    use crate::model::covariance::CovarianceArray;
    use crate::model::family::CovarianceType;
    use crate::model::mixture::Mixture;

    #[test]
    fn both_shapes_make_the_same_of_the_same_samples() {
        let Some(gpu) = open() else { return };
        for (n, d, k) in [(1_000, 1, 3), (3_000, 5, 11), (5_000, 16, 9), (700, 21, 3)] {
            let means = Array2::from_shape_fn((k, d), |(k, i)| ((k * 7 + i * 5) % 11) as f64);
            for family in CovarianceType::ALL {
                let covariances = CovarianceArray::diagonal(family, k, &Array1::ones(d));
                let weights = Array1::from_elem(k, 1.0 / k as f64);
                let mixture = Mixture::new(weights, means.clone(), covariances).unwrap();
                let points = Points::new(mixture.sample(n, 1).0).unwrap();
                for assignment in [Assignment::Soft, Assignment::Hard] {
                    let [a, b] = [Tuning::HARDWARE, Tuning::SOFTWARE].map(|tuning| {
                        let mut gpu = gpu.clone();
                        gpu.tuning = tuning;
                        let mut backend = gpu.load(&points, None).unwrap();
                        let moments = backend.moments(&mixture, assignment).unwrap();
                        (moments.lower_bound(), moments.maximize(1e-6).unwrap())
                    });
                    let what = format!("{n}, {d}, {k}, {family}, {assignment:?}");
                    assert!((a.0 - b.0).abs() <= 1e-5, "{what}: {} and {}", a.0, b.0);
                    let numbers = |(_, model): &(f64, Mixture)| -> Vec<f64> {
                        let weights = model.weights().iter().chain(model.means());
                        weights.chain(model.covariances().values()).copied().collect()
                    };
                    for (a, b) in numbers(&a).iter().zip(numbers(&b)) {
                        assert!((a - b).abs() <= 1e-5, "{what}: {a} and {b}");
                    }
                }
            }
        }
    }
}
