//! What tuning chose for models of each shape, in this run or, as files remember it, in an earlier one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{self, Display};
use std::sync::{Mutex, PoisonError};

use super::change::Change;
use super::e_step::Layout;
use super::kept::Kept;
use super::kernel::GROUP;
use crate::device::tune::Tune;

/// The kind of what is kept.
const KIND: &str = "tuned";

/// What a choice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// The layout without changes.
    pub(super) layout: Layout,
    /// Groups of samples, at least: a power of two, and no more than fill every adapter.
    groups: usize,
}

/// Groups of samples that fill every adapter.
const MOST_GROUPS: usize = 1 << 12;

impl Shape {
    pub(super) fn new(layout: Layout, groups: usize) -> Self {
        Shape { layout, groups: 1 << groups.clamp(1, MOST_GROUPS).ilog2() }
    }
}

/// What tuning chose for models of one shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) changes: Vec<Change>,
    /// How many times as fast as without them.
    pub(super) gain: f64,
    /// Whether an earlier run found it.
    pub(super) is_remembered: bool,
}

/// The choices for one adapter.
#[derive(Debug)]
pub(super) struct Tuner {
    pub(super) tune: Tune,
    kept: Kept,
    choices: Mutex<HashMap<Shape, Choice>>,
}

impl Tuner {
    pub(super) fn new(tune: Tune, kept: Kept) -> Self {
        Tuner { tune, kept, choices: Mutex::default() }
    }

    /// The choice for a shape, if there is one already.
    pub(super) fn choice(&self, shape: &Shape) -> Option<Choice> {
        if self.tune == Tune::Off {
            return None;
        }
        let mut choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(choice) = choices.get(shape) {
            return Some(choice.clone());
        }
        let choice = read(&self.kept.read(KIND, &self.key(shape))?, &Change::all(&shape.layout, self.tune))?;
        choices.insert(*shape, choice.clone());
        Some(choice)
    }

    /// Whether nothing is left to find out about a shape.
    pub(super) fn is_settled(&self, shape: &Shape) -> bool {
        self.tune == Tune::Off || self.choice(shape).is_some()
    }

    /// Takes a choice, unless there is one by now: no fit may see another one than it began with.
    pub(super) fn choose(&self, shape: &Shape, choice: Choice) {
        let mut choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Vacant(place) = choices.entry(*shape) {
            self.kept.write(KIND, &self.key(shape), &text(&choice));
            place.insert(choice);
        }
    }

    /// The layout of a shape, as it was chosen.
    pub(super) fn tuned(&self, shape: &Shape) -> Layout {
        self.choice(shape).map_or(shape.layout, |choice| Change::all_of(&choice.changes, &shape.layout))
    }

    /// The choices of this run, of shapes in the order of their sizes.
    fn choices(&self) -> Vec<(Shape, Choice)> {
        let choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        let mut choices: Vec<_> = choices.iter().map(|(shape, choice)| (*shape, choice.clone())).collect();
        choices.sort_by_key(|(shape, _)| {
            (shape.layout.d, shape.layout.k, shape.layout.sums.statistics.family().name(), shape.groups)
        });
        choices
    }

    /// The choices of this run: of each its shape, and what was chosen.
    pub(super) fn names(&self) -> Vec<(String, String)> {
        self.choices().iter().map(|(shape, choice)| (shape.to_string(), choice.to_string())).collect()
    }

    /// The same in words, with what they gain.
    pub(super) fn words(&self) -> Vec<String> {
        self.choices().iter().map(|(shape, choice)| words(shape, choice)).collect()
    }

    fn key<'s>(&self, shape: &'s Shape) -> (&'static str, &'s Shape) {
        (self.tune.name(), shape)
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Layout { d, k, sums, .. } = self.layout;
        write!(f, "{} covariance, D = {d}, K = {k}, N >= {}", sums.statistics.family().name(), self.groups * GROUP)
    }
}

impl Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let changes: Vec<String> = self.changes.iter().map(Change::to_string).collect();
        f.write_str(if changes.is_empty() { "no change" } else { "" })?;
        f.write_str(&changes.join(", "))
    }
}

/// A choice, in words.
fn words(shape: &Shape, choice: &Choice) -> String {
    let since = if choice.is_remembered { ", as an earlier run found" } else { "" };
    match choice.changes.is_empty() {
        true => format!("{shape}: nothing else is faster{since}"),
        false => format!("{shape}: {choice}, {:.2} times as fast{since}", choice.gain),
    }
}

/// A choice as a file keeps it: the gain, and the name of each change in a line of its own.
fn text(choice: &Choice) -> String {
    let changes = choice.changes.iter().map(|change| format!("{change}\n"));
    format!("{}\n{}", choice.gain, changes.collect::<String>())
}

/// The choice that a file keeps, among changes that there are; `None` of a file that is none of ours.
fn read(text: &str, changes: &[Change]) -> Option<Choice> {
    let mut lines = text.lines();
    let gain = lines.next()?.parse().ok().filter(|gain: &f64| gain.is_finite() && *gain >= 1.0)?;
    let named = |name: &str| changes.iter().find(|change| change.to_string() == name).copied();
    let mut chosen = Vec::new();
    for line in lines {
        named(line)?.join(&mut chosen);
    }
    Some(Choice { changes: chosen, gain, is_remembered: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::gpu::e_step::Factors;
    use crate::device::gpu::tuning::Tuning;
    use crate::model::statistics::Statistics;

    fn shape(k: usize) -> Shape {
        Shape::new(Layout::new(Factors::Triangular, Statistics::Triangles, 5, k, Tuning::NVIDIA), 9_000)
    }

    #[test]
    fn a_choice_is_remembered_for_the_adapter_the_mode_and_the_shape() {
        let folder = tempfile::tempdir().unwrap();
        let kept = |of: u64| Kept::of(Some(folder.path().to_owned()), of);
        let choice =
            Choice { changes: vec![Change::Storage(true), Change::AtOnce(1)], gain: 1.25, is_remembered: false };
        let first = Tuner::new(Tune::Auto, kept(1));
        assert_eq!(first.choice(&shape(16)), None);
        first.choose(&shape(16), choice.clone());
        assert_eq!(first.choice(&shape(16)), Some(choice.clone()));

        let later = Tuner::new(Tune::Auto, kept(1));
        assert_eq!(later.choice(&shape(16)), Some(Choice { is_remembered: true, ..choice }));
        assert_eq!(later.tuned(&shape(16)), first.tuned(&shape(16)));
        assert_ne!(later.tuned(&shape(16)), shape(16).layout);
        let few = Shape::new(shape(16).layout, 100);
        assert_eq!((few.groups, shape(16).groups, later.choice(&few)), (64, 4096, None));
        assert_eq!((later.choice(&shape(17)), later.tuned(&shape(17))), (None, shape(17).layout));
        for (tune, of) in [(Tune::Auto, 2), (Tune::Full, 1), (Tune::Off, 1)] {
            assert_eq!(Tuner::new(tune, kept(of)).choice(&shape(16)), None);
        }
    }

    #[test]
    fn a_file_that_is_none_of_ours_says_nothing() {
        let changes = Change::all(&shape(16).layout, Tune::Auto);
        let name = changes[0].to_string();
        assert!(read(&format!("1.5\n{name}\n"), &changes).is_some_and(|choice| choice.changes == changes[..1]));
        assert!(read("1\n", &changes).is_some_and(|choice| choice.changes.is_empty()));
        for text in ["", "\n", "fast\n", "0.5\n", "NaN\n", "inf\n", "1.5\ntiles of 9 MiB\n", &format!("{name}\n")] {
            assert_eq!(read(text, &changes), None, "{text:?}");
        }
    }

    #[test]
    fn choices_are_named_by_their_shape() {
        let tuner = Tuner::new(Tune::Full, Kept::of(None, 1));
        tuner.choose(&shape(64), Choice { changes: Vec::new(), gain: 1.0, is_remembered: false });
        tuner.choose(&shape(2), Choice { changes: vec![Change::AtOnce(1)], gain: 1.5, is_remembered: true });
        let expected = [
            "full covariance, D = 5, K = 2, N >= 1048576: sums of up to 1 components at once, 1.50 times as fast, as an earlier \
             run found",
            "full covariance, D = 5, K = 64, N >= 1048576: nothing else is faster",
        ];
        assert_eq!(tuner.words(), expected);
        let names = tuner.names().into_iter().map(|(_, chosen)| chosen).collect::<Vec<_>>();
        assert_eq!(names, ["sums of up to 1 components at once", "no change"]);
    }
}
