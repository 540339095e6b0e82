//! Rows of numbers and words in a file: .csv, .json or .parquet.

use std::path::Path;

use mixtura::Error;
use mixtura::io::{Destination, Output, Records, save_records};
use serde::Serialize;
use serde_json::Value;

use super::Usage;

/// A column of rows, whose values may be missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Integers,
    Numbers,
    Flags,
}

impl Field {
    /// Words.
    pub(crate) const fn text(name: &'static str) -> Self {
        Field { name, kind: Kind::Text }
    }

    /// Whole numbers.
    pub(crate) const fn integers(name: &'static str) -> Self {
        Field { name, kind: Kind::Integers }
    }

    /// Numbers.
    pub(crate) const fn numbers(name: &'static str) -> Self {
        Field { name, kind: Kind::Numbers }
    }

    /// Yes or no.
    pub(crate) const fn flags(name: &'static str) -> Self {
        Field { name, kind: Kind::Flags }
    }

    /// Its values in some rows.
    fn of(&self, rows: &[Value]) -> Records {
        let values = || rows.iter().map(|row| &row[self.name]);
        match self.kind {
            Kind::Text => Records::Text(values().map(|value| value.as_str().map(str::to_owned)).collect()),
            Kind::Integers => Records::Integers(values().map(Value::as_i64).collect()),
            Kind::Numbers => Records::Numbers(values().map(Value::as_f64).collect()),
            Kind::Flags => Records::Flags(values().map(Value::as_bool).collect()),
        }
    }
}

/// Where rows go.
pub(crate) struct Rows {
    to: Destination,
    format: Format,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Csv,
    Json,
    Parquet,
}

impl Rows {
    /// Checks that the file of a flag can be written.
    pub(crate) fn new(flag: &str, path: &Path) -> anyhow::Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let format = match extension.as_deref() {
            Some("csv") => Format::Csv,
            Some("json") => Format::Json,
            Some("parquet") => Format::Parquet,
            _ => {
                let problem = format!("{flag} is {}, which is neither .csv, .json nor .parquet", path.display());
                return Err(Usage { problem, remedy: "give a file that ends in .csv, .json or .parquet".into() }.into());
            }
        };
        Ok(Rows { to: Destination::new(path)?, format })
    }

    pub(crate) fn path(&self) -> &Path {
        self.to.path()
    }

    /// Writes rows, whose fields are these in this order.
    pub(crate) fn save(&self, fields: &[Field], rows: &[impl Serialize]) -> mixtura::Result<()> {
        let failed = |source| Error::Write { path: self.path().to_owned(), source };
        if let Format::Parquet = self.format {
            let values = rows.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
            let values = values.map_err(|error| failed(error.into()))?;
            let columns: Vec<_> = fields.iter().map(|field| (field.name, field.of(&values))).collect();
            return save_records(&self.to, &columns);
        }
        let mut output = self.to.create()?;
        let written = match self.format {
            Format::Csv => write_csv(&mut output, fields, rows),
            _ => serde_json::to_writer(&mut output, rows).map_err(Into::into),
        };
        written.map_err(failed)?;
        output.finish()
    }
}

fn write_csv(output: &mut Output, fields: &[Field], rows: &[impl Serialize]) -> std::io::Result<()> {
    // The header is there even where there is no row.
    let mut table = csv::WriterBuilder::new().has_headers(false).from_writer(output);
    table.write_record(fields.iter().map(|field| field.name))?;
    rows.iter().try_for_each(|row| table.serialize(row))?;
    table.flush()
}
