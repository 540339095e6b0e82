//! From a file to labels in a file: a table is read and fitted, the model saved and loaded again, and labels are written.
//!
//! ```sh
//! cargo run --release --example files
//! ```

use std::path::Path;

use mixtura::io::{
    CellType, Column, Columns, Dataset, Destination, Dimensions, Model, Selection, TableFormat, TableWriter,
    load_model, save_model,
};
use mixtura::{Device, FitOptions, fit};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/faithful.csv");
    let place = tempfile::tempdir()?;

    // Columns by name; of a table that exceeds this memory the rest would stay on disk.
    let columns = Columns::Chosen(vec!["eruptions".into(), "waiting".into()]);
    let selection = Selection { columns, ..Selection::default() };
    let data = Dataset::open(&[table], &selection, 1 << 30)?;
    let device = Device::cpu();
    let fitted = fit(&data, &device, &FitOptions::new(2))?;
    println!("{} epochs, BIC {:.1}", fitted.n_iter, fitted.bic());

    let file = place.path().join("model.json");
    let feature_names = Some(vec!["eruptions".into(), "waiting".into()]);
    save_model(&Destination::new(&file)?, &Model { mixture: fitted.mixture, feature_names, fit: None })?;
    let mixture = load_model(&file)?.mixture;

    let labels = device.predict(&mixture, &data)?.mapv(|label| label as i64);
    let densities = device.score_samples(&mixture, &data)?;
    let file = place.path().join("labels.csv");
    let columns = [Column::new("label", CellType::I64), Column::new("log_density", CellType::F64)];
    let mut writer =
        TableWriter::create(&Destination::new(&file)?, TableFormat::of(&file)?, &columns, Dimensions::Two)?;
    writer.write(&[(&labels).into(), (&densities).into()])?;
    writer.finish()?;

    let written = std::fs::read_to_string(&file)?;
    println!("{}", written.lines().take(4).collect::<Vec<_>>().join("\n"));
    Ok(())
}
