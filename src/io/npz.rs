//! Archives of arrays: .npz files.

use std::io::BufReader;

use zip::ZipArchive;

use super::chunks::Table;
use super::columnar::broken;
use super::columns::Selection;
use super::malformed;
use super::npy::{self, NpyArray};
use super::source::Source;
use crate::error;

/// What numpy.savez puts behind the name of each array.
const EXTENSION: &str = ".npy";

/// Reads the array that is selected, or the only one.
pub(super) fn open(source: Source, selection: &Selection) -> error::Result<Table> {
    let name = source.name.clone();
    let mut archive = ZipArchive::new(BufReader::new(source.into_file()?)).map_err(|error| broken(&name, &error))?;
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.map(|name| name.into_owned()))
        .collect::<Result<_, _>>()
        .map_err(|error| broken(&name, &error))?;
    let members: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(EXTENSION)).collect();
    let member = match (&selection.member, members.as_slice()) {
        (_, []) => return Err(malformed(name, "there is no array in this archive", "write it with numpy.savez")),
        (None, [only]) => *only,
        (None, _) => {
            let problem = format!("the archive holds {} arrays", members.len());
            return Err(malformed(name, problem, format!("choose one: --member {}", members.join(" or "))));
        }
        (Some(wanted), _) => members.iter().copied().find(|member| member == wanted).ok_or_else(|| {
            let remedy = format!("there are {}", members.join(", "));
            malformed(&name, format!("there is no array '{wanted}' in this archive"), remedy)
        })?,
    };
    let place = format!("{name}, array {member}");
    let file = archive.by_name(&format!("{member}{EXTENSION}")).map_err(|error| broken(&place, &error))?;
    let samples = NpyArray::read(&place, &mut BufReader::new(file))?.into_samples()?;
    npy::table(&place, samples, selection)
}
