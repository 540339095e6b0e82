//! Numbers and tables for people to read.

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

/// A large number with a unit: 12.3 M.
pub(crate) fn count(x: f64) -> String {
    match x {
        x if x >= 1e9 => format!("{:.1} G", x / 1e9),
        x if x >= 1e6 => format!("{:.1} M", x / 1e6),
        x if x >= 1e3 => format!("{:.1} k", x / 1e3),
        x => format!("{x:.0}"),
    }
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

/// Rows of cells as aligned columns two blanks apart: the first `left` to the left, the others to the right.
pub(crate) fn aligned(rows: &[Vec<String>], left: usize) -> String {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..n_columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match column < left {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            })
            .collect();
        text += format!("  {}", cells.join("  ")).trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_the_decimals_of_its_spread() {
        assert_eq!(mean_and_spread(1000.7123, 0.65912), "1000.712 ± 0.659");
        assert_eq!(mean_and_spread(-54.478, 5.8049), "-54.48 ± 5.80");
        assert_eq!(mean_and_spread(0.0, 1234.5), "0 ± 1234");
        assert_eq!(mean_and_spread(1.5e8, 2.0), "1.500e8 ± 2.00e0");
        assert_eq!(mean_and_spread(1.0, 1e-7), "1.000e0 ± 1.00e-7");
    }

    #[test]
    fn cells_are_aligned_by_characters_and_not_by_bytes() {
        let rows = [vec!["a".to_owned(), "1 ± 2".to_owned()], vec!["bcd".to_owned(), "10".to_owned()]];
        assert_eq!(aligned(&rows, 1), "  a    1 ± 2\n  bcd     10\n");
    }
}
