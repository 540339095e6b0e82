//! Results of a device are checked before they are believed: sums that cannot be are errors, and a device that was
//! chosen automatically then gives way to the CPU.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use ndarray::Array2;

use crate::data::home::Home;
use crate::data::source::Data;
use crate::data::summary::Summary;
use crate::device::assessment::{Assessment, VisitAssessed};
use crate::device::backend::sealed::Sealed;
use crate::device::backend::{Backend, KernelTime};
use crate::device::choice::{DeviceInfo, Precision};
use crate::device::cpu;
#[cfg(feature = "gpu")]
use crate::device::plausible::TOLERANCE;
use crate::device::plausible::check_finite;
use crate::device::task::{Answer, Assignment, Task, unexpected};
use crate::error::{Error, Result};
use crate::model::mixture::Mixture;
#[cfg(any(feature = "gpu", test))]
use crate::model::moments::Moments;
use crate::model::quadratics::Quadratics;

/// Why a device that was chosen automatically is used no more; shared by all who have it.
pub(crate) type Distrust = Arc<OnceLock<String>>;

/// Puts samples on a device.
pub(crate) type Load<'l> = dyn for<'b> Fn(&'b dyn Data) -> Result<Box<dyn Backend + 'b>> + Send + 'l;

/// A backend whose results are checked.
pub(crate) struct Checked<'d> {
    backend: Box<dyn Backend + 'd>,
    data: Arc<dyn Data + 'd>,
    /// Puts batches of the samples on the same device.
    load: Box<Load<'d>>,
    /// The means by which the CPU takes over.
    distrust: Option<Distrust>,
}

impl<'d> Checked<'d> {
    /// Checks what a backend returns; `distrust` lets the CPU take over.
    pub(crate) fn new(
        backend: Box<dyn Backend + 'd>,
        data: Arc<dyn Data + 'd>,
        load: Box<Load<'d>>,
        distrust: Option<Distrust>,
    ) -> Self {
        Checked { backend, data, load, distrust }
    }

    /// A pass, and the check of what it returned; done again by the CPU if the device fails and may be replaced.
    fn pass<T>(
        &mut self,
        mut pass: impl FnMut(&mut dyn Backend) -> Result<T>,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> Result<T> {
        let mut checked = |backend: &mut dyn Backend| {
            let result = pass(backend)?;
            let device = || backend.info().name.clone();
            check(&result).map_err(|detail| Error::WrongResults { device: device(), detail })?;
            Ok(result)
        };
        match checked(&mut *self.backend) {
            Err(error @ Error::WrongResults { .. }) => {
                self.replace(error)?;
                checked(&mut *self.backend)
            }
            result => result,
        }
    }

    /// Lets the CPU take over from a device that failed.
    ///
    /// # Errors
    /// The error that is given, where it may not.
    fn replace(&mut self, error: Error) -> Result<()> {
        let Some(distrust) = self.distrust.take() else { return Err(error) };
        let problem = error.problem();
        distrust.get_or_init(|| format!("{problem}; the CPU computes in its place"));
        self.backend = cpu::load(self.data.clone(), Precision::Double)?;
        Ok(())
    }
}

impl Sealed for Checked<'_> {}

impl Backend for Checked<'_> {
    fn info(&self) -> &DeviceInfo {
        self.backend.info()
    }

    fn summary(&self) -> &Summary {
        self.backend.summary()
    }

    fn home(&self) -> Home {
        self.backend.home()
    }

    fn moves_samples(&self) -> bool {
        self.backend.moves_samples()
    }

    fn truncates(&self) -> bool {
        self.backend.truncates()
    }

    fn run(&mut self, tasks: &[Task]) -> Result<Vec<Answer>> {
        let of_backend: Vec<Task> = tasks.iter().filter(|task| !matches!(task, Task::Steps(_))).cloned().collect();
        let mut answers = match of_backend.is_empty() {
            true => Vec::new(),
            false => {
                self.pass(|backend| backend.run(&of_backend), |answers| answers.iter().try_for_each(check_answer))?
            }
        }
        .into_iter();
        let answer = |task: &Task| match task {
            Task::Steps(steps) => {
                let moments =
                    |batch: &dyn Data, mixture: &Mixture| (self.load)(batch)?.moments(mixture, Assignment::Soft);
                Ok(Answer::Steps(Box::new(steps.pass(&*self.data, &moments)?)))
            }
            _ => answers.next().ok_or_else(unexpected),
        };
        tasks.iter().map(answer).collect()
    }

    fn rest(&mut self) {
        self.backend.rest();
    }

    fn assess(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Assessment> {
        self.pass(
            |backend| backend.assess(model, rows.clone()),
            |assessment| check_assessment(assessment, model.n_components()),
        )
    }

    fn assess_each(&mut self, model: &Quadratics, visit: &mut VisitAssessed) -> Result<()> {
        let mut visited = false;
        let mut pass = |backend: &mut dyn Backend| {
            let device = backend.info().name.clone();
            backend.assess_each(model, &mut |first, points, assessment| {
                check_assessment(assessment, model.n_components())
                    .map_err(|detail| Error::WrongResults { device: device.clone(), detail })?;
                visited = true;
                visit(first, points, assessment)
            })
        };
        match pass(&mut *self.backend) {
            // What was visited cannot be taken back.
            Err(error @ Error::WrongResults { .. }) if !visited => {
                self.replace(error)?;
                self.assess_each(model, visit)
            }
            result => result,
        }
    }

    fn responsibilities(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Array2<f64>> {
        self.pass(
            |backend| backend.responsibilities(model, rows.clone()),
            |responsibilities| check_finite("a responsibility", responsibilities),
        )
    }

    fn kernel_times(&mut self, mixture: &Mixture) -> Result<Vec<KernelTime>> {
        self.backend.kernel_times(mixture)
    }

    fn tune(&mut self, mixture: &Mixture) -> Result<()> {
        self.pass(|backend| backend.tune(mixture), |()| Ok(()))
    }
}

/// Sums must be those of all samples, and numbers.
fn check_answer(answer: &Answer) -> Result<(), String> {
    match answer {
        Answer::Sums(sums) => sums.check(),
        Answer::Truncated(truncated) => truncated.sums.check(),
        Answer::Samples(_) | Answer::Worst(_) | Answer::Steps(_) => Ok(()),
    }
}

/// Log-densities must be numbers, and labels those of components.
fn check_assessment(assessment: &Assessment, k: usize) -> Result<(), String> {
    check_finite("a log-density", &assessment.log_densities)?;
    match assessment.labels.iter().find(|label| **label >= k) {
        None => Ok(()),
        Some(label) => Err(format!("a label is {label}, and there are {k} components")),
    }
}

/// The sums that differ most from those expected, in words, if that is more than [`TOLERANCE`].
#[cfg(feature = "gpu")]
pub(crate) fn difference(found: &Moments, expected: &Moments) -> Option<String> {
    let (difference, what) = worst(found, expected);
    (difference > TOLERANCE || difference.is_nan())
        .then(|| format!("{what} is off by {difference:.1e} of what it should be"))
}

/// The greatest difference, as a share of what could be expected of well-scaled features, and of what.
#[cfg(feature = "gpu")]
pub(crate) fn worst(found: &Moments, expected: &Moments) -> (f64, &'static str) {
    let n = expected.total_weight;
    // As many samples as a component has on average: the sums of one with few need not have as many digits.
    let share = n / expected.counts.len() as f64;
    let greatest = |found: &[f64], expected: &[f64], least: f64| {
        found.iter().zip(expected).map(|(a, b)| (a - b).abs() / (b.abs() + least)).fold(0.0, or_nan)
    };
    let slice = |array: &Array2<f64>| array.iter().copied().collect::<Vec<_>>();
    [
        (greatest(&[found.log_likelihood], &[expected.log_likelihood], n), "the log-likelihood"),
        (greatest(&found.counts.to_vec(), &expected.counts.to_vec(), share), "a count"),
        (greatest(&slice(&found.first), &slice(&expected.first), share), "a first moment"),
        (greatest(found.second.values(), expected.second.values(), share), "a second moment"),
    ]
    .into_iter()
    .fold((0.0, ""), |a, b| if b.0 > a.0 || b.0.is_nan() { b } else { a })
}

/// The greater, or what is not a number.
#[cfg(feature = "gpu")]
fn or_nan(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::data::points::Points;
    use crate::device::cpu::CpuBackend;
    use crate::device::sums::Sums;
    use crate::device::task::SumsTask;
    use crate::model::covariance::CovarianceArray;
    use crate::model::statistics::Statistics;

    /// A device that computes, and then spoils what it found.
    struct Liar<'d> {
        honest: CpuBackend<'d, f64>,
        info: DeviceInfo,
        spoil: fn(&mut Moments),
    }

    impl<'d> Liar<'d> {
        fn checked(data: &'d dyn Data, spoil: fn(&mut Moments), distrust: Option<Distrust>) -> Checked<'d> {
            let info = DeviceInfo { name: "Liar".to_owned(), ..cpu::info(Precision::Double) };
            let liar = Box::new(Liar { honest: CpuBackend::new(data), info, spoil });
            Checked::new(
                liar,
                Arc::new(data),
                Box::new(|batch| cpu::load(Arc::new(batch), Precision::Double)),
                distrust,
            )
        }

        /// The moments of a task, spoiled.
        fn moments_of(&mut self, task: &SumsTask) -> Result<Moments> {
            let statistics = task.statistics.unwrap_or(Statistics::Diagonals);
            let mut moments = self.honest.moments_under(&task.quadratics, task.assignment, statistics.family())?;
            (self.spoil)(&mut moments);
            Ok(moments)
        }

        /// Zero, or no number.
        fn spoiled(&mut self, model: &Quadratics) -> Result<f64> {
            let task = SumsTask::log_likelihood(&Arc::new(model.clone()));
            Ok(self.moments_of(&task)?.log_likelihood * 0.0)
        }
    }

    impl Sealed for Liar<'_> {}

    impl Backend for Liar<'_> {
        fn info(&self) -> &DeviceInfo {
            &self.info
        }

        fn summary(&self) -> &Summary {
            self.honest.summary()
        }

        fn home(&self) -> Home {
            self.honest.home()
        }

        fn run(&mut self, tasks: &[Task]) -> Result<Vec<Answer>> {
            let answer = |task: &Task| match task {
                Task::Sums(task) => {
                    let moments = self.moments_of(task)?;
                    Ok(Answer::Sums(Sums::of_moments(self.honest.summary(), moments, 0.0)))
                }
                _ => Err(unexpected()),
            };
            tasks.iter().map(answer).collect()
        }

        fn assess(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Assessment> {
            let spoiled = self.spoiled(model)?;
            let mut assessment = self.honest.assess(model, rows)?;
            assessment.log_densities += spoiled;
            Ok(assessment)
        }

        fn assess_each(&mut self, model: &Quadratics, visit: &mut VisitAssessed) -> Result<()> {
            let spoiled = self.spoiled(model)?;
            self.honest.assess_each(model, &mut |first, points, assessment| {
                let mut assessment = assessment.clone();
                assessment.log_densities += spoiled;
                visit(first, points, &assessment)
            })
        }

        fn responsibilities(&mut self, model: &Quadratics, rows: Range<usize>) -> Result<Array2<f64>> {
            let spoiled = self.spoiled(model)?;
            Ok(self.honest.responsibilities(model, rows)? + spoiled)
        }
    }

    fn zero(moments: &mut Moments) {
        *moments = Moments { total_weight: moments.total_weight, ..moments.clone().scaled(0.0) };
    }

    fn one_percent_off(moments: &mut Moments) {
        *moments = Moments { total_weight: moments.total_weight, ..moments.clone().scaled(0.99) };
    }

    fn without_a_number(moments: &mut Moments) {
        moments.log_likelihood = f64::NAN;
    }

    /// How to spoil sums, and what is said of them.
    type Lie = (fn(&mut Moments), &'static str);

    const LIES: [Lie; 3] = [
        (zero, "the counts of the components sum to 0.0000 of the total weight 3.0"),
        (one_percent_off, "the counts of the components sum to 0.9900 of the total weight 3.0"),
        (without_a_number, "the log-likelihood is NaN"),
    ];

    fn samples() -> (Points<'static>, Mixture) {
        let mixture = Mixture::new(array![1.0], array![[1.0]], CovarianceArray::Spherical(array![1.0])).unwrap();
        (Points::new(array![[0.0], [1.0], [3.0]]).unwrap(), mixture)
    }

    #[test]
    fn sums_that_cannot_be_are_an_error_of_two_lines_that_names_device_and_sums() {
        let (points, mixture) = samples();
        for (lie, said) in LIES {
            let mut checked = Liar::checked(&points, lie, None);
            let error = checked.moments(&mixture, Assignment::Soft).unwrap_err().to_string();
            assert!(error.starts_with(&format!("Liar: wrong results: {said}\n")), "{error}");
            assert!(error.ends_with("or Device::cpu()") && error.lines().count() == 2, "{error}");
        }
    }

    #[test]
    fn what_is_no_number_is_an_error_in_every_pass() {
        let (points, mixture) = samples();
        let mut checked = Liar::checked(&points, without_a_number, None);
        let errors = [
            checked.log_likelihood(mixture.quadratics()).unwrap_err(),
            checked.assess(mixture.quadratics(), 0..3).unwrap_err(),
            checked.assess_each(mixture.quadratics(), &mut |_, _, _| Ok(())).unwrap_err(),
            checked.responsibilities(mixture.quadratics(), 0..3).unwrap_err(),
        ];
        assert!(errors.iter().all(|error| matches!(error, Error::WrongResults { .. })), "{errors:?}");
    }

    #[test]
    fn a_device_that_was_chosen_automatically_gives_way_to_the_cpu() {
        let (points, mixture) = samples();
        let expected = CpuBackend::new(&points).moments(&mixture, Assignment::Soft).unwrap();
        for (lie, said) in LIES {
            let distrust = Distrust::default();
            let mut checked = Liar::checked(&points, lie, Some(distrust.clone()));
            assert_eq!(checked.moments(&mixture, Assignment::Soft).unwrap(), expected);
            assert_eq!(checked.info(), &cpu::info(Precision::Double));
            let why = distrust.get().unwrap();
            assert!(why.starts_with("Liar: ") && why.contains(said) && why.lines().count() == 1, "{why}");
        }
    }

    #[test]
    fn each_sample_is_visited_once_whoever_computes() {
        let (points, mixture) = samples();
        let mut checked = Liar::checked(&points, without_a_number, Some(Distrust::default()));
        let mut visited = Vec::new();
        let visit = &mut |first: usize, points: &Points, _: &Assessment| {
            visited.extend(first..first + points.n_samples());
            Ok(())
        };
        checked.assess_each(mixture.quadratics(), visit).unwrap();
        assert_eq!(visited, [0, 1, 2]);
    }

    #[cfg(feature = "gpu")]
    #[test]
    fn a_trial_finds_what_is_off_by_one_percent() {
        let (points, mixture) = samples();
        let expected = CpuBackend::new(&points).moments(&mixture, Assignment::Soft).unwrap();
        assert_eq!(difference(&expected, &expected), None);
        let spoiled = |spoil: fn(&mut Moments)| {
            let mut moments = expected.clone();
            spoil(&mut moments);
            difference(&moments, &expected)
        };
        assert!(spoiled(zero).is_some() && spoiled(without_a_number).is_some());
        assert!(spoiled(|moments| moments.counts *= 1.01).unwrap().starts_with("a count"));
        assert!(spoiled(|moments| moments.first *= 1.01).unwrap().starts_with("a first moment"));
        let second = |moments: &mut Moments| moments.second.values_mut().iter_mut().for_each(|x| *x *= 1.01);
        assert!(spoiled(second).unwrap().starts_with("a second moment"));
    }
}
