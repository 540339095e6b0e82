//! Integration tests of the binary: every command, every bad input, and the formats it reads and writes.
#![cfg(feature = "cli")]

mod bad_input;
mod bench;
mod broken_files;
mod coarse_to_fine;
mod commands;
mod company;
mod files;
mod fit;
mod formats;
mod going_on;
mod instructions;
mod kills;
mod long_runs;
mod missing;
#[cfg(feature = "mpi")]
mod mpi;
mod names;
mod newcomer;
mod output;
mod pictures;
mod selecting;
mod services;
mod several;
mod support;
mod terminal;
mod tools;
mod truncated;
mod ways_to_fit;
mod words;
