//! Rows of numbers and words in a file: .csv or .json.

use std::path::Path;

use mixtura::Error;
use mixtura::io::{Destination, Output};
use serde::Serialize;

use super::Usage;

/// Where rows go.
pub(crate) struct Rows {
    to: Destination,
    format: Format,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Csv,
    Json,
}

impl Rows {
    /// Checks that the file of a flag can be written.
    pub(crate) fn new(flag: &str, path: &Path) -> anyhow::Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let format = match extension.as_deref() {
            Some("csv") => Format::Csv,
            Some("json") => Format::Json,
            _ => {
                let problem = format!("{flag} is {}, which is neither .csv nor .json", path.display());
                return Err(Usage { problem, remedy: "give a file that ends in .csv or .json" }.into());
            }
        };
        Ok(Rows { to: Destination::new(path)?, format })
    }

    pub(crate) fn path(&self) -> &Path {
        self.to.path()
    }

    /// Writes rows, whose fields are these columns.
    pub(crate) fn save(&self, columns: &[&str], rows: &[impl Serialize]) -> mixtura::Result<()> {
        let mut output = self.to.create()?;
        let written = match self.format {
            Format::Csv => write_csv(&mut output, columns, rows),
            Format::Json => serde_json::to_writer(&mut output, rows).map_err(Into::into),
        };
        written.map_err(|source| Error::Write { path: self.path().to_owned(), source })?;
        output.finish()
    }
}

fn write_csv(output: &mut Output, columns: &[&str], rows: &[impl Serialize]) -> std::io::Result<()> {
    // The header is there even where there is no row.
    let mut table = csv::WriterBuilder::new().has_headers(false).from_writer(output);
    table.write_record(columns)?;
    rows.iter().try_for_each(|row| table.serialize(row))?;
    table.flush()
}
