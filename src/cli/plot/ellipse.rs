//! Ellipses of equal density: the points of the plane at a given number of standard deviations from a Gaussian's mean.

/// A symmetric matrix of order two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Symmetric {
    pub(crate) xx: f64,
    pub(crate) xy: f64,
    pub(crate) yy: f64,
}

/// Semi-axes, the longer first, and the angle from the x axis to it, in radians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ellipse {
    pub(crate) radii: [f64; 2],
    pub(crate) angle: f64,
}

impl Symmetric {
    /// Eigenvalues, the larger first, and the angle from the x axis to its eigenvector, in radians.
    pub(crate) fn eigen(self) -> ([f64; 2], f64) {
        let (middle, half) = (0.5 * (self.xx + self.yy), 0.5 * (self.xx - self.yy));
        let reach = half.hypot(self.xy);
        ([middle + reach, middle - reach], 0.5 * self.xy.atan2(half))
    }

    /// The covariance after a change of units, which multiplies the coordinates by `x` and `y`.
    pub(crate) fn in_units(self, x: f64, y: f64) -> Self {
        Symmetric { xx: self.xx * x * x, xy: self.xy * x * y, yy: self.yy * y * y }
    }
}

impl Ellipse {
    /// So many standard deviations around the mean of a Gaussian of this covariance.
    pub(crate) fn of(covariance: Symmetric, deviations: f64) -> Self {
        let (values, angle) = covariance.eigen();
        // Of a covariance without extent in one direction, rounding may have made a little less than nothing.
        Ellipse { radii: values.map(|value| deviations * value.max(0.0).sqrt()), angle }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, FRAC_PI_6};

    use super::*;

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-12
    }

    #[test]
    fn an_ellipse_lies_along_the_eigenvectors_with_the_roots_of_the_eigenvalues() {
        // (xx, xy, yy), and the semi-axes and angle at two standard deviations.
        let known = [
            ((9.0, 0.0, 4.0), [6.0, 4.0], 0.0),
            ((4.0, 0.0, 9.0), [6.0, 4.0], FRAC_PI_2),
            ((5.0, 4.0, 5.0), [6.0, 2.0], FRAC_PI_4),
            ((5.0, -4.0, 5.0), [6.0, 2.0], -FRAC_PI_4),
            // R diag(4, 1) R^T with a rotation by 30 degrees.
            ((3.25, 0.75 * 3f64.sqrt(), 1.75), [4.0, 2.0], FRAC_PI_6),
        ];
        for ((xx, xy, yy), radii, angle) in known {
            let found = Ellipse::of(Symmetric { xx, xy, yy }, 2.0);
            assert!(close(found.radii[0], radii[0]) && close(found.radii[1], radii[1]), "{found:?}");
            assert!(close(found.angle, angle), "{found:?}");
        }
    }

    #[test]
    fn a_circle_has_two_equal_radii_and_a_line_has_none_across() {
        let circle = Ellipse::of(Symmetric { xx: 2.25, xy: 0.0, yy: 2.25 }, 1.0);
        assert_eq!(circle.radii, [1.5, 1.5]);
        let line = Ellipse::of(Symmetric { xx: 0.3, xy: 0.1 * 3.0, yy: 0.3 }, 1.0);
        assert!(close(line.radii[0], 0.6f64.sqrt()) && line.radii[1] < 1e-7, "{line:?}");
    }

    #[test]
    fn units_scale_the_semi_axes() {
        let covariance = Symmetric { xx: 5.0, xy: 4.0, yy: 5.0 };
        let scaled = Ellipse::of(covariance.in_units(1e9, 1e9), 1.0);
        assert!((scaled.radii[0] / 3e9 - 1.0).abs() < 1e-12 && (scaled.radii[1] / 1e9 - 1.0).abs() < 1e-12);
        let mirrored = Ellipse::of(covariance.in_units(1.0, -1.0), 1.0);
        assert!(close(mirrored.angle, -FRAC_PI_4));
    }
}
