//! Numbers for people to read.

/// A mean with its spread, both to the third digit of the spread, with exponents where they would be long.
pub(crate) fn mean_and_spread(mean: f64, spread: f64) -> String {
    let decade = spread.log10().floor();
    if mean.abs() < 1e7 && (-4.0..7.0).contains(&decade) {
        let decimals = (2.0 - decade).max(0.0) as usize;
        format!("{mean:.decimals$} ± {spread:.decimals$}")
    } else {
        format!("{mean:.3e} ± {spread:.2e}")
    }
}

/// A number to its fifth digit, with an exponent where it would be long.
pub(crate) fn significant(x: f64) -> String {
    let decade = x.abs().log10().floor();
    match x {
        0.0 => "0".to_owned(),
        _ if (-4.0..7.0).contains(&decade) => format!("{x:.*}", (4.0 - decade).max(0.0) as usize),
        _ => format!("{x:.4e}"),
    }
}

/// A large number with a unit: 12.3 M.
pub(crate) fn count(x: f64) -> String {
    match x {
        x if x >= 1e9 => format!("{:.1} G", x / 1e9),
        x if x >= 1e6 => format!("{:.1} M", x / 1e6),
        x if x >= 1e3 => format!("{:.1} k", x / 1e3),
        x => format!("{x:.0}"),
    }
}

/// A number to its second digit, with commas between the thousands: 53,000.
pub(crate) fn rounded(x: f64) -> String {
    let unit = 10_f64.powf((x.abs().log10().floor() - 1.0).max(0.0));
    let digits = format!("{:.0}", (x / unit).round() * unit);
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}

/// Seconds in the unit that suits them.
pub(crate) fn seconds(s: f64) -> String {
    match s {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 0.1 => format!("{:.0} ms", s * 1e3),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.0} µs", s * 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_has_two_digits_and_commas() {
        for (x, text) in [(0.4, "0"), (7.2, "7"), (127.0, "130"), (52_980.0, "53,000"), (999_999.0, "1,000,000")] {
            assert_eq!(rounded(x), text);
        }
    }

    #[test]
    fn a_number_has_five_digits() {
        for (x, text) in
            [(0.0, "0"), (-0.0123456, "-0.012346"), (12345.678, "12346"), (1e-7, "1.0000e-7"), (2.5, "2.5000")]
        {
            assert_eq!(significant(x), text);
        }
    }

    #[test]
    fn a_mean_has_the_decimals_of_its_spread() {
        assert_eq!(mean_and_spread(1000.7123, 0.65912), "1000.712 ± 0.659");
        assert_eq!(mean_and_spread(-54.478, 5.8049), "-54.48 ± 5.80");
        assert_eq!(mean_and_spread(0.0, 1234.5), "0 ± 1234");
        assert_eq!(mean_and_spread(1.5e8, 2.0), "1.500e8 ± 2.00e0");
        assert_eq!(mean_and_spread(1.0, 1e-7), "1.000e0 ± 1.00e-7");
    }
}
