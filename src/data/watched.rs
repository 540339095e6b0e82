//! Data whose passes are watched, and can be stopped.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use crate::data::home::Home;
use crate::data::points::Points;
use crate::data::source::{Data, Visit, check_stop};
use crate::data::summary::Summary;
use crate::error::Result;

/// Data whose passes are watched: after every chunk, the watcher hears how many samples of the pass are done. All work
/// on them ends with [`Error::Interrupted`](crate::Error::Interrupted) soon after `stop` has become true, which any
/// thread may see to.
///
/// ```
/// use mixtura::data::Watched;
/// use mixtura::{Device, Error, FitOptions, Points, fit};
/// use ndarray::array;
/// use std::sync::atomic::AtomicBool;
///
/// let points = Points::new(array![[0.0], [0.2], [5.0], [5.2]])?;
/// let stop = AtomicBool::new(true);
/// let watched = Watched::new(&points, &stop, &|_| {});
/// assert!(matches!(fit(&watched, &Device::cpu(), &FitOptions::new(2)), Err(Error::Interrupted)));
/// # Ok::<(), mixtura::Error>(())
/// ```
pub struct Watched<'d> {
    data: &'d dyn Data,
    stop: &'d AtomicBool,
    watcher: &'d Watcher<'d>,
}

/// Observer of a pass: hears how many of its samples are done.
pub type Watcher<'w> = dyn Fn(usize) + Sync + 'w;

impl<'d> Watched<'d> {
    /// Has the passes over data watched.
    pub fn new(data: &'d dyn Data, stop: &'d AtomicBool, watcher: &'d Watcher<'d>) -> Self {
        Watched { data, stop, watcher }
    }
}

impl Data for Watched<'_> {
    fn summary(&self) -> &Summary {
        self.data.summary()
    }

    fn home(&self) -> Home {
        self.data.home()
    }

    fn for_each_chunk(&self, visit: &mut Visit) -> Result<()> {
        check_stop(self.stop)?;
        self.data.for_each_chunk(&mut |first, chunk| {
            visit(first, chunk)?;
            check_stop(self.stop)?;
            (self.watcher)(first + chunk.n_samples());
            Ok(())
        })
    }

    fn slice(&self, rows: Range<usize>) -> Option<Points<'_>> {
        self.data.slice(rows)
    }

    fn room(&self) -> u64 {
        self.data.room()
    }

    fn stop(&self) -> &AtomicBool {
        self.stop
    }
}
