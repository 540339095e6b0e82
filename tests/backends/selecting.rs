//! The choice of a model: candidates in one job are the fits that they are alone.

use mixtura::select::{Criterion, Outcome, SelectOptions, Selecting, Selection, select};
use mixtura::{CovarianceType, Device, Error, FitOptions, Points, fit};
use ndarray::{Array2, array};

use crate::common::compare::points;
use crate::common::data::{Blobs, iris, old_faithful};
use crate::common::devices::devices;

/// The choice among all families, where each fit has some restarts.
fn chosen(
    samples: &Array2<f64>,
    device: &Device,
    components: std::ops::RangeInclusive<usize>,
    exhaustive: bool,
) -> Selection {
    let fit = FitOptions { n_init: 3, max_iter: 300, ..FitOptions::new(1) };
    let options = SelectOptions { fit, exhaustive, ..SelectOptions::new(components) };
    select(&points(samples, None), device, &options).unwrap()
}

#[test]
fn candidates_are_the_fits_that_they_are_alone_to_the_bit() {
    let samples = Blobs::new(700, 2, 3).make().samples;
    let points = points(&samples, None);
    for subject in devices() {
        let options = SelectOptions { exhaustive: true, ..SelectOptions::new([3, 1, 2, 3]) };
        let selection = select(&points, &subject.device, &options).unwrap();
        assert_eq!(selection.candidates.len(), 12, "{}: every candidate once", subject.name);
        for (i, candidate) in selection.candidates.iter().enumerate() {
            let (k, family) = (candidate.n_components, candidate.covariance_type);
            assert_eq!((k, family), (i % 3 + 1, CovarianceType::ALL[i / 3]));
            let alone = fit(&points, &subject.device, &options.fit_of(k, family)).unwrap();
            let found = &candidate.scored().unwrap().fit;
            let what = format!("{}, {k} {family}", subject.name);
            assert_eq!(found.mixture, alone.mixture, "{what}");
            assert_eq!(found.lower_bounds, alone.lower_bounds, "{what}");
            assert_eq!((found.bic(), found.aic()), (alone.bic(), alone.aic()), "{what}");
        }
    }
}

#[test]
fn entropies_are_those_of_the_responsibilities() {
    let blobs = Blobs::new(600, 3, 4).make();
    let weights: Vec<f64> = (0..600).map(|n| [1.0, 0.25, 2.0][n % 3]).collect();
    let points = points(&blobs.samples, Some(&weights));
    for subject in devices() {
        let selection = select(&points, &subject.device, &SelectOptions::new([1, 4, 6])).unwrap();
        for candidate in &selection.candidates {
            let scored = candidate.scored().unwrap();
            let r = Device::cpu().predict_proba(&scored.fit.mixture, &points).unwrap();
            let of_row =
                |row: ndarray::ArrayView1<f64>| row.iter().filter(|r| **r > 0.0).map(|r| -r * r.ln()).sum::<f64>();
            let of_label = |row: ndarray::ArrayView1<f64>| -row.iter().copied().fold(0.0, f64::max).ln();
            let sum = |of: &dyn Fn(ndarray::ArrayView1<f64>) -> f64| -> f64 {
                r.outer_iter().zip(&weights).map(|(row, weight)| weight * of(row)).sum()
            };
            let (entropy, of_labels) = (sum(&of_row), sum(&of_label));
            let what = format!("{}, {} {}", subject.name, candidate.n_components, candidate.covariance_type);
            let most = if subject.is_double() { 1e-9 } else { 1e-5 } * points.summary().total_weight();
            assert!((scored.entropy - entropy).abs() <= most, "{what}: {}, and not {entropy}", scored.entropy);
            assert!((scored.label_entropy - of_labels).abs() <= most, "{what}: {} {of_labels}", scored.label_entropy);
            assert!(scored.label_entropy <= scored.entropy + most, "{what}");
            let counts =
                (&r * &ndarray::Array2::from_shape_fn(r.dim(), |(n, _)| weights[n])).sum_axis(ndarray::Axis(0));
            let smallest = counts.iter().copied().fold(f64::INFINITY, f64::min) * 600.0 / weights.iter().sum::<f64>();
            assert!((scored.smallest_component - smallest).abs() <= 600.0 * most, "{what}");
            let icl = candidate.score(Criterion::Icl).unwrap();
            assert!((icl - scored.fit.bic() - 2.0 * scored.entropy).abs() < 1e-9, "{what}");
        }
    }
}

#[test]
fn mclusts_choices_are_made_where_it_has_the_same_families() {
    // mclust 6: of EII, VII, VVI, EEE and VVV, EEE with 3 components for Old Faithful, and VVV with 2 for iris.
    for (samples, family, k) in [(old_faithful(), CovarianceType::Tied, 3), (iris(), CovarianceType::Full, 2)] {
        for exhaustive in [true, false] {
            let selection = chosen(&samples, &Device::cpu(), 1..=9, exhaustive);
            let best = &selection.candidates[selection.best_index().unwrap()];
            assert_eq!((best.n_components, best.covariance_type), (k, family), "exhaustive: {exhaustive}");
        }
    }
}

#[test]
fn a_restart_that_collapsed_onto_the_floor_wins_only_where_all_did() {
    let flowers = iris();
    let points = points(&flowers, None);
    // Of twenty restarts some end at a component of a few flowers, the likelihood of which has no bound but the floor.
    let options = FitOptions { n_init: 20, tol: 1e-6, max_iter: 1000, ..FitOptions::new(4) };
    let few = fit(&points, &Device::cpu(), &FitOptions { n_init: 1, ..options.clone() }).unwrap();
    let many = fit(&points, &Device::cpu(), &options).unwrap();
    let choice = SelectOptions {
        exhaustive: true,
        families: vec![CovarianceType::Full],
        fit: options,
        ..SelectOptions::new([4])
    };
    let chosen = select(&points, &Device::cpu(), &choice).unwrap();
    let best = chosen.best().unwrap();
    assert!(!best.is_held_by_floor(), "{}", best.floor_share);
    assert_eq!(best.fit.mixture, many.mixture);
    // mclust's is 611.16.
    assert!(many.bic() <= few.bic() + 1e-3 && many.bic() > 600.0, "{} of one, {} of many", few.bic(), many.bic());
}

#[test]
fn the_path_of_merged_models_finds_what_all_candidates_in_full_find() {
    for (i, (n, d, k)) in [(900, 2, 3), (1_500, 3, 6), (2_000, 4, 4), (1_200, 2, 8)].into_iter().enumerate() {
        let samples = Blobs::new(n, d, k).make().samples;
        let device = &devices()[i % devices().len()].device;
        let [full, path] = [true, false].map(|exhaustive| chosen(&samples, device, 1..=10, exhaustive));
        let what = format!("{n} x {d}, {k} clusters");
        let kind = |selection: &Selection| {
            let best = &selection.candidates[selection.best_index().unwrap()];
            (best.n_components, best.covariance_type, best.score(Criterion::Bic).unwrap())
        };
        let ((k1, family1, bic1), (k2, family2, bic2)) = (kind(&full), kind(&path));
        assert_eq!((k1, family1), (k2, family2), "{what}: {bic1} in full, {bic2} on the path");
        assert!(bic2 <= bic1 + f64::max(2.0, 2e-4 * n as f64), "{what}: {bic1} in full, {bic2} on the path");
        // Some began at merged models, and the three best were fitted from initialisations as well.
        assert!(path.candidates.iter().any(|candidate| candidate.is_merged));
        assert!(full.candidates.iter().all(|candidate| !candidate.is_merged));
    }
}

#[test]
fn of_many_samples_a_part_tells_which_candidates_are_fitted_to_all() {
    let samples = Blobs::new(204_800, 2, 3).make().samples;
    let points = points(&samples, None);
    let options = SelectOptions::new(1..=5);
    let path = select(&points, &Device::cpu(), &options).unwrap();
    let full = select(&points, &Device::cpu(), &SelectOptions { exhaustive: true, ..options }).unwrap();
    assert!(full.candidates.iter().all(|candidate| candidate.share == 1));
    let best = path.best_index().unwrap();
    assert_eq!((path.candidates[best].share, Some(best)), (1, full.best_index()));
    // The three best by what was estimated, and those beside the best.
    let on_all: Vec<usize> = (0..20).filter(|place| path.candidates[*place].share == 1).collect();
    assert!((3..=8).contains(&on_all.len()), "{on_all:?}");
    for place in [best.wrapping_sub(1), best + 1] {
        let is_beside = full
            .candidates
            .get(place)
            .is_some_and(|candidate| candidate.covariance_type == full.candidates[best].covariance_type);
        assert!(!is_beside || on_all.contains(&place), "{place} beside {best}: {on_all:?}");
    }
    for (found, alone) in path.candidates.iter().zip(&full.candidates) {
        assert!([1, 4].contains(&found.share));
        let (estimate, bic) = [found, alone].map(|c| c.score(Criterion::Bic).unwrap()).into();
        // A quarter of the samples tells a mean log-likelihood to a hundredth of a nat; a worse maximum may be another.
        let what = format!("{} {}", found.n_components, found.covariance_type);
        assert!((estimate - bic).abs() <= 0.02 * bic.abs(), "{what}: {estimate}, and {bic} of all samples");
        let weight = found.scored().unwrap().fit.total_weight;
        assert_eq!(weight, 204_800.0, "{what}");
    }
}

#[test]
fn a_candidate_that_fails_is_a_row_with_its_reason() {
    // Three places only, and fewer samples than some candidates have components.
    let samples = array![[0.0, 1.0], [0.0, 1.0], [4.0, 1.0], [4.0, 1.0], [9.0, 1.0], [9.0, 1.0]];
    let points = Points::new(&samples).unwrap();
    for subject in devices() {
        let selection = select(&points, &subject.device, &SelectOptions::new(1..=8)).unwrap();
        assert_eq!(selection.candidates.len(), 32);
        for candidate in &selection.candidates {
            match &candidate.outcome {
                Outcome::Failed(Error::TooFewSamples { n_samples: 6, n_components }) => {
                    assert_eq!(*n_components, candidate.n_components);
                    assert!(candidate.n_components > 6 && candidate.score(Criterion::Bic).is_none());
                }
                Outcome::Fitted(_) => assert!(candidate.n_components <= 6),
                other => panic!("{}: {other:?}", subject.name),
            }
        }
        let best = selection.best().expect("some have a model");
        assert!(best.fit.bic().is_finite());
        // Among none there is no best.
        let none = select(&points, &subject.device, &SelectOptions::new([7, 8])).unwrap();
        assert!(none.best().is_none() && none.candidates.len() == 8);
    }
}

#[test]
fn what_cannot_be_chosen_among_is_refused() {
    let points = Points::new(array![[0.0], [1.0]]).unwrap();
    let refused = |options: &SelectOptions| {
        let error = select(&points, &Device::cpu(), options).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
    };
    refused(&SelectOptions::new([]));
    refused(&SelectOptions::new([0]));
    refused(&SelectOptions { folds: Some(1), ..SelectOptions::new([1]) });
    refused(&SelectOptions { criterion: Criterion::HeldOut, ..SelectOptions::new([1]) });
    refused(&SelectOptions { families: Vec::new(), ..SelectOptions::new([1]) });
    let weights_init = Some(array![1.0]);
    refused(&SelectOptions { fit: FitOptions { weights_init, ..FitOptions::new(1) }, ..SelectOptions::new([1]) });
}

#[test]
fn a_choice_that_stopped_anywhere_ends_as_if_it_had_not() {
    let samples = Blobs::new(500, 2, 3).make().samples;
    let points = points(&samples, None);
    let device = Device::cpu();
    let fit = FitOptions { max_iter: 30, ..FitOptions::new(1) };
    let criterion = Criterion::HeldOut;
    let options = SelectOptions { criterion, folds: Some(2), fit, ..SelectOptions::new(1..=4) };
    let facts = |selection: &Selection| {
        let facts = selection.candidates.iter().map(|candidate| {
            let fit = &candidate.scored().unwrap().fit;
            (fit.mixture.clone(), candidate.score(criterion), candidate.stability, candidate.is_merged)
        });
        (selection.best_index(), facts.collect::<Vec<_>>())
    };
    let mut whole = Selecting::new(&points, &device, &options).unwrap();
    while whole.pass().unwrap().is_some() {}
    let (trials, epochs) = (whole.trials().to_vec(), whole.n_epochs());
    let expected = facts(&whole.finish());
    for kept in [0, 1, 7, trials.len() / 2, trials.len() - 1, trials.len()] {
        let mut resumed = Selecting::resume(&points, &device, &options, trials[..kept].to_vec()).unwrap();
        while resumed.pass().unwrap().is_some() {}
        assert_eq!(resumed.trials().len(), trials.len(), "{kept}");
        // What is known is not done again.
        assert_eq!(resumed.n_epochs() < epochs, kept > 0, "{kept}");
        assert_eq!(resumed.n_epochs() == 0, kept == trials.len(), "{kept}");
        assert_eq!(facts(&resumed.finish()), expected, "{kept}");
    }
    // One that was made better than it is would be chosen.
    let mut spoiled = trials.clone();
    spoiled[2].scored.fit.log_likelihood += 25.0;
    let mut resumed = Selecting::resume(&points, &device, &options, spoiled).unwrap();
    let error = loop {
        match resumed.pass() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a trial that was changed is believed"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("are said to have a log-likelihood of") && error.contains("begin anew"), "{error}");
    // Trials of another choice are of use where they are the same fits, and left aside where not.
    let other =
        SelectOptions { folds: None, criterion: Criterion::Bic, ..SelectOptions { components: vec![2, 4], ..options } };
    let fresh = select(&points, &device, &other).unwrap();
    let mut resumed = Selecting::resume(&points, &device, &other, trials).unwrap();
    while resumed.pass().unwrap().is_some() {}
    let models = |selection: &Selection| -> Vec<_> {
        selection.candidates.iter().map(|candidate| candidate.scored().unwrap().fit.mixture.clone()).collect()
    };
    assert_eq!(models(&resumed.finish()), models(&fresh));
}

#[test]
fn folds_are_the_same_on_every_device_and_wherever_the_samples_are() {
    let samples = Blobs::new(900, 3, 3).make().samples;
    let points = points(&samples, None);
    let options = SelectOptions { folds: Some(3), exhaustive: true, ..SelectOptions::new([1, 3]) };
    let expected = select(&points, &Device::cpu(), &options).unwrap();
    for subject in devices() {
        let found = select(&points, &subject.device, &options).unwrap();
        for (found, expected) in found.candidates.iter().zip(&expected.candidates) {
            let what = format!("{}, {} {}", subject.name, found.n_components, found.covariance_type);
            let [found, expected] = [found, expected].map(|candidate| candidate.held_out.unwrap());
            // Fits in single precision may stop an epoch sooner or later.
            let most = if subject.is_double() { 1e-9 } else { 1e-3 } * expected.abs();
            assert!((found - expected).abs() <= most, "{what}: {found}, and not {expected}");
        }
    }
}
