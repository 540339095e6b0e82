//! The line of a text file that each row came from.

/// Rows follow each other line by line but for blank lines and cells of several lines, so only the rows where the
/// count jumps are kept, each with its line.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    jumps: Vec<(usize, u64)>,
}

impl Lines {
    /// Notes the line of the next row.
    pub(super) fn push(&mut self, row: usize, line: u64) {
        if self.line(row) != Some(line) {
            self.jumps.push((row, line));
        }
    }

    /// Notes the lines of rows that follow, the first of which is this row.
    pub(super) fn extend(&mut self, first: usize, more: &Lines) {
        more.jumps.iter().for_each(|&(row, line)| self.push(first + row, line));
    }

    /// Line of a row, from 1; `None` before the first row is noted.
    pub(super) fn line(&self, row: usize) -> Option<u64> {
        let jump = self.jumps.partition_point(|&(first, _)| first <= row).checked_sub(1)?;
        let (first, line) = self.jumps[jump];
        Some(line + (row - first) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_jump_over_what_is_no_row() {
        let mut lines = Lines::default();
        for (row, line) in [2, 3, 4, 7, 8, 10].into_iter().enumerate() {
            lines.push(row, line);
        }
        assert_eq!(lines.jumps.len(), 3);
        let found: Vec<u64> = (0..6).filter_map(|row| lines.line(row)).collect();
        assert_eq!(found, [2, 3, 4, 7, 8, 10]);
    }
}
