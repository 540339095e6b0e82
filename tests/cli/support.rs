//! A directory to run the binary in, and .npy files made and taken apart byte by byte, so that nothing here shares an
//! error with the library.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A model of two components with unit variances around (0, 0) and (10, 10), features a and b.
pub(crate) const MODEL: &str = r#"{"format":"mixtura-model","version":1,"covariance_type":"diag","n_components":2,
    "n_features":2,"feature_names":["a","b"],"weights":[0.25,0.75],"means":[[0,0],[10,10]],
    "covariances":[[1,1],[1,1]]}"#;

/// What a run of the binary left.
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }

    /// The lines on standard output.
    pub(crate) fn lines(&self) -> Vec<&str> {
        assert_eq!(self.status, 0, "{}", self.stderr);
        self.stdout.lines().collect()
    }
}

/// A directory of its own for each test.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Names of all files, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The binary with arguments separated by blanks.
    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mixtura"));
        command.current_dir(self.0.path()).args(args.split_whitespace());
        command
    }

    pub(crate) fn run(&self, args: &str) -> Outcome {
        self.run_with_input(args, b"")
    }

    /// A run with an argument, the last one, that may hold blanks.
    pub(crate) fn run_with(&self, args: &str, last: &str) -> Outcome {
        let mut command = self.command(args);
        command.arg(last);
        Self::outcome(command, b"")
    }

    pub(crate) fn run_with_input(&self, args: &str, input: &[u8]) -> Outcome {
        Self::outcome(self.command(args), input)
    }

    fn outcome(mut command: Command, input: &[u8]) -> Outcome {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Who refuses the arguments does not read the input.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Outcome {
            status: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A file that another program wrote: see tables/make.py.
pub(crate) fn table(name: &str) -> String {
    format!("{}/tests/cli/tables/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The example data of the repository.
pub(crate) fn faithful() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join("faithful.csv").display().to_string()
}

/// The bytes of a .npy file, version 1.0.
pub(crate) fn npy(descr: &str, fortran: bool, shape: &str, payload: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let descr = if descr.starts_with('[') { descr.to_owned() } else { format!("'{descr}'") };
    let mut header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend(payload);
    file
}

/// A .npy file of f64 in C order.
pub(crate) fn npy_f64(shape: &str, values: &[f64]) -> Vec<u8> {
    npy("<f8", false, shape, &values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

/// Header, without its blanks, and 8-byte values of a .npy file, version 1.0.
pub(crate) fn take_apart(file: &[u8]) -> (String, Vec<[u8; 8]>) {
    assert_eq!(&file[..8], b"\x93NUMPY\x01\x00");
    let end = 10 + u16::from_le_bytes([file[8], file[9]]) as usize;
    let header = String::from_utf8(file[10..end].to_vec()).unwrap().replace(' ', "");
    let values = file[end..].chunks(8).map(|bytes| bytes.try_into().unwrap()).collect();
    (header, values)
}
