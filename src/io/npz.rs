//! Archives of arrays: .npz files.

use std::fs::File;
use std::io::{self, BufReader, PipeReader, Read, pipe};
use std::thread::{self, JoinHandle};

use zip::ZipArchive;

use super::chunks::Table;
use super::columnar::broken;
use super::columns::Selection;
use super::malformed;
use super::npy;
use super::source::{Format, Source};
use crate::advice::{Advice, Term};
use crate::error::{self, Error};

/// Extension that numpy.savez puts behind the name of each array.
const EXTENSION: &str = ".npy";

/// Opens the array that is selected, or the only one.
pub(super) fn open(source: Source, selection: &Selection) -> error::Result<Table> {
    let name = source.name.clone();
    let archive = ZipArchive::new(BufReader::new(source.into_file()?)).map_err(|error| broken(&name, &error))?;
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.map(|name| name.into_owned()))
        .collect::<Result<_, _>>()
        .map_err(|error| broken(&name, &error))?;
    let members: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(EXTENSION)).collect();
    let member = match (&selection.member, members.as_slice()) {
        (_, []) => {
            let is_workbook = names.iter().any(|name| name.starts_with("xl/"));
            let (problem, remedy) = match is_workbook {
                true => ("this is an Excel workbook, which is not read", "save its sheet as .csv"),
                false => ("there is no array in this archive", "write it with numpy.savez, or take its files out"),
            };
            return Err(malformed(name, problem, remedy));
        }
        (None, [only]) => *only,
        (None, _) => {
            let problem = format!("the archive holds {} arrays", members.len());
            let members = members.iter().map(|member| (*member).to_owned()).collect();
            return Err(malformed(name, problem, Advice::from("choose one: ") + Term::Member(members)));
        }
        (Some(wanted), _) => members.iter().copied().find(|member| member == wanted).ok_or_else(|| {
            let remedy = format!("there are {}", members.join(", "));
            malformed(&name, format!("there is no array '{wanted}' in this archive"), remedy)
        })?,
    };
    let place = format!("{name}, array {member}");
    let contents = Member::open(archive, format!("{member}{EXTENSION}"))
        .map_err(|source| Error::Read { path: place.clone().into(), source })?;
    npy::open(Source::of_contents(place, Format::Npy, contents), selection)
}

/// The contents of one file of an archive, decompressed by a thread of their own: the library's reader cannot leave the
/// archive that it borrows.
struct Member {
    contents: PipeReader,
    unpacking: Option<JoinHandle<io::Result<()>>>,
}

impl Member {
    fn open(mut archive: ZipArchive<BufReader<File>>, file: String) -> io::Result<Self> {
        let (contents, mut to) = pipe()?;
        let unpack = move || {
            io::copy(&mut archive.by_name(&file).map_err(io::Error::other)?, &mut to)?;
            Ok(())
        };
        let unpacking = thread::Builder::new().spawn(unpack)?;
        Ok(Member { contents, unpacking: Some(unpacking) })
    }
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.contents.read(buffer)?;
        // At the end, what ended it.
        if n == 0
            && !buffer.is_empty()
            && let Some(unpacking) = self.unpacking.take()
        {
            unpacking.join().unwrap_or_else(|_| Err(io::Error::other("it cannot be decompressed")))?;
        }
        Ok(n)
    }
}
