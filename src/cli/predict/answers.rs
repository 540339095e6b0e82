//! Answers for samples, and where they go.

use std::io::Write;
use std::ops::Range;

use mixtura::device::Backend;
use mixtura::io::{Beside, Block, CellType, Cells, Column};
use mixtura::{Mixture, Points};
use ndarray::{Array1, Array2, Axis};

use super::super::output::{failure, print};
use super::super::tables::{Table, block, columns};

/// The label of a row that has no answer.
const NO_LABEL: i64 = -1;

/// What is asked about samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Labels,
    LogDensities,
    Probabilities,
    Means,
}

/// Answers for some samples.
pub(super) enum Answer {
    Labels(Array1<i64>),
    LogDensities(Array1<f64>),
    Probabilities(Array2<f64>),
    Means(Array2<f64>),
}

impl Question {
    /// Asks about some of the samples that were loaded.
    pub(super) fn ask(
        self,
        backend: &mut dyn Backend,
        mixture: &Mixture,
        rows: Range<usize>,
    ) -> mixtura::Result<Answer> {
        let quadratics = mixture.quadratics();
        Ok(match self {
            Question::Probabilities => Answer::Probabilities(backend.responsibilities(quadratics, rows)?),
            Question::LogDensities => Answer::LogDensities(backend.assess(quadratics, rows)?.log_densities),
            Question::Labels => Answer::Labels(backend.assess(quadratics, rows)?.labels.mapv(|label| label as i64)),
            Question::Means => {
                let labels = backend.assess(quadratics, rows)?.labels;
                Answer::Means(mixture.means().select(Axis(0), &labels.to_vec()))
            }
        })
    }
}

impl Answer {
    /// Takes the answers of rows that cannot be read away.
    pub(super) fn forget(&mut self, rows: impl Iterator<Item = usize>) {
        for row in rows {
            match self {
                Answer::Labels(labels) => labels[row] = NO_LABEL,
                Answer::LogDensities(log_densities) => log_densities[row] = f64::NAN,
                Answer::Probabilities(all) | Answer::Means(all) => all.row_mut(row).fill(f64::NAN),
            }
        }
    }

    /// Number of samples.
    fn len(&self) -> usize {
        self.block().dim().0
    }

    /// Their name in JSON.
    fn name(&self) -> &'static str {
        match self {
            Answer::Labels(_) => "labels",
            Answer::LogDensities(_) => "log_densities",
            Answer::Probabilities(_) => "probabilities",
            Answer::Means(_) => "means",
        }
    }

    /// The columns of a table of them.
    fn columns(&self, features: &[Column]) -> Vec<Column> {
        match self {
            Answer::Labels(_) => vec![Column::new("label", CellType::I64)],
            Answer::LogDensities(_) => vec![Column::new("log_density", CellType::F64)],
            Answer::Probabilities(all) => {
                (0..all.ncols()).map(|k| Column::new(format!("p{k}"), CellType::F64)).collect()
            }
            Answer::Means(_) => {
                let mean = |feature: &Column| Column::new(format!("mean_{}", feature.name), CellType::F64);
                features.iter().map(mean).collect()
            }
        }
    }

    /// The items of a JSON list of them, without its brackets.
    fn items(&self) -> serde_json::Result<String> {
        let list = match self {
            Answer::Labels(labels) => serde_json::to_string(&labels.to_vec())?,
            Answer::LogDensities(log_densities) => serde_json::to_string(&log_densities.to_vec())?,
            Answer::Probabilities(all) | Answer::Means(all) => {
                serde_json::to_string(&all.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>())?
            }
        };
        Ok(list[1..list.len() - 1].to_owned())
    }

    fn block(&self) -> Block<'_> {
        match self {
            Answer::Labels(labels) => labels.into(),
            Answer::LogDensities(log_densities) => log_densities.into(),
            Answer::Probabilities(all) | Answer::Means(all) => all.into(),
        }
    }
}

/// Where answers go.
pub(super) enum Answers {
    /// A table. The columns that the model uses stand before the answers where that is asked for, and where the company
    /// of the samples is not there to hold them.
    Table { table: Box<Table>, features: bool },
    /// One JSON object on standard output, with the number of answers up to now.
    Printed { n: usize },
}

impl Answers {
    /// Adds the answers for samples, which may be gone but for what goes along with them.
    pub(super) fn write(&mut self, answer: &Answer, samples: Option<&Samples>, beside: &Beside) -> mixtura::Result<()> {
        match self {
            Answers::Table { table, features } => {
                let of_features = samples.map_or_else(Vec::new, |samples| columns(samples.chunk));
                let (mut names, mut blocks) = (Vec::new(), Vec::new());
                if let Some(samples) = samples.filter(|_| *features && beside.company.is_none()) {
                    names.extend(of_features.clone());
                    blocks.push(block(samples.chunk, samples.rows.clone()));
                }
                let numbers = beside.rows.clone().map(Array1::from);
                if let Some(numbers) = &numbers {
                    names.push(Column::new("row", CellType::I64));
                    blocks.push(numbers.into());
                }
                names.extend(answer.columns(&of_features));
                blocks.push(answer.block());
                table.write(beside.company.as_ref(), &names, &blocks)
            }
            Answers::Printed { n } => {
                let begin = if *n == 0 { format!("{{\"{}\":[", answer.name()) } else { ",".to_owned() };
                *n += answer.len();
                let items = answer.items().map_err(|error| failure(error.into()))?;
                std::io::stdout().lock().write_all((begin + &items).as_bytes()).map_err(failure)
            }
        }
    }

    /// How cells of any type go into the table; `None` where they do not.
    pub(super) fn cells(&self) -> Option<Cells> {
        match self {
            Answers::Table { table, .. } => table.cells(),
            Answers::Printed { .. } => None,
        }
    }

    /// Hands on what there is up to now.
    pub(super) fn flush(&mut self) -> mixtura::Result<()> {
        match self {
            Answers::Table { table, .. } => table.flush(),
            Answers::Printed { .. } => std::io::stdout().lock().flush().map_err(failure),
        }
    }

    pub(super) fn finish(self, n_samples: usize) -> anyhow::Result<()> {
        match self {
            Answers::Table { table, .. } => Ok(table.finish()?),
            Answers::Printed { .. } => print(&format!("],\"n_samples\":{n_samples}}}\n")),
        }
    }
}

/// Some samples of a chunk.
pub(super) struct Samples<'a, 'p> {
    pub(super) chunk: &'a Points<'p>,
    pub(super) rows: Range<usize>,
}
