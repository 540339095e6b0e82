//! Company of samples: the columns of their rows that go along with them, as their file has them.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, make_array};
use arrow_data::transform::MutableArrayData;
use arrow_schema::{ArrowError, FieldRef, Schema, SchemaRef};

/// Which columns go along with the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Keep {
    /// None.
    #[default]
    Nothing,
    /// All of them: whole rows.
    Rows(Cells),
    /// Those that are chosen, of any type, and they alone: there are no features.
    Chosen(Cells),
}

/// How cells of text go along. Those of other files keep their types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cells {
    /// Numbers as such, where they are features or no other column is there to be told from; all else as text.
    Typed,
    /// As they are written. Of lists of numbers every number is a cell.
    Written,
}

impl Keep {
    /// How the cells go along, if any do.
    pub(super) fn cells(self) -> Option<Cells> {
        match self {
            Keep::Nothing => None,
            Keep::Rows(cells) | Keep::Chosen(cells) => Some(cells),
        }
    }
}

/// Columns that go along with some samples: of any type, a row for each sample.
#[derive(Debug, Clone)]
pub struct Company {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Company {
    /// The columns of batches of this schema. That a column is never null cannot be known of other files.
    pub(super) fn new(schema: &Schema, batches: Vec<Vec<ArrayRef>>) -> Result<Self, ArrowError> {
        let fields: Vec<_> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let batches = batches.into_iter().map(|columns| RecordBatch::try_new(schema.clone(), columns));
        Ok(Company { batches: batches.collect::<Result<_, _>>()?, schema })
    }

    /// Names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.schema.fields().iter().map(|field| field.name().as_str())
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Some rows, one after another.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        let mut first = 0;
        let mut batches = Vec::new();
        for batch in &self.batches {
            let (start, end) = (rows.start.max(first), rows.end.min(first + batch.num_rows()));
            if start < end {
                batches.push(batch.slice(start - first, end - start));
            }
            first += batch.num_rows();
        }
        Company { schema: self.schema.clone(), batches }
    }

    /// Copies of chosen rows, in the order of the choice.
    pub fn take(&self, rows: &[usize]) -> Self {
        let ends = self.batches.iter().scan(0, |end, batch| {
            *end += batch.num_rows();
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        let place = |row: &usize| {
            let batch = ends.partition_point(|end| end <= row);
            (batch, row + self.batches[batch].num_rows() - ends[batch])
        };
        let places: Vec<(usize, usize)> = rows.iter().map(place).collect();
        let one = (!places.is_empty()).then(|| taken(&self.batches, &places));
        let batches = match one {
            None => Vec::new(),
            Some(Ok(batch)) => vec![batch],
            // Dictionaries of several batches may be more than one has keys for: then each keeps its own.
            Some(Err(_)) => places
                .chunk_by(|(one, _), (other, _)| one == other)
                .map(|places| taken(&self.batches, places).expect("a batch takes as much as it has"))
                .collect(),
        };
        Company { schema: self.schema.clone(), batches }
    }

    /// Whether other rows have the same columns.
    pub(super) fn is_alike(&self, other: &Company) -> bool {
        let (fields, others) = (self.schema.fields(), other.schema.fields());
        let is_alike =
            |(one, other): (&FieldRef, &FieldRef)| (one.name(), one.data_type()) == (other.name(), other.data_type());
        self.schema == other.schema || fields.len() == others.len() && fields.iter().zip(others).all(is_alike)
    }

    /// Adds rows that follow, of the same columns.
    fn append(&mut self, more: Company) {
        self.batches.extend(more.batches);
    }
}

/// Rows of batches, each by its batch and its place there.
fn taken(batches: &[RecordBatch], places: &[(usize, usize)]) -> Result<RecordBatch, ArrowError> {
    let mut used: Vec<usize> = places.iter().map(|(batch, _)| *batch).collect();
    used.sort_unstable();
    used.dedup();
    let column = |i: usize| {
        let data: Vec<_> = used.iter().map(|batch| batches[*batch].column(i).to_data()).collect();
        let mut copy = MutableArrayData::try_new(data.iter().collect(), false, places.len())?;
        for run in places.chunk_by(|one, next| one.0 == next.0 && one.1 + 1 == next.1) {
            let (batch, start) = run[0];
            let source = used.binary_search(&batch).expect("a batch of these");
            copy.try_extend(source, start, start + run.len())?;
        }
        Ok(make_array(copy.freeze()))
    };
    let schema = batches[used[0]].schema();
    let columns = (0..schema.fields().len()).map(column).collect::<Result<_, ArrowError>>()?;
    RecordBatch::try_new(schema, columns)
}

/// What goes along with the samples of a chunk.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Beside {
    /// Their company, where it is kept.
    pub company: Option<Company>,
    /// Their numbers among all rows, from 0, where these are asked for.
    pub rows: Option<Vec<i64>>,
    /// Places of samples, in order, that stand for rows which cannot be read: their values mean nothing.
    pub bad: Vec<usize>,
}

impl Beside {
    /// What goes along with some of the samples, one after another.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        let bad = self.bad.iter().filter(|row| rows.contains(row)).map(|row| row - rows.start);
        Beside {
            company: self.company.as_ref().map(|company| company.slice(rows.clone())),
            rows: self.rows.as_ref().map(|numbers| numbers[rows.clone()].to_vec()),
            bad: bad.collect(),
        }
    }

    /// What goes along with chosen samples, in the order of the choice.
    pub fn take(&self, rows: &[usize]) -> Self {
        let bad = (0..rows.len()).filter(|&place| self.bad.binary_search(&rows[place]).is_ok());
        Beside {
            company: self.company.as_ref().map(|company| company.take(rows)),
            rows: self.rows.as_ref().map(|numbers| rows.iter().map(|row| numbers[*row]).collect()),
            bad: bad.collect(),
        }
    }

    /// Adds what goes along with samples, of the same data, that follow n others.
    pub fn append(&mut self, more: Beside, n: usize) {
        self.bad.extend(more.bad.into_iter().map(|row| n + row));
        match (&mut self.rows, more.rows) {
            (Some(numbers), Some(more)) => numbers.extend(more),
            (none, more) => *none = more,
        }
        match (&mut self.company, more.company) {
            (Some(company), Some(more)) => company.append(more),
            (none, more) => *none = more,
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::{Int64Array, StringArray};
    use arrow_schema::{DataType, Field};

    use super::*;

    /// Rows 0, 1, 2 ... in batches of these sizes: a number, and a text that is null for every fifth.
    fn company(sizes: &[usize]) -> Company {
        let fields = [Field::new("i", DataType::Int64, false), Field::new("s", DataType::Utf8, false)];
        let mut first = 0;
        let batches = sizes.iter().map(|n| -> Vec<ArrayRef> {
            let rows = first..first + n;
            first += n;
            let texts = rows.clone().map(|i| (!i.is_multiple_of(5)).then(|| format!("t{i}")));
            vec![
                Arc::new(Int64Array::from_iter_values(rows.clone().map(|i| i as i64))),
                Arc::new(texts.collect::<StringArray>()),
            ]
        });
        Company::new(&Schema::new(fields.to_vec()), batches.collect()).unwrap()
    }

    fn rows(company: &Company) -> Vec<(i64, Option<String>)> {
        let of_batch = |batch: &RecordBatch| {
            let numbers = batch.column(0).as_primitive::<arrow_array::types::Int64Type>().clone();
            let texts = batch.column(1).as_string::<i32>().clone();
            let text = |text: Option<&str>| text.map(str::to_owned);
            numbers.values().iter().copied().zip(texts.iter().map(text)).collect::<Vec<_>>()
        };
        company.batches.iter().flat_map(of_batch).collect()
    }

    #[test]
    fn rows_are_found_wherever_their_batch_ends() {
        let all = company(&[7, 1, 13, 4]);
        let expected = |i: usize| (i as i64, (!i.is_multiple_of(5)).then(|| format!("t{i}")));
        for (start, end) in [(0, 25), (3, 9), (7, 8), (8, 8), (20, 25), (6, 22)] {
            assert_eq!(rows(&all.slice(start..end)), (start..end).map(expected).collect::<Vec<_>>());
        }
        for chosen in [vec![], vec![0, 24], vec![6, 7, 8, 9, 20, 21], vec![24, 3, 3, 8, 7]] {
            let taken = all.take(&chosen);
            assert_eq!(rows(&taken), chosen.iter().copied().map(expected).collect::<Vec<_>>());
            assert_eq!(taken.n_rows(), chosen.len());
        }
    }

    #[test]
    fn what_is_beside_samples_follows_them() {
        let mut beside = Beside { company: Some(company(&[4])), rows: Some(vec![10, 11, 12, 13]), bad: vec![1, 3] };
        let more = Beside { company: Some(company(&[3])), rows: Some(vec![20, 21, 22]), bad: vec![0] };
        beside.append(more, 4);
        assert_eq!((beside.bad.as_slice(), beside.company.as_ref().unwrap().n_rows()), (&[1, 3, 4][..], 7));
        let some = beside.slice(3..6);
        assert_eq!((some.bad, some.rows.unwrap()), (vec![0, 1], vec![13, 20, 21]));
        let some = beside.take(&[6, 4, 0]);
        assert_eq!((some.bad, some.rows.unwrap()), (vec![1], vec![22, 20, 10]));
        assert_eq!(rows(&some.company.unwrap()).iter().map(|row| row.0).collect::<Vec<_>>(), [2, 0, 0]);
        assert!(!company(&[4]).is_alike(&Company::new(&Schema::empty(), Vec::new()).unwrap()));
    }
}
