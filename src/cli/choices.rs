//! Values that arguments may have, by the names that the library has for them.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use mixtura::device::Prune;
use mixtura::fit::Start;
use mixtura::select::Criterion;
use mixtura::{CovarianceType, Init};

use super::counts::Counts;

/// A number of components.
pub(crate) fn one_number(text: &str) -> Result<usize, String> {
    let is_several = Counts::parse(text).is_ok_and(|counts| counts.0.len() > 1);
    text.parse().map_err(|_| match is_several {
        true => format!("K is one number; to compare several: mixtura select DATA -k {text}"),
        false => "K is a whole number, 1 or more".to_owned(),
    })
}

pub(crate) fn covariance_parser() -> impl TypedValueParser<Value = CovarianceType> {
    PossibleValuesParser::new(CovarianceType::ALL.map(CovarianceType::name))
        .try_map(|name| name.parse::<CovarianceType>())
}

pub(crate) fn prune_parser() -> impl TypedValueParser<Value = Prune> {
    PossibleValuesParser::new(Prune::ALL.map(Prune::name)).try_map(|name| name.parse::<Prune>())
}

pub(crate) fn init_parser() -> impl TypedValueParser<Value = Init> {
    let names = [Init::KMeans, Init::KMeansPlusPlus, Init::Random, Init::RandomFromData].map(Init::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Init>())
}

pub(crate) fn start_parser() -> impl TypedValueParser<Value = Start> {
    PossibleValuesParser::new(Start::ALL.map(Start::name)).try_map(|name| name.parse::<Start>())
}

pub(crate) fn criterion_parser() -> impl TypedValueParser<Value = Criterion> {
    PossibleValuesParser::new(Criterion::ALL.map(Criterion::name)).try_map(|name| name.parse::<Criterion>())
}
