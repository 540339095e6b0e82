//! Cutting the rows of a data set into stretches, for readers that share them out among themselves.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::columns::Selection;
use super::files::find_files;
use super::origin::Choice;
use super::rows::Rows;
use super::stretch::Stretch;
use crate::data::source::block_rows;
use crate::error::Result;

impl Stretch {
    /// Cuts the samples of some files into stretches of about equal length, at blocks of samples ([`block_rows`]): where
    /// there are fewer blocks than parts, some stretches are empty. `files` are the rows of each file ([`count_rows`]).
    pub fn cut(files: &[usize], selection: &Selection, n_features: usize, parts: usize) -> Vec<Stretch> {
        let n_rows: usize = files.iter().sum();
        let (n_samples, kept) = Choice::new(selection).of_rows(n_rows);
        let end = n_rows.min(selection.head.unwrap_or(usize::MAX));
        let block = block_rows(n_features);
        let cut = |i: usize| match i == parts {
            true => n_samples,
            false if i == 0 => 0,
            // The first part is never empty.
            false => (((n_samples as u128 * i as u128 / parts as u128) as usize + block / 2) / block).max(1) * block,
        };
        let row = |sample: usize| match (&kept, sample >= n_samples) {
            (_, true) => end,
            (None, _) => sample,
            (Some(kept), _) => kept[sample],
        };
        let stretch =
            |(start, end): (usize, usize)| Stretch { files: files.to_vec(), rows: row(start)..row(end), first: start };
        let cuts = (0..parts).map(|i| (cut(i).min(n_samples), cut(i + 1).min(n_samples)));
        cuts.map(stretch).collect()
    }
}

/// Numbers of rows of some of the files that paths stand for, as [`Dataset::open`](super::Dataset::open) takes them: of
/// the i-th file where `counts(i)`, 0 for the others; with the number of features. What does not tell its number of
/// rows is read.
///
/// # Errors
/// As [`Dataset::open`](super::Dataset::open), and [`Error::Interrupted`](crate::Error::Interrupted) soon after `stop`
/// has become true.
pub fn count_rows(
    paths: &[PathBuf],
    selection: &Selection,
    counts: impl Fn(usize) -> bool,
    stop: &AtomicBool,
) -> Result<(Vec<usize>, usize)> {
    let files = find_files(paths)?.paths;
    let mut rows = Rows::open(files.clone(), selection, None)?;
    let n_features = rows.n_features;
    let count = |i: usize| if counts(i) { rows.count_file(i, stop) } else { Ok(0) };
    Ok(((0..files.len()).map(count).collect::<Result<_>>()?, n_features))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::ops::Range;
    use std::path::Path;
    use std::sync::Arc;

    use arrow_array::{Float32Array, RecordBatch};
    use arrow_schema::{DataType, Field, Schema};
    use ndarray::Array2;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::*;
    use crate::data::source::{Data, NEVER};
    use crate::io::{Block, CellType, Column, Dataset, Destination, Dimensions, TableFormat, TableWriter};

    fn cut(n: usize, selection: &Selection, parts: usize) -> Vec<(usize, Range<usize>)> {
        let files = [n / 3, 0, n - n / 3];
        Stretch::cut(&files, selection, 1024, parts).into_iter().map(|part| (part.first, part.rows)).collect()
    }

    #[test]
    fn stretches_are_of_whole_blocks_and_leave_out_no_row() {
        let all = Selection::default();
        assert_eq!(block_rows(1024), 4096);
        assert_eq!(cut(20_000, &all, 2), [(0, 0..8192), (8192, 8192..20_000)]);
        assert_eq!(cut(20_000, &all, 1), [(0, 0..20_000)]);
        assert_eq!(cut(5000, &all, 3), [(0, 0..4096), (4096, 4096..4096), (4096, 4096..5000)]);
        assert_eq!(cut(100, &all, 2), [(0, 0..100), (100, 100..100)]);
    }

    #[test]
    fn stretches_of_chosen_rows_are_cut_by_the_samples_that_are_chosen() {
        let head = Selection { head: Some(9000), ..Selection::default() };
        assert_eq!(cut(20_000, &head, 2), [(0, 0..4096), (4096, 4096..9000)]);
        let half = Selection { sample: Some(0.5), seed: 7, ..Selection::default() };
        let [(0, one), (4096, other)] = &cut(20_000, &half, 2)[..] else { panic!("cut at a block") };
        assert_eq!((one.start, one.end, other.end), (0, other.start, 20_000));
        let mut choice = Choice::new(&half);
        assert_eq!(choice.next(one.end).1.map(|kept| kept.len()), Some(4096));
    }

    const ROWS: usize = 23;

    fn value(row: usize, column: usize) -> f32 {
        (3 * row + column) as f32
    }

    /// The rows of a file, from one to another, in every format.
    fn write(folder: &Path, format: &str, (from, to): (usize, usize)) -> PathBuf {
        let rows = Array2::from_shape_fn((to - from, 3), |(i, column)| value(from + i, column));
        let path = folder.join(format!("{from:02}.{format}"));
        if format == "parquet" {
            let fields: Vec<_> = (0..3).map(|i| Field::new(format!("c{i}"), DataType::Float32, false)).collect();
            let columns = rows.columns().into_iter().map(|column| Arc::new(Float32Array::from(column.to_vec())) as _);
            let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.collect()).unwrap();
            let properties = WriterProperties::builder().set_max_row_group_row_count(Some(4)).build();
            let mut writer =
                ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        } else if format == "npy" && from > 0 {
            // In the order of columns.
            let header = format!("{{'descr': '<f4', 'fortran_order': True, 'shape': ({}, 3), }}", to - from);
            let header = format!("{header:<117}\n");
            let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
            bytes.extend(header.bytes());
            bytes.extend(rows.t().iter().flat_map(|x| x.to_le_bytes()));
            fs::write(&path, bytes).unwrap();
        } else {
            let columns: Vec<_> = (0..3).map(|i| Column::new(format!("c{i}"), CellType::F32)).collect();
            let to = Destination::new(&path).unwrap();
            let format = TableFormat::of(&path).unwrap();
            let mut table = TableWriter::create(&to, format, &columns, Dimensions::Two).unwrap();
            table.write(&[Block::from(&rows)]).unwrap();
            table.finish().unwrap();
        }
        path
    }

    /// What a stretch of the files holds.
    fn read(paths: &[PathBuf], selection: &Selection, stretch: &Stretch) -> (Vec<f64>, Option<Vec<f64>>) {
        let data = Dataset::open_stretch(paths, selection, u64::MAX, stretch, &NEVER).unwrap();
        assert_eq!(data.summary().first(), stretch.first);
        let points = data.points().unwrap();
        (points.to_f64().column(1).to_vec(), points.weights().map(|weights| weights.to_vec()))
    }

    #[test]
    fn a_stretch_of_files_of_any_format_holds_its_rows_and_their_weights() {
        for format in ["npy", "f32", "csv", "tsv.gz", "parquet", "arrow"] {
            let folder = tempfile::tempdir().unwrap();
            let paths = [(0, 9), (9, 15), (15, ROWS)].map(|rows| write(folder.path(), format, rows));
            let weights = folder.path().join("weights.csv");
            fs::write(&weights, (0..ROWS).map(|row| format!("{row}\n")).collect::<String>()).unwrap();
            let weights = Some(weights.display().to_string());
            let selection = Selection { dims: Some(3), weights, ..Selection::default() };
            let (files, d) = count_rows(&paths, &selection, |_| true, &NEVER).unwrap();
            assert_eq!((&files, d), (&vec![9, 6, 8], 3), "{format}");
            for (start, end) in [(0, ROWS), (0, 5), (4, 9), (5, 12), (9, 15), (10, 11), (14, 22), (22, ROWS)] {
                let stretch = Stretch { files: files.clone(), rows: start..end, first: start };
                let (values, weights) = read(&paths, &selection, &stretch);
                let expected: Vec<f64> = (start..end).map(|row| f64::from(value(row, 1))).collect();
                assert_eq!(values, expected, "{format} {start} {end}");
                assert_eq!(weights.unwrap(), (start..end).map(|row| row as f64).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn stretches_of_chosen_rows_hold_what_is_chosen_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [(0, 9), (9, ROWS)].map(|rows| write(folder.path(), "csv", rows));
        let selection = Selection { sample: Some(0.6), seed: 3, head: Some(20), ..Selection::default() };
        let whole = Dataset::open(&paths, &selection, u64::MAX).unwrap();
        let chosen = whole.points().unwrap().to_f64().column(1).to_vec();
        for row in 1..20 {
            let first = Choice::new(&selection).of_rows(row).0;
            let kept = Choice::new(&selection).of_rows(row).1.unwrap().len();
            assert_eq!(first, kept);
            let stretch = |rows: Range<usize>, first| Stretch { files: vec![9, 14], rows, first };
            let (mut values, _) = read(&paths, &selection, &stretch(0..row, 0));
            values.extend(read(&paths, &selection, &stretch(row..20, first)).0);
            assert_eq!(values, chosen, "{row}");
        }
    }

    #[test]
    fn an_error_in_a_stretch_names_the_file_and_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [(0, 9), (9, ROWS)].map(|rows| write(folder.path(), "csv", rows));
        let text = fs::read_to_string(&paths[1]).unwrap().replace("\n60.0,", "\nnan,");
        fs::write(&paths[1], text).unwrap();
        let stretch = Stretch { files: vec![9, 14], rows: 12..ROWS, first: 12 };
        let error = Dataset::open_stretch(&paths, &Selection::default(), u64::MAX, &stretch, &NEVER).unwrap_err();
        // Row 20 of all is the twelfth of the second file, below its header.
        assert!(error.to_string().contains("09.csv:13: row 11, column 0 (c0) is NaN"), "{error}");
    }
}
