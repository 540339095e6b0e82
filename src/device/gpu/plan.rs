//! How a pass is cut up: windows and slices of components, tiles of samples, ranges of a tile, and the scratch they need.

use std::ops::Range;

use wgpu::Limits;

use super::e_step::{Gaps, Layout, MOST_TRIPS, MOST_UNIFORM, Tile, Window};
use super::kernel::{GROUP, LANES};
use super::tuning::Tuning;

/// Scratch for the sums of a tile's ranges, as a share of that for its samples; a single set may need more.
const SUM_SHARE: usize = 2;
/// Scratch for totals; a single set may need more.
const TOTAL_SCRATCH: usize = 4 << 20;

/// Multiply-adds of a tile. Some systems kill a dispatch that takes longer than 2 s: on a slow integrated adapter this
/// takes a tenth of that.
const MOST_WORK: usize = 40_000_000_000;

/// Multiply-adds and dispatches of one submission: longer passes are handed over in parts, for some systems watch over
/// whole submissions, and nothing runs before the first one is handed over.
const MOST_SUBMITTED_WORK: usize = 400_000_000_000;
const MOST_SUBMITTED_DISPATCHES: usize = 96;

/// Patterns of missing values that are passed over at a time, their tiles, and the bytes of all their parameters.
const MOST_PATTERNS: usize = 64;
const MOST_PATTERN_TILES: usize = 512;
const MOST_PATTERN_BYTES: u64 = 16 << 20;

/// Groups that are assessed at a time: what is read back takes 16 MiB.
const MOST_ASSESSED_GROUPS: usize = 8192;

/// Bytes of a vector of four numbers.
const VECTOR: u64 = 16;

/// The plan of the passes for models of one layout over given chunks of samples.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) layout: Layout,
    /// Whether the parameters of a window fit into a uniform binding.
    pub(super) uniform: bool,
    /// The windows; all but the last have as many components as the first.
    pub(super) windows: Vec<Window>,
    /// Bytes from one window's parameters to the next one's.
    pub(super) window_stride: u64,
    /// Bytes from one tile to the next in their buffer.
    pub(super) tile_stride: u64,
    /// Most groups of a tile.
    pub(super) tile_groups: usize,
    /// Tiles of a soft pass and then those of a hard one, with the chunk of each.
    pub(super) tiles: Vec<(usize, Tile)>,
    /// Most ranges of a tile.
    ranges: usize,
    /// Sets of totals.
    slots: usize,
    /// Sets of parameters: one, or one for each of the patterns of missing values that are passed over at a time.
    pub(super) patterns: usize,
}

impl Plan {
    /// The plan for chunks of a number of groups each, and tiles of a number of bytes; `None` where the model is larger
    /// than the kernels take.
    pub(super) fn new(layout: Layout, limits: &Limits, chunk_groups: &[usize], tile_bytes: usize) -> Option<Self> {
        let in_uniform = layout.window(limits.max_uniform_buffer_binding_size.min(MOST_UNIFORM) as usize);
        let in_storage = layout.window(limits.max_storage_buffer_binding_size as usize);
        let padded = layout.padded_components();
        let Tuning { reads_storage, prefers_storage, .. } = layout.tuning;
        let uniform = in_uniform > 0 && !prefers_storage && (in_uniform == padded || !reads_storage);
        let window = if uniform { in_uniform } else { in_storage };
        // The posterior goes over all slices, of one component at least, and over all components.
        if window == 0 || 2 * layout.k > MOST_TRIPS {
            return None;
        }
        let set_bytes = layout.sums.numbers() * size_of::<f32>();
        let most_ranges = (tile_bytes / SUM_SHARE / (set_bytes * layout.sums.sets)).max(1);
        let most_range_groups = layout.sums.most_range_groups();
        // Log-densities of a group, and what else there is of each of its samples.
        let of_group = |slices: usize| GROUP * (padded + 2 * slices + 4) * size_of::<f32>();
        let most_bound = limits.max_storage_buffer_binding_size as usize / (GROUP * padded * size_of::<f32>());
        let tile_groups = |slices: usize| {
            (tile_bytes / of_group(slices))
                .min(most_bound)
                .min(most_ranges * most_range_groups)
                .min(MOST_WORK / layout.group_work())
                .min(chunk_groups[0])
                .max(1)
        };
        let windows = |slices: usize| windows(&layout, window, layout.slice(slices));
        let filling = layout.tuning.e_workgroups.div_ceil(tile_groups(1));
        let windows = windows(filling);
        let slices = windows.iter().map(Window::slices).sum();
        let tile_groups = tile_groups(slices);
        let ranges = (layout.tuning.m_workgroups / layout.sums.workgroups())
            .min(tile_groups / layout.sums.least_range_groups())
            .max(tile_groups.div_ceil(most_range_groups))
            .clamp(1, most_ranges.min(tile_groups));
        let first = Tile {
            stride: (tile_groups * LANES) as u32,
            components: layout.k as u32,
            range_groups: tile_groups.div_ceil(ranges) as u32,
            statistics: layout.sums.numbers() as u32,
            slices: slices as u32,
            ..Tile::default()
        };
        let (tiles, slots) = tiles(&first, chunk_groups, tile_groups, TOTAL_SCRATCH / set_bytes);
        let alignment = limits.min_uniform_buffer_offset_alignment.max(limits.min_storage_buffer_offset_alignment);
        let align = |bytes: u64| bytes.next_multiple_of(alignment.into());
        let window_stride = align(layout.window_vectors(window) as u64 * VECTOR);
        let (patterns, slots) = match layout.gaps {
            Gaps::None | Gaps::OfFeatures => (1, slots),
            Gaps::OfTiles => {
                let by_parameters = MOST_PATTERN_BYTES / (windows.len() as u64 * window_stride);
                let patterns = (by_parameters as usize).min(TOTAL_SCRATCH / set_bytes).clamp(1, MOST_PATTERNS);
                (patterns, patterns)
            }
        };
        Some(Plan {
            uniform,
            windows,
            window_stride,
            tile_stride: align(size_of::<Tile>() as u64),
            tile_groups,
            tiles,
            ranges,
            slots,
            patterns,
            layout,
        })
    }

    /// Describes the limit that a model exceeds which the kernels do not take.
    pub(super) fn limit(layout: &Layout, limits: &Limits) -> String {
        if 2 * layout.k > MOST_TRIPS {
            return format!("at most {} components", MOST_TRIPS / 2);
        }
        let fits = |d| {
            let other = Layout::new(layout.factors, layout.sums.statistics, d, layout.k, layout.tuning);
            other.window(limits.max_storage_buffer_binding_size as usize) > 0
        };
        let (mut most, mut too_many) = (1, layout.d);
        while most + 1 < too_many {
            let middle = most.midpoint(too_many);
            *(if fits(middle) { &mut most } else { &mut too_many }) = middle;
        }
        format!("at most {most} features with {} components and this type of covariance", layout.k)
    }

    /// Bytes of the parameters of one window.
    pub(super) fn window_bytes(&self) -> u64 {
        self.layout.window_vectors(self.windows[0].components.len()) as u64 * VECTOR
    }

    /// Bytes of one set of parameters, of all windows.
    pub(super) fn pattern_bytes(&self) -> u64 {
        self.windows.len() as u64 * self.window_stride
    }

    /// Bytes of all sets of parameters.
    pub(super) fn parameter_bytes(&self) -> u64 {
        self.patterns as u64 * self.pattern_bytes()
    }

    /// Tiles of some patterns that are passed over at a time.
    pub(super) fn pattern_tiles(&self) -> usize {
        MOST_PATTERN_TILES
    }

    /// Bytes of all tiles, and of one more for a part of the samples.
    pub(super) fn tile_bytes(&self) -> u64 {
        let of_patterns = if self.layout.gaps == Gaps::OfTiles { self.pattern_tiles() } else { 0 };
        (self.tiles.len().max(of_patterns) + 1) as u64 * self.tile_stride
    }

    /// The tiles of some groups of one chunk.
    pub(super) fn tiles_of(&self, groups: Range<usize>, hard: bool) -> Vec<Tile> {
        let like = &self.tiles[0].1;
        let tile = |start: usize| {
            let count = self.tile_groups.min(groups.end - start) as u32;
            let ranges = count.div_ceil(like.range_groups);
            Tile { first_group: start as u32, groups: count, ranges, hard: u32::from(hard), ..*like }
        };
        groups.clone().step_by(self.tile_groups).map(tile).collect()
    }

    /// Bytes of one number for each sample of some groups.
    pub(super) fn sample_bytes(&self, groups: usize) -> u64 {
        (groups * LANES) as u64 * VECTOR
    }

    /// Bytes of the components' log-densities of a tile.
    pub(super) fn density_bytes(&self) -> u64 {
        self.layout.padded_components() as u64 * self.sample_bytes(self.tile_groups)
    }

    /// Bytes of the sums of exponentials of a tile's slices.
    pub(super) fn slice_bytes(&self) -> u64 {
        2 * self.slices() as u64 * self.sample_bytes(self.tile_groups)
    }

    /// Slices of all windows.
    pub(super) fn slices(&self) -> usize {
        self.windows.iter().map(Window::slices).sum()
    }

    /// Bytes of the log-likelihoods of a tile's groups.
    pub(super) fn log_likelihood_bytes(&self) -> u64 {
        (self.tile_groups * size_of::<f32>()) as u64
    }

    /// Bytes of one set of sums.
    pub(super) fn set_bytes(&self) -> u64 {
        (self.layout.sums.numbers() * size_of::<f32>()) as u64
    }

    /// Bytes of the sums of a tile's ranges.
    pub(super) fn sum_bytes(&self) -> u64 {
        (self.ranges * self.layout.sums.sets) as u64 * self.set_bytes()
    }

    /// Bytes of the totals.
    pub(super) fn total_bytes(&self) -> u64 {
        self.slots as u64 * self.set_bytes()
    }

    /// Groups that are assessed at a time.
    pub(super) fn assessed_groups(&self) -> usize {
        self.tile_groups.min(MOST_ASSESSED_GROUPS)
    }

    /// Bytes of the largest readback: all totals, two numbers for each sample that is assessed, or the components'
    /// log-densities of one group.
    pub(super) fn staging_bytes(&self) -> u64 {
        let one_group = self.layout.k as u64 * self.sample_bytes(1);
        self.total_bytes().max(2 * self.sample_bytes(self.assessed_groups())).max(one_group)
    }

    /// Groups whose components' log-densities one readback takes.
    pub(super) fn response_groups(&self) -> usize {
        let one_group = self.layout.k as u64 * self.sample_bytes(1);
        ((self.staging_bytes() / one_group) as usize).clamp(1, self.tile_groups)
    }

    /// Tiles of one submission.
    pub(super) fn tiles_at_once(&self) -> usize {
        let by_work = MOST_SUBMITTED_WORK / (self.tile_groups * self.layout.group_work());
        let by_dispatches = MOST_SUBMITTED_DISPATCHES / (self.windows.len() + 3);
        by_work.min(by_dispatches).max(1)
    }

    /// Workgroups of the M step on a tile.
    pub(super) fn moment_workgroups(&self, tile: &Tile) -> u32 {
        tile.ranges * self.layout.sums.workgroups() as u32
    }
}

/// The windows of components, cut into slices.
fn windows(layout: &Layout, window: usize, slice: usize) -> Vec<Window> {
    let padded = layout.padded_components();
    let mut windows: Vec<Window> = Vec::new();
    for first in (0..padded).step_by(window) {
        let first_slice = windows.iter().map(Window::slices).sum();
        windows.push(Window { components: first..(first + window).min(padded), slice, first_slice });
    }
    windows
}

/// All tiles with the chunk of each, for a soft and then for a hard pass; and the number of sets of totals, at most
/// `most_slots` (one, if that is none), over which the tiles are spread evenly. `like` has what is the same in all.
fn tiles(like: &Tile, chunk_groups: &[usize], tile_groups: usize, most_slots: usize) -> (Vec<(usize, Tile)>, usize) {
    let mut soft: Vec<(usize, Tile)> = Vec::new();
    for (chunk, &all) in chunk_groups.iter().enumerate() {
        for first_group in (0..all).step_by(tile_groups) {
            let groups = tile_groups.min(all - first_group) as u32;
            let ranges = groups.div_ceil(like.range_groups);
            soft.push((chunk, Tile { first_group: first_group as u32, groups, ranges, ..*like }));
        }
    }
    let (count, slots) = (soft.len(), soft.len().min(most_slots.max(1)));
    let slot_of = |i: usize| i * slots / count;
    for (i, (_, tile)) in soft.iter_mut().enumerate() {
        tile.slot = slot_of(i) as u32;
        tile.accumulate = u32::from(i > 0 && slot_of(i - 1) == slot_of(i));
    }
    let hard: Vec<_> = soft.iter().map(|(chunk, tile)| (*chunk, Tile { hard: 1, ..*tile })).collect();
    (soft.into_iter().chain(hard).collect(), slots)
}

#[cfg(test)]
mod tests {
    use super::super::e_step::Factors;
    use super::super::tuning::SMALL_TILE;
    use super::*;
    use crate::data::order::MOST_FEATURES;
    use crate::model::statistics::Statistics;

    /// Factors and statistics that go together.
    const SHAPES: [(Factors, Statistics); 3] = [
        (Factors::Triangular, Statistics::Triangles),
        (Factors::Triangular, Statistics::Pooled),
        (Factors::Diagonal, Statistics::Diagonals),
    ];

    /// Plans for 10 million samples and for one, on an adapter of ordinary limits.
    fn plans() -> Vec<Plan> {
        let limits = Limits { max_storage_buffer_binding_size: 128 << 20, ..Limits::default() };
        let mut plans = Vec::new();
        for (factors, statistics) in SHAPES {
            for tuning in Tuning::ALL {
                for d in [1, 2, 5, 16, 17, 33, 64, 128] {
                    for k in [1, 7, 65, 300, 1024] {
                        for groups in [1, 39_063] {
                            let per_chunk = ((128 << 20) / (GROUP * d * 4)).min(groups);
                            let chunks: Vec<usize> =
                                (0..groups).step_by(per_chunk).map(|first| per_chunk.min(groups - first)).collect();
                            let layout = Layout::new(factors, statistics, d, k, tuning);
                            let pruned = (d <= MOST_FEATURES).then(|| layout.pruned());
                            for layout in [layout].into_iter().chain(pruned) {
                                plans.push(Plan::new(layout, &limits, &chunks, tuning.tile_bytes).expect("a plan"));
                            }
                        }
                    }
                }
            }
        }
        plans
    }

    #[test]
    fn a_model_that_the_kernels_do_not_take_is_told_their_limit() {
        let limits = Limits { max_storage_buffer_binding_size: 128 << 20, ..Limits::default() };
        let plan = |d, k| {
            let layout = Layout::new(Factors::Triangular, Statistics::Triangles, d, k, Tuning::NVIDIA);
            Plan::new(layout, &limits, &[1], SMALL_TILE).ok_or_else(|| Plan::limit(&layout, &limits))
        };
        assert_eq!(plan(2, 30_001).unwrap_err(), "at most 30000 components");
        let refused = plan(100_000, 3).unwrap_err();
        let most: usize = refused.split(' ').nth(2).unwrap().parse().unwrap();
        assert!(plan(most, 3).is_ok() && plan(most + 1, 3).is_err(), "{refused}");
    }

    #[test]
    fn scratch_is_at_most_a_tile_and_a_half_and_28_mib_and_four_copies_of_the_statistics() {
        for plan in plans() {
            let (layout, groups) = (&plan.layout, plan.tile_groups);
            let marking = layout.bound_bytes() + layout.highest_bytes(groups) + layout.mark_bytes(groups);
            let scratch = plan.parameter_bytes()
                + if layout.prunes { marking + plan.log_likelihood_bytes() } else { 0 }
                + plan.tile_bytes()
                + plan.density_bytes()
                + plan.slice_bytes()
                + 4 * plan.sample_bytes(plan.tile_groups)
                + plan.log_likelihood_bytes()
                + plan.sum_bytes()
                + plan.total_bytes()
                + plan.staging_bytes()
                // Means and covariances: a set without its counts.
                + plan.set_bytes();
            let tile = plan.layout.tuning.tile_bytes as u64;
            let allowed = tile + tile / 2 + (28 << 20) + 4 * plan.set_bytes();
            assert!(scratch <= allowed, "{:?}: {} of {} MiB", plan.layout, scratch >> 20, allowed >> 20);
        }
    }

    #[test]
    fn hardware_is_filled_where_there_is_work_for_that() {
        for plan in plans().iter().filter(|plan| plan.layout.tuning.reads_storage) {
            let (most, workgroups) = (plan.layout.tuning.e_workgroups, plan.tile_groups * plan.slices());
            // The sums of exponentials of more slices leave room for fewer groups.
            let is_filled = 2 * workgroups >= most;
            let one_each = plan.layout.slice(usize::MAX);
            assert!(is_filled || plan.windows.iter().all(|window| window.slice == one_each), "{plan:?}");
        }
    }

    #[test]
    fn tiles_cover_every_group_once_and_every_slot_begins_afresh() {
        for plan in plans() {
            let half = plan.tiles.len() / 2;
            let (soft, hard) = plan.tiles.split_at(half);
            assert!(soft.iter().all(|(_, tile)| tile.hard == 0) && hard.iter().all(|(_, tile)| tile.hard == 1));
            let mut next = (0, 0);
            for (i, (chunk, tile)) in soft.iter().enumerate() {
                let first = (*chunk, tile.first_group);
                assert!(first == next || first == (next.0 + 1, 0));
                next = (*chunk, tile.first_group + tile.groups);
                let begins = i == 0 || soft[i - 1].1.slot != tile.slot;
                assert_eq!(tile.accumulate == 0, begins);
                assert!(u64::from(tile.slot) < plan.total_bytes() / plan.set_bytes());
                assert!(tile.ranges * tile.range_groups >= tile.groups);
                assert!((tile.ranges - 1) * tile.range_groups < tile.groups, "no range is empty");
                assert!(u64::from(tile.ranges) * plan.layout.sums.sets as u64 * plan.set_bytes() <= plan.sum_bytes());
                assert!(tile.range_groups as usize <= plan.layout.sums.most_range_groups());
                assert!(tile.ranges as usize * plan.layout.sums.sets <= MOST_TRIPS);
            }
            let windows: Vec<usize> = plan.windows.iter().flat_map(|window| window.components.clone()).collect();
            assert_eq!(windows, (0..plan.layout.padded_components()).collect::<Vec<_>>());
        }
    }
}
