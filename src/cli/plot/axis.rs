//! An axis: its range, where its ticks are, and what is written at them.

/// Digits that the labels of one axis may have before they are measured from another origin.
const DIGITS: f64 = 1e6;

/// An axis from one number to another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    from: f64,
    to: f64,
    /// Numbers, and their labels.
    pub(crate) ticks: Vec<(f64, String)>,
    /// Number that is taken off before numbers are written, and the power of ten that is left out.
    origin: f64,
    exponent: i32,
}

impl Axis {
    /// An axis over a range, with about `ticks` ticks. A range without extent is widened.
    pub(crate) fn new(low: f64, high: f64, ticks: usize) -> Self {
        let (from, to) = widened(low, high);
        Self::with_step(from, to, round_step((to - from) / ticks.max(1) as f64))
    }

    /// An axis for whole numbers.
    pub(crate) fn of_counts(low: usize, high: usize, ticks: usize) -> Self {
        let (low, high) = (low as f64, high as f64);
        let margin = (0.02 * (high - low)).max(if high > low { 0.0 } else { 0.5 });
        let step = round_step((high - low) / ticks.max(1) as f64).max(1.0);
        let mut axis = Self::with_step(low - margin, high + margin, step);
        axis.ticks.retain(|(x, _)| *x >= low);
        axis
    }

    fn with_step(from: f64, to: f64, step: f64) -> Self {
        let largest = from.abs().max(to.abs());
        let origin = if largest / step > DIGITS { round_number(from, to) } else { 0.0 };
        let longest = (from - origin).abs().max((to - origin).abs());
        let exponent = if (1e-3..1e5).contains(&longest) { 0 } else { longest.log10().floor() as i32 };
        let factor = 10f64.powi(exponent);
        let decimals = (-(step / factor).log10() - 1e-9).ceil().clamp(0.0, 12.0) as usize;
        let first = ((from - origin) / step - 1e-9).ceil();
        let count = (((to - origin) / step + 1e-9).floor() - first + 1.0).clamp(0.0, 50.0) as usize;
        let ticks = (0..count).map(|i| {
            let value = (first + i as f64) * step;
            (origin + value, written(value / factor, decimals))
        });
        Axis { from, to, ticks: ticks.collect(), origin, exponent }
    }

    /// An axis without ticks.
    pub(crate) fn blank() -> Self {
        Axis { from: 0.0, to: 1.0, ticks: Vec::new(), origin: 0.0, exponent: 0 }
    }

    /// How far along the axis a number is: 0 at its beginning, 1 at its end.
    pub(crate) fn share(&self, x: f64) -> f64 {
        (x - self.from) / (self.to - self.from)
    }

    /// Its two ends.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// A name, with what the labels leave out.
    pub(crate) fn title(&self, name: &str) -> String {
        let origin = match self.origin {
            0.0 => String::new(),
            origin => {
                let sign = if origin > 0.0 { '−' } else { '+' };
                let size = origin.abs();
                if (1e-5..1e15).contains(&size) { format!(" {sign} {size}") } else { format!(" {sign} {size:e}") }
            }
        };
        let factor = match self.exponent {
            0 => String::new(),
            exponent => format!("  (× 10{})", superscript(exponent)),
        };
        format!("{name}{origin}{factor}")
    }
}

/// A number with a true minus sign.
pub(crate) fn written(x: f64, decimals: usize) -> String {
    let text = format!("{x:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|digit| matches!(digit, b'0' | b'.')) => digits.to_owned(),
        Some(digits) => format!("−{digits}"),
        None => text,
    }
}

/// A round number to measure a range from: the one in it with the fewest digits, or else one below it.
fn round_number(from: f64, to: f64) -> f64 {
    let power = |x: f64| x.log10().ceil() as i32;
    let multiple = |of: i32, round: fn(f64) -> f64, x: f64| match of {
        // Negative powers of ten are not numbers of the machine, but their inverses are.
        0.. => round(x / 10f64.powi(of)) * 10f64.powi(of),
        _ => round(x * 10f64.powi(-of)) / 10f64.powi(-of),
    };
    let (coarse, fine) = (power(from.abs().max(to.abs())), power(to - from));
    let inside = (fine..=coarse).rev().map(|of| multiple(of, f64::ceil, from)).find(|number| *number <= to);
    inside.unwrap_or_else(|| multiple(fine, f64::floor, from))
}

/// The nearest number that is 1, 2 or 5 times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let multiple = match step / power {
        multiple if multiple < 1.5 => 1.0,
        multiple if multiple < 3.0 => 2.0,
        multiple if multiple < 7.0 => 5.0,
        _ => 10.0,
    };
    multiple * power
}

/// A range that has an extent which its numbers can tell apart.
fn widened(low: f64, high: f64) -> (f64, f64) {
    if !(low.is_finite() && high.is_finite() && low <= high) {
        return (0.0, 1.0);
    }
    let largest = low.abs().max(high.abs());
    if high - low > 1e-12 * largest && high - low > 1e-280 {
        return (low, high);
    }
    let margin = if largest > 1e-280 { 0.1 * largest } else { 0.5 };
    (low - margin, high + margin)
}

fn superscript(exponent: i32) -> String {
    let raised = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => c.to_digit(10).and_then(|digit| char::from_u32(0x2070 + digit)).unwrap_or(c),
    };
    exponent.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_their_labels_short_at_every_scale() {
        let axis = Axis::new(-0.31, 0.42, 4);
        assert_eq!(labels(&axis), ["−0.2", "0.0", "0.2", "0.4"]);
        assert_eq!(axis.title("x"), "x");
        let small = Axis::new(1.2e-9, 4.4e-9, 3);
        assert_eq!((labels(&small), small.title("x")), (vec!["2", "3", "4"], "x  (× 10⁻⁹)".to_owned()));
        let large = Axis::new(-2e9, 2e9, 4);
        assert_eq!((labels(&large), large.title("x")), (vec!["−2", "−1", "0", "1", "2"], "x  (× 10⁹)".to_owned()));
        assert_eq!(labels(&Axis::new(0.0, 30_000.0, 3)), ["0", "10000", "20000", "30000"]);
    }

    #[test]
    fn numbers_far_from_zero_are_measured_from_a_round_one() {
        let axis = Axis::new(123_456_789.1, 123_456_789.9, 4);
        let expected = vec!["0.2", "0.4", "0.6", "0.8"];
        assert_eq!((labels(&axis), axis.title("x")), (expected, "x − 123456789".to_owned()));
        assert!((axis.share(axis.ticks[0].0) - 0.125).abs() < 1e-6);
        assert_eq!(Axis::new(-1e9 - 0.5, -1e9, 4).title("x"), "x + 1000000000");
        let axis = Axis::new(1_699_999_996.0, 1_700_000_006.0, 5);
        assert_eq!(
            (labels(&axis), axis.title("t")),
            (vec!["−4", "−2", "0", "2", "4", "6"], "t − 1700000000".to_owned())
        );
        let axis = Axis::new(-3.233_569_5, -3.233_568_7, 5);
        assert_eq!(axis.title("bound"), "bound + 3.233569  (× 10⁻⁷)");
    }

    #[test]
    fn every_range_has_ticks_and_few() {
        let ends = [0.0, 1.0, -1.0, 1e-9, 1e9, 1e9 + 1e-6, -1e30, 1e150, 1e-300, f64::NAN, f64::INFINITY, -1e150];
        for low in ends {
            for high in ends {
                let axis = Axis::new(low, high, 5);
                assert!((1..=11).contains(&axis.ticks.len()), "{low} to {high}: {axis:?}");
                assert!(
                    axis.ticks.iter().all(|(x, label)| (-0.01..1.01).contains(&axis.share(*x)) && label.len() < 12)
                );
            }
        }
    }

    #[test]
    fn counts_have_whole_ticks() {
        assert_eq!(labels(&Axis::of_counts(1, 3, 6)), ["1", "2", "3"]);
        assert_eq!(labels(&Axis::of_counts(1, 1, 6)), ["1"]);
        assert_eq!(labels(&Axis::of_counts(1, 87, 5)), ["20", "40", "60", "80"]);
    }
}
