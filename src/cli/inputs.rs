//! Arguments that several commands share: the data, the device and the model.

use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use mixtura::data::Missing;
use mixtura::device::{Precision, Tune};
use mixtura::io::{
    BadRows, Cells, Columns, Dataset, Delimiter, Header, Keep, Model, Selection, Stream, Stretch, load_model,
};
use mixtura::ranks::{Ranks, share_rows};
use mixtura::{Device, DeviceChoice, Error};

use super::Usage;
use super::interrupt;
use super::ranks::{self, agreed};
use super::tables::is_standard_output;

/// The data and the columns to use.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Samples, one a row: .npy, .npz, .parquet, .arrow or .feather, .csv, .tsv or other text, .f32 or .f64 (raw),
    /// plain or with .gz or .zst; several files, directories and patterns are one data set; - for standard input
    #[arg(value_name = "DATA", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Columns to use as features, by name or by index from 0 [default: all, or those that the model names]
    #[arg(long, value_name = "A,B,C")]
    columns: Option<String>,

    /// Whether the first row of text is the names of the columns; auto judges it by its cells and the rows below it
    #[arg(long, value_name = "WHETHER", value_parser = header_parser(), default_value = Header::Auto.name())]
    #[arg(requires = "paths")]
    header: Header,

    /// Delimiter of the cells of text: one character, tab, or blanks [default: told by the first rows]
    #[arg(long, value_name = "CHARACTER", requires = "paths")]
    delimiter: Option<Delimiter>,

    /// Use the first N rows alone
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), requires = "paths")]
    head: Option<u64>,

    /// Use this share of the rows alone, between 0 and 1, chosen at random
    #[arg(long, value_name = "FRACTION", value_parser = parse_share, requires = "paths")]
    sample: Option<f64>,

    /// Use the other rows: those that --sample with this seed leaves out
    #[arg(long, requires = "sample")]
    rest: bool,

    /// Array of an .npz archive [default: the only one]
    #[arg(long, value_name = "NAME", requires = "paths")]
    member: Option<String>,

    /// Missing values (NaN, null, empty cells of text): error; or marginalize, integrate them out, which is right where
    /// values are missing at random, given those that are there
    #[arg(long, value_name = "WAY", value_parser = missing_parser(), default_value = Missing::default().name())]
    #[arg(requires = "paths")]
    pub(crate) missing: Missing,

    /// Number of columns of .f32 and .f64 files
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u32).range(1..=1 << 20), requires = "paths")]
    dims: Option<u32>,
}

fn parse_share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "not a number between 0 and 1".to_owned())
}

impl DataArgs {
    /// Reads the data; a model's features are found by name where columns have names. The seed is for the choice of
    /// rows. Samples that take more than `memory` bytes stay on disk. Of several ranks each reads its share; `None`
    /// where that is empty.
    pub(crate) fn read_share(
        &self,
        ranks: &Ranks,
        features: &Columns,
        weights: Option<&str>,
        seed: u64,
        memory: u64,
    ) -> anyhow::Result<Option<Dataset>> {
        let (paths, selection) = (&self.paths, self.selection(features, weights, seed));
        let stretch = self.stretch(ranks, &selection)?;
        let read = || {
            let data = match &stretch {
                None => Dataset::open(paths, &selection, memory)?,
                Some(stretch) if stretch.is_empty() => return Ok(None),
                Some(stretch) => Dataset::open_stretch(paths, &selection, memory, stretch, interrupt::asked())?,
            };
            data.check_order(names(features))?;
            Ok(Some(data))
        };
        agreed(ranks, read())
    }

    /// Opens the data, to be read once.
    pub(crate) fn stream(&self, features: &Columns, keep: Keep, seed: u64) -> mixtura::Result<Stream> {
        Stream::open(&self.paths, &Selection { keep, ..self.selection(features, None, seed) })
    }

    /// Opens the share of this rank, to be read once; likewise.
    pub(crate) fn stream_share(
        &self,
        ranks: &Ranks,
        features: &Columns,
        weights: Option<&str>,
        seed: u64,
    ) -> anyhow::Result<Option<Stream>> {
        self.stream_of(ranks, features, &self.selection(features, weights, seed))
    }

    fn stream_of(&self, ranks: &Ranks, features: &Columns, selection: &Selection) -> anyhow::Result<Option<Stream>> {
        let stretch = self.stretch(ranks, selection)?;
        let open = || {
            let data = match &stretch {
                None => Stream::open(&self.paths, selection)?,
                Some(stretch) if stretch.is_empty() => return Ok(None),
                Some(stretch) => Stream::open_stretch(&self.paths, selection, stretch)?,
            };
            data.check_order(names(features))?;
            Ok(Some(data))
        };
        agreed(ranks, open())
    }

    /// The share of this rank, if there are others.
    fn stretch(&self, ranks: &Ranks, selection: &Selection) -> mixtura::Result<Option<Stretch>> {
        if ranks.size() == 1 {
            return Ok(None);
        }
        share_rows(ranks, &self.paths, selection, interrupt::asked()).map(Some)
    }

    fn selection(&self, features: &Columns, weights: Option<&str>, seed: u64) -> Selection {
        let columns = self.columns.as_ref().map_or_else(|| features.clone(), |list| Columns::Listed(list.clone()));
        Selection {
            columns,
            weights: weights.map(str::to_owned),
            header: self.header,
            delimiter: self.delimiter,
            member: self.member.clone(),
            dims: self.dims.map(|dims| dims as usize),
            head: self.head.map(|head| usize::try_from(head).unwrap_or(usize::MAX)),
            sample: self.sample,
            seed,
            rest: self.rest,
            missing: self.missing,
            ..Selection::default()
        }
    }

    /// Opens the share of this rank, to be read once, with what goes along with the samples: `along` says what.
    pub(crate) fn stream_along(
        &self,
        ranks: &Ranks,
        features: &Columns,
        seed: u64,
        along: &Along,
    ) -> anyhow::Result<Option<Stream>> {
        let Along { keep, number_rows, bad_rows, at_once } = *along;
        let selection = Selection { keep, number_rows, bad_rows, at_once, ..self.selection(features, None, seed) };
        self.stream_of(ranks, features, &selection)
    }

    /// Opens the data for their columns alone, of any type.
    pub(crate) fn stream_columns(&self, cells: Cells, seed: u64) -> mixtura::Result<Stream> {
        let selection = Selection { keep: Keep::Chosen(cells), ..self.selection(&Columns::All, None, seed) };
        Stream::open(&self.paths, &selection)
    }

    /// Whether some of the data are not there yet: those of standard input and other pipes.
    pub(crate) fn are_live(&self) -> bool {
        let is_pipe = |path: &PathBuf| path.exists() && !path.is_file() && !path.is_dir();
        self.paths.iter().any(|path| path == Path::new("-") || is_pipe(path))
    }

    /// The files that hold the data.
    pub(crate) fn files(&self) -> mixtura::Result<Vec<PathBuf>> {
        mixtura::io::files(&self.paths)
    }
}

/// Reads the model that stands before data; where one of these is the model, they were swapped.
pub(crate) fn read_model(path: &Path, data: &DataArgs) -> anyhow::Result<Model> {
    let error = match load_model(path) {
        Ok(model) => return Ok(model),
        Err(error) => error,
    };
    let is_no_model = matches!(error, Error::Malformed { .. });
    match data.paths.iter().find(|other| is_no_model && load_model(other).is_ok()) {
        Some(model) => {
            let problem = format!("{} is no model, but {} is one", path.display(), model.display());
            Err(Usage { problem, remedy: "give the model first, and then the data".into() }.into())
        }
        None => Err(error.into()),
    }
}

/// What goes along with samples, and what is done about rows that cannot be read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Along {
    pub(crate) keep: Keep,
    pub(crate) number_rows: bool,
    pub(crate) bad_rows: BadRows,
    /// Whether rows are handed on as they come.
    pub(crate) at_once: bool,
}

/// Refuses an output that is also read: the result would take the place of what it was made from.
pub(crate) fn check_output(flag: &str, out: &Path, inputs: &[PathBuf]) -> Result<(), Usage> {
    if is_standard_output(out) {
        let problem = format!("{flag} is -, and this is written to files");
        return Err(Usage { problem, remedy: "give the name of a file".into() });
    }
    // Only what exists can be destroyed.
    let Ok(target) = out.canonicalize() else { return Ok(()) };
    match inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == target)) {
        true => Err(Usage {
            problem: format!("{flag} is {}, which is also read", out.display()),
            remedy: "write to another file".into(),
        }),
        false => Ok(()),
    }
}

/// Likewise of a table, which may also go to standard output.
pub(crate) fn check_table(flag: &str, out: &Path, inputs: &[PathBuf]) -> Result<(), Usage> {
    if is_standard_output(out) { Ok(()) } else { check_output(flag, out, inputs) }
}

/// Refuses outputs that are one file: the last of them would take the place of the others.
pub(crate) fn check_distinct(outputs: &[(&str, Option<&Path>)]) -> Result<(), Usage> {
    let given: Vec<(&str, PathBuf)> =
        outputs.iter().filter_map(|(flag, path)| path.map(|path| (*flag, resolved(path)))).collect();
    for (i, (flag, path)) in given.iter().enumerate() {
        if let Some((other, _)) = given[i + 1..].iter().find(|(_, other)| other == path) {
            let problem = format!("{flag} and {other} are the same file");
            return Err(Usage { problem, remedy: "write each of them to a file of its own".into() });
        }
    }
    Ok(())
}

/// A path by which a file, new or there, is told from others.
fn resolved(path: &Path) -> PathBuf {
    let in_directory = || {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(directory.canonicalize().ok()?.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(in_directory).unwrap_or_else(|| path.to_owned())
}

/// How much memory samples may take.
#[derive(Debug, Args)]
pub(crate) struct MemoryArgs {
    /// Most memory that samples may take, such as 8GiB; more stay on disk, and are read again in every epoch [default:
    /// three quarters of what is available]
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,

    /// Most memory of a graphics adapter that samples may take; more pass through it in every epoch [default: what it
    /// has]
    #[arg(long, value_name = "SIZE")]
    gpu_memory: Option<ByteSize>,
}

impl MemoryArgs {
    /// Bytes of the host's memory for a rank.
    pub(crate) fn host(&self, ranks: &Ranks) -> u64 {
        self.memory.map_or_else(|| ranks::memory(ranks), |size| size.as_u64())
    }

    /// The device, held to its limit.
    pub(crate) fn limit(&self, device: Device) -> Device {
        match self.gpu_memory {
            Some(size) => device.with_memory(size.as_u64()),
            None => device,
        }
    }
}

/// The device.
#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    /// Device: auto (a GPU that promises to be faster than the CPU, otherwise the CPU), cpu, gpu, software, or the number
    /// or part of the name of one that `mixtura devices` lists; several share the samples: a list such as 0,1,cpu, or
    /// gpu:all
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,

    /// Arithmetic of the passes over the samples; graphics adapters compute in f32 alone [default: f64 on the CPU]
    #[arg(long, value_name = "PRECISION", value_parser = precision_parser())]
    precision: Option<Precision>,

    /// Whether a graphics adapter tries other ways to do its passes: off; auto, where long fits gain by it, and none of
    /// their bits change; or full, before the first pass, ways included that round otherwise. Choices are remembered
    #[arg(long, value_name = "MODE", value_parser = tune_parser(), default_value = Tune::default().name())]
    tune: Tune,
}

impl DeviceArgs {
    /// Opens the device.
    pub(crate) fn open(&self, ranks: &Ranks) -> mixtura::Result<Device> {
        Ok(Device::open_in(&ranks::device(ranks, &self.device), self.precision)?.with_tune(self.tune))
    }
}

/// The names of a model's features.
fn names(features: &Columns) -> &[String] {
    if let Columns::Named(names) = features { names } else { &[] }
}

fn missing_parser() -> impl TypedValueParser<Value = Missing> {
    PossibleValuesParser::new(Missing::ALL.map(Missing::name)).try_map(|name| name.parse::<Missing>())
}

/// error, skip or nan.
pub(super) fn bad_rows_parser() -> impl TypedValueParser<Value = BadRows> {
    PossibleValuesParser::new(BadRows::ALL.map(BadRows::name))
        .map(|name| BadRows::ALL.into_iter().find(|way| way.name() == name).expect("one of the possible values"))
}

fn header_parser() -> impl TypedValueParser<Value = Header> {
    PossibleValuesParser::new(Header::ALL.map(Header::name))
        .map(|name| Header::ALL.into_iter().find(|header| header.name() == name).expect("one of the possible values"))
}

/// off, auto or full.
pub(super) fn tune_parser() -> impl TypedValueParser<Value = Tune> {
    PossibleValuesParser::new(Tune::ALL.map(Tune::name)).try_map(|name| name.parse())
}

/// f32 or f64.
pub(super) fn precision_parser() -> impl TypedValueParser<Value = Precision> {
    PossibleValuesParser::new(Precision::ALL.map(Precision::name)).map(|name| {
        Precision::ALL.into_iter().find(|precision| precision.name() == name).expect("one of the possible values")
    })
}
