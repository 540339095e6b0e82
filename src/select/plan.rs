//! Who is fitted, where its fit begins, and in which order: the rules by which candidates are left out.

use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::model::family::CovarianceType;
use crate::model::m_step::MStep;
use crate::model::mixture::Mixture;
use crate::select::criterion::Criterion;
use crate::select::options::SelectOptions;
use crate::select::path::starts;
use crate::select::selection::{Candidate, Outcome, Scored, Whole};

/// The best candidates that were all fitted from initialisations of their own, and on all samples, in the end.
const DOUBTED: usize = 3;

/// What folds tell of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Validated {
    pub(crate) held_out: Option<f64>,
    pub(crate) stability: Option<f64>,
}

/// Where the fit of a candidate begins.
#[derive(Debug, Clone)]
pub(crate) enum Beginning {
    /// At an initialisation of its own.
    Own,
    /// At one of some models: of more components, two of which were merged.
    Merged(Vec<Mixture>),
    /// At its own model of a part of the samples.
    OfPart(Mixture),
}

/// Candidates that are over, and those that are to begin.
pub(crate) struct Plan {
    criterion: Criterion,
    exhaustive: bool,
    m_step: MStep,
    /// Number of components and family of each place.
    kinds: Vec<(usize, CovarianceType)>,
    queue: VecDeque<(usize, Beginning)>,
    over: Vec<Option<Candidate>>,
    /// What folds tell of each place; nothing before they are over.
    validated: Vec<Validated>,
    /// Whether the candidate of a place is on its way down, and whether it was fitted from an initialisation of its own.
    begun: Vec<bool>,
    initialised: Vec<bool>,
}

impl Plan {
    pub(crate) fn new(options: &SelectOptions, m_step: MStep) -> Self {
        let kinds = options.candidates();
        // The candidate of the most components of each family, where the others begin at models of more.
        let is_last = |place: usize| kinds.get(place + 1).is_none_or(|(_, family)| *family != kinds[place].1);
        let begin = (0..kinds.len()).filter(|place| options.exhaustive || is_last(*place));
        let queue = begin.map(|place| (place, Beginning::Own)).collect();
        let over = kinds.iter().map(|_| None).collect();
        let [begun, initialised] = [(); 2].map(|()| vec![false; kinds.len()]);
        let (criterion, exhaustive) = (options.criterion, options.exhaustive);
        Plan { criterion, exhaustive, m_step, kinds, queue, over, validated: Vec::new(), begun, initialised }
    }

    /// How many candidates there are, and how many of them are over.
    pub(crate) fn n_candidates(&self) -> (usize, usize) {
        (self.over.len(), self.over.iter().flatten().count())
    }

    /// A candidate that is over.
    pub(crate) fn candidate(&self, place: usize) -> Option<&Candidate> {
        self.over.get(place).and_then(Option::as_ref)
    }

    /// Number of components and family of a place.
    pub(crate) fn kind(&self, place: usize) -> (usize, CovarianceType) {
        self.kinds[place]
    }

    /// Whether nobody is to begin.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Who is to begin next.
    pub(crate) fn next(&mut self) -> Option<(usize, Beginning)> {
        self.queue.pop_front()
    }

    /// Somebody waits for room.
    pub(crate) fn put_back(&mut self, place: usize, beginning: Beginning) {
        self.queue.push_front((place, beginning));
    }

    /// Takes a candidate that is over, which began anywhere, and lets others begin.
    ///
    /// # Errors
    /// Those of merged models.
    pub(crate) fn take(&mut self, place: usize, beginning: &Beginning, candidate: Candidate) -> Result<()> {
        self.initialised[place] |= matches!(beginning, Beginning::Own);
        self.keep_the_better(place, candidate);
        self.go_on_from(place)
    }

    /// Of two fits of a candidate to the same samples the better one counts; before that, the one to more.
    fn keep_the_better(&mut self, place: usize, candidate: Candidate) {
        let seconds = candidate.seconds + self.over[place].as_ref().map_or(0.0, |before| before.seconds);
        let best = match self.over[place].take() {
            Some(before) if before.share == candidate.share && before.compare(&candidate, self.criterion).is_le() => {
                before
            }
            // Its own model of a part was merged, or not.
            Some(before) if before.share > candidate.share => Candidate { is_merged: before.is_merged, ..candidate },
            _ => candidate,
        };
        let Validated { held_out, stability } = self.validated.get(place).copied().unwrap_or_default();
        self.over[place] = Some(Candidate { seconds, held_out, stability, ..best });
    }

    /// Takes what folds tell of every place, and the criterion that counts from now on.
    pub(crate) fn judge(&mut self, criterion: Criterion, validated: Vec<Validated>) {
        self.criterion = criterion;
        for (candidate, Validated { held_out, stability }) in self.over.iter_mut().zip(&validated) {
            if let Some(candidate) = candidate {
                (candidate.held_out, candidate.stability) = (*held_out, *stability);
            }
        }
        self.validated = validated;
    }

    /// Lets the candidate of the next fewer components of a family begin at the model of one that is over. A model that is
    /// held by the floor would hand that on: in its place there is one from an initialisation of its own.
    fn go_on_from(&mut self, place: usize) -> Result<()> {
        let scored = self.over[place].as_ref().and_then(Candidate::scored);
        let is_held = scored.is_some_and(Scored::is_held_by_floor);
        if is_held && !self.initialised[place] {
            self.queue.push_front((place, Beginning::Own));
            return Ok(());
        }
        let below = place.checked_sub(1).filter(|below| self.kinds[*below].1 == self.kinds[place].1);
        let below = below.filter(|below| !self.exhaustive && !std::mem::replace(&mut self.begun[*below], true));
        let Some(below) = below else { return Ok(()) };
        let k = self.kinds[below].0;
        let mixture = scored.filter(|_| !is_held).map(|scored| &scored.fit.mixture);
        let mixture = mixture.filter(|mixture| mixture.n_components() > k);
        let beginning = match mixture.map(|mixture| starts(mixture, k, &self.m_step)) {
            Some(Ok(starts)) if !starts.is_empty() => Beginning::Merged(starts),
            // What cannot be merged says nothing of fewer components.
            Some(Ok(_) | Err(Error::NotPositiveDefinite { .. })) | None => Beginning::Own,
            Some(Err(error)) => return Err(error),
        };
        self.queue.push_front((below, beginning));
        Ok(())
    }

    /// The places of the candidates that have a model, the best first.
    fn ranking(&self) -> Vec<usize> {
        let over = self.over.iter().enumerate();
        let mut ranking: Vec<(usize, &Candidate)> = over
            .filter_map(|(place, candidate)| Some((place, candidate.as_ref()?)))
            .filter(|(_, candidate)| candidate.score(self.criterion).is_some())
            .collect();
        ranking.sort_by(|(_, a), (_, b)| a.compare(b, self.criterion));
        ranking.into_iter().map(|(place, _)| place).collect()
    }

    /// Lets the best candidates that began at other models begin at initialisations of their own, too.
    pub(crate) fn doubt_the_best(&mut self) {
        let doubted: Vec<usize> =
            self.ranking().into_iter().take(DOUBTED).filter(|place| !self.initialised[*place]).collect();
        self.queue.extend(doubted.into_iter().map(|place| (place, Beginning::Own)));
    }

    /// Whether there are candidates that were fitted to a part of the samples alone.
    pub(crate) fn is_of_parts(&self) -> bool {
        self.over.iter().flatten().any(|candidate| candidate.share > 1)
    }

    /// Goes on from a part of the samples to all of them: what was found becomes an estimate.
    pub(crate) fn rise(&mut self, whole: &Whole) {
        for candidate in self.over.iter_mut().flatten() {
            if let Outcome::Fitted(scored) = &mut candidate.outcome {
                scored.estimate(whole);
            }
        }
    }

    /// Lets the best candidates, and those of one component more and less than the best has, be fitted on all samples
    /// where they were fitted on a part of them alone.
    pub(crate) fn settle_the_best(&mut self) {
        let ranking = self.ranking();
        let Some(best) = ranking.first().copied() else { return };
        let beside = [best.checked_sub(1), Some(best + 1)].into_iter().flatten();
        let beside = beside.filter(|place| self.kinds.get(*place).is_some_and(|(_, f)| *f == self.kinds[best].1));
        let mut places: Vec<usize> = ranking.iter().copied().take(DOUBTED).chain(beside).collect();
        places.sort_unstable();
        places.dedup();
        for place in places {
            let part = self.over[place].as_ref().filter(|candidate| candidate.share > 1).and_then(Candidate::scored);
            if let Some(scored) = part {
                self.queue.push_back((place, Beginning::OfPart(scored.fit.mixture.clone())));
            }
        }
    }

    /// The candidates that are over.
    pub(crate) fn into_candidates(self) -> Vec<Candidate> {
        self.over.into_iter().flatten().collect()
    }
}
