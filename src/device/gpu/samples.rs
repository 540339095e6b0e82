//! The samples on the device: shifted and scaled in f64, rounded to f32, in groups that workgroups read as runs.
//!
//! They stay there if its memory holds them all; otherwise every pass moves them through a window.

use std::ops::Range;

use rayon::prelude::*;
use wgpu::{Buffer, BufferUsages, CommandEncoderDescriptor};

use super::context::Gpu;
use super::kept_components::{box_numbers, rounded};
use super::kernel::GROUP;
use super::order::Order;
use super::straight_line::MISSING;
use crate::data::coordinates::Coordinates;
use crate::data::home::{Home, Place};
use crate::data::pass::pass;
use crate::data::points::Points;
use crate::data::source::{Data, block_rows, check_stop};
use crate::error::{Error, Result};
use crate::memory::text;

/// Bytes made and handed over at a time.
const UPLOAD_BYTES: usize = 16 << 20;

/// A chunk may be larger where the adapter allows it, but this is enough.
const LARGEST_CHUNK: u64 = 1 << 30;

/// Bytes of the window through which samples pass that do not stay: many times what one submission costs.
const WINDOW_BYTES: u64 = 64 << 20;

/// Visitor of parts of the samples: takes the number of the first sample, the samples, and their places on the device.
type VisitPart<'v> = dyn FnMut(usize, &Points, Range<usize>) -> Result<()> + 'v;

/// Samples of one buffer.
#[derive(Debug)]
pub(super) struct Chunk {
    /// [groups, D, LANES] vectors of four samples.
    pub(super) samples: Buffer,
    /// [groups, LANES] vectors of four weights; zero for the padding.
    pub(super) weights: Buffer,
    /// Of samples in order: the boxes around them, one of each group.
    pub(super) boxes: Option<Buffer>,
    /// First group, among those of all chunks.
    pub(super) first_group: usize,
    pub(super) groups: usize,
}

/// All samples, or the window through which they pass.
#[derive(Debug)]
pub(super) struct DeviceSamples {
    pub(super) chunks: Vec<Chunk>,
    pub(super) coordinates: Coordinates,
    /// Features of one value only: `[D]`.
    pub(super) constant: Vec<bool>,
    /// Weights on the device are divided by this power of two.
    pub(super) weight_unit: f64,
    pub(super) n_samples: usize,
    pub(super) n_features: usize,
    pub(super) home: Home,
    /// Whether the samples of each block are in an order in which those of a group are near each other.
    is_ordered: bool,
}

impl DeviceSamples {
    /// Copies the samples to the device, if they take no more than `budget` bytes of its memory, or all that it has.
    pub(super) fn upload(gpu: &Gpu, data: &dyn Data, budget: Option<u64>) -> Result<Self> {
        let (n, d) = (data.n_samples(), data.n_features());
        // A part of the samples may weigh nothing.
        let mean_weight = Some(data.summary().total_weight() / n as f64).filter(|weight| *weight > 0.0).unwrap_or(1.0);
        let mut samples = DeviceSamples {
            chunks: Vec::new(),
            coordinates: Coordinates::scaled(data.summary()),
            constant: data.summary().variance().iter().map(|variance| *variance == 0.0).collect(),
            weight_unit: mean_weight.log2().round().exp2(),
            n_samples: n,
            n_features: d,
            home: Home { place: Place::Device, reason: String::new() },
            is_ordered: false,
        };
        let (groups, group_bytes) = (samples.needed_groups(), samples.group_bytes());
        let bytes = groups as u64 * group_bytes;
        let too_many = match budget.filter(|budget| bytes > *budget) {
            Some(budget) => Some(format!("{} exceed the {} allowed on the device", text(bytes), text(budget))),
            None => match samples.make_room(gpu, groups) {
                Err(Error::OutOfDeviceMemory { .. }) if bytes > WINDOW_BYTES => {
                    Some(format!("{} exceed the memory of the device", text(bytes)))
                }
                made => made.map(|()| None)?,
            },
        };
        match too_many {
            None => {
                samples.home.reason = format!("{} fit", text(bytes));
                let start = data.summary().first();
                pass(data, &mut |first, chunk| {
                    samples.put(gpu, data, (chunk, Arrangement::AsTheyCome), first, (first - start) / GROUP)
                })?;
            }
            Some(reason) => {
                samples.make_room(gpu, groups.min(samples.window_groups(budget)))?;
                let home = data.home();
                let reasons = [reason, home.reason];
                let reasons = reasons.iter().filter(|reason| !reason.is_empty()).map(String::as_str);
                samples.home = Home { place: home.place, reason: reasons.collect::<Vec<_>>().join("; ") };
            }
        }
        Ok(samples)
    }

    /// Copies the samples to the device once more, in order; none if there is no room, or they do not stay there.
    pub(super) fn in_order(&self, gpu: &Gpu, data: &dyn Data, budget: Option<u64>) -> Result<Option<Self>> {
        let bytes = 2 * self.needed_groups() as u64 * self.group_bytes();
        if !self.stay() || budget.is_some_and(|budget| bytes > budget) {
            return Ok(None);
        }
        let mut samples = self.emptied(true);
        match samples.make_room(gpu, self.needed_groups()) {
            Err(Error::OutOfDeviceMemory { .. }) => return Ok(None),
            made => made?,
        }
        let (start, block) = (data.summary().first(), block_rows(self.n_features));
        pass(data, &mut |first, chunk| {
            let n = chunk.n_samples();
            (0..n).step_by(block).try_for_each(|at| {
                check_stop(data.stop())?;
                let rows = chunk.slice(at..(at + block).min(n));
                let order = Order::new(data, &rows, &self.coordinates);
                samples.put(gpu, data, (&rows, Arrangement::Ordered(&order)), first + at, (first + at - start) / GROUP)
            })
        })?;
        Ok(Some(samples))
    }

    /// The same samples without a place on the device yet.
    fn emptied(&self, is_ordered: bool) -> Self {
        DeviceSamples {
            chunks: Vec::new(),
            coordinates: self.coordinates.clone(),
            constant: self.constant.clone(),
            home: self.home.clone(),
            is_ordered,
            ..*self
        }
    }

    /// Room on the device for these samples in more groups, beside those that are there; none if there is none.
    pub(super) fn more_room(&self, gpu: &Gpu, groups: usize, budget: Option<u64>) -> Result<Option<Self>> {
        let bytes = (self.groups() + groups) as u64 * self.group_bytes();
        if !self.stay() || budget.is_some_and(|budget| bytes > budget) {
            return Ok(None);
        }
        let mut samples = self.emptied(false);
        match samples.make_room(gpu, groups) {
            Err(Error::OutOfDeviceMemory { .. }) => Ok(None),
            made => made.map(|()| Some(samples)),
        }
    }

    /// A window on the device through which these samples pass.
    pub(super) fn window(&self, gpu: &Gpu, budget: Option<u64>) -> Result<Self> {
        let mut samples = self.emptied(false);
        samples.make_room(gpu, self.window_groups(budget))?;
        Ok(samples)
    }

    /// Groups of a window.
    fn window_groups(&self, budget: Option<u64>) -> usize {
        ((WINDOW_BYTES.min(budget.unwrap_or(WINDOW_BYTES)) / self.group_bytes()) as usize).max(1)
    }

    /// The groups of a range, chunk by chunk, counted from the first of each.
    pub(super) fn by_chunk(&self, groups: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        self.chunks.iter().enumerate().filter_map(move |(index, chunk)| {
            let end = groups.end.min(chunk.first_group + chunk.groups);
            let start = groups.start.max(chunk.first_group);
            (start < end).then(|| (index, start - chunk.first_group..end - chunk.first_group))
        })
    }

    /// Groups that all samples take.
    fn needed_groups(&self) -> usize {
        self.n_samples.div_ceil(GROUP)
    }

    /// Bytes of a group, with its weights.
    fn group_bytes(&self) -> u64 {
        (GROUP * (self.n_features + 1) * size_of::<f32>()) as u64
    }

    /// Whether all samples are on the device.
    pub(super) fn stay(&self) -> bool {
        self.home.place == Place::Device
    }

    /// Makes the buffers for a number of groups.
    fn make_room(&mut self, gpu: &Gpu, groups: usize) -> Result<()> {
        let group_bytes = (GROUP * self.n_features * size_of::<f32>()) as u64;
        let largest = gpu.limits.max_storage_buffer_binding_size.min(gpu.limits.max_buffer_size).min(LARGEST_CHUNK);
        let groups_per_chunk = (largest / group_bytes) as usize;
        if groups_per_chunk == 0 {
            let detail = format!("{GROUP} samples of {} features exceed the largest buffer", self.n_features);
            return Err(Error::OutOfDeviceMemory { device: gpu.info().name.clone(), detail });
        }
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        self.chunks.clear();
        for first_group in (0..groups).step_by(groups_per_chunk) {
            let count = groups_per_chunk.min(groups - first_group);
            let samples = gpu.buffer("samples", count as u64 * group_bytes, usage)?;
            let weights = gpu.buffer("sample weights", (count * GROUP * size_of::<f32>()) as u64, usage)?;
            let boxes = match self.is_ordered {
                true => {
                    let bytes = count * box_numbers(self.n_features) * size_of::<f32>();
                    Some(gpu.buffer("boxes", bytes as u64, usage)?)
                }
                false => None,
            };
            self.chunks.push(Chunk { samples, weights, boxes, first_group, groups: count });
        }
        Ok(())
    }

    /// Calls `visit` with the samples that are on the device: once with all of them, or with one part after another.
    pub(super) fn for_each_window(
        &self,
        gpu: &Gpu,
        data: &dyn Data,
        visit: &mut dyn FnMut(Range<usize>) -> Result<()>,
    ) -> Result<()> {
        if self.stay() {
            return visit(0..self.n_samples);
        }
        let (capacity, start) = (self.capacity(), data.summary().first());
        let mut window = 0..0;
        pass(data, &mut |first, chunk| {
            let mut done = 0;
            while done < chunk.n_samples() {
                let rows = (capacity - window.len()).min(chunk.n_samples() - done);
                let rows_of = (&chunk.slice(done..done + rows), Arrangement::AsTheyCome);
                self.put(gpu, data, rows_of, first + done, window.len() / GROUP)?;
                done += rows;
                window.end = first - start + done;
                if window.len() == capacity {
                    visit(window.clone())?;
                    window = window.end..window.end;
                }
            }
            Ok(())
        })?;
        if window.is_empty() {
            return Ok(());
        }
        self.clear_weights(gpu, window.len().div_ceil(GROUP))?;
        visit(window)
    }

    /// Calls `visit(first, samples, there)` for one part of the samples after another: the number of its first sample,
    /// the samples, and their places among those that are on the device then.
    pub(super) fn for_each_part(&self, gpu: &Gpu, data: &dyn Data, visit: &mut VisitPart) -> Result<()> {
        let start = data.summary().first();
        pass(data, &mut |first, chunk| {
            let (n, place) = (chunk.n_samples(), first - start);
            if self.stay() {
                return visit(first, chunk, place..place + n);
            }
            (0..n).step_by(self.capacity()).try_for_each(|start| {
                let part = chunk.slice(start..(start + self.capacity()).min(n));
                self.put(gpu, data, (&part, Arrangement::AsTheyCome), first + start, 0)?;
                visit(first + start, &part, 0..part.n_samples())
            })
        })
    }

    /// Groups of samples that there is room for.
    pub(super) fn groups(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.groups).sum()
    }

    /// Samples that there is room for.
    fn capacity(&self) -> usize {
        self.groups() * GROUP
    }

    /// Copies a chunk of samples, the first of which has the number `first`, to the place of a group and those after
    /// it.
    pub(super) fn put(
        &self,
        gpu: &Gpu,
        data: &dyn Data,
        (points, arrangement): (&Points, Arrangement),
        first: usize,
        first_group: usize,
    ) -> Result<()> {
        let group_len = GROUP * self.n_features;
        let groups_at_once = (UPLOAD_BYTES / (group_len * size_of::<f32>())).max(1);
        let groups = arrangement.groups(points.n_samples());
        let boxes = arrangement.order().map(|order| rounded(&order.boxes, points.n_samples()));
        let box_len = box_numbers(self.n_features);
        let mut done = 0;
        while done < groups {
            let chunk = self.chunk_of(first_group + done);
            let start = first_group + done - chunk.first_group;
            let count = groups_at_once.min(chunk.groups - start).min(groups - done);
            let mut values = vec![0.0_f32; count * group_len];
            let mut weights = vec![0.0_f32; count * GROUP];
            let filled: Vec<Result<()>> = values
                .par_chunks_mut(group_len)
                .zip(weights.par_chunks_mut(GROUP))
                .enumerate()
                .map(|(i, (values, weights))| {
                    let mut to = Filled { samples: self, data, points, first, values, weights };
                    match arrangement.places(done + i) {
                        Some(places) => to.take(places.iter().map(|place| *place as usize)),
                        None => to.take_rows((done + i) * GROUP..((done + i + 1) * GROUP).min(points.n_samples())),
                    }
                })
                .collect();
            // The first error in the order of the samples, whichever thread was first to find one.
            filled.into_iter().collect::<Result<()>>()?;
            // The block before was copied while this one was made. Not later: the driver would keep a second copy of
            // everything.
            gpu.flush()?;
            gpu.guarded(|| {
                let offset = (start * group_len * size_of::<f32>()) as u64;
                gpu.queue.write_buffer(&chunk.samples, offset, bytemuck::cast_slice(&values));
                let offset = (start * GROUP * size_of::<f32>()) as u64;
                gpu.queue.write_buffer(&chunk.weights, offset, bytemuck::cast_slice(&weights));
                if let (Some(buffer), Some(boxes)) = (&chunk.boxes, &boxes) {
                    let offset = (start * box_len * size_of::<f32>()) as u64;
                    let boxes = &boxes[done * box_len..(done + count) * box_len];
                    gpu.queue.write_buffer(buffer, offset, bytemuck::cast_slice(boxes));
                }
            })?;
            gpu.submit(gpu.device.create_command_encoder(&CommandEncoderDescriptor::default()))?;
            done += count;
        }
        gpu.flush()
    }

    /// Takes the weight of what is left of earlier windows, from a group on.
    fn clear_weights(&self, gpu: &Gpu, first_group: usize) -> Result<()> {
        gpu.guarded(|| {
            for chunk in &self.chunks {
                let start = first_group.saturating_sub(chunk.first_group).min(chunk.groups);
                let zeros = vec![0_u8; (chunk.groups - start) * GROUP * size_of::<f32>()];
                if !zeros.is_empty() {
                    gpu.queue.write_buffer(&chunk.weights, (start * GROUP * size_of::<f32>()) as u64, &zeros);
                }
            }
        })
    }

    fn chunk_of(&self, group: usize) -> &Chunk {
        &self.chunks[self.chunks.partition_point(|chunk| chunk.first_group <= group) - 1]
    }
}

/// A group that takes samples.
struct Filled<'a, 'p> {
    samples: &'a DeviceSamples,
    data: &'a dyn Data,
    points: &'a Points<'p>,
    /// Number of the first of the points.
    first: usize,
    values: &'a mut [f32],
    weights: &'a mut [f32],
}

impl Filled<'_, '_> {
    /// Takes the samples of some places.
    fn take(&mut self, places: impl Iterator<Item = usize>) -> Result<()> {
        for (i, row) in places.enumerate() {
            for feature in 0..self.samples.n_features {
                let value = self.points.samples().value(row, feature);
                self.values[feature * GROUP + i] = self.on_device(row, feature, value)?;
            }
            self.weights[i] = (self.points.weight(row) / self.samples.weight_unit) as f32;
        }
        Ok(())
    }

    /// Takes samples that follow one another.
    fn take_rows(&mut self, rows: Range<usize>) -> Result<()> {
        let mut outcome = Ok(());
        let points = self.points;
        points.for_each_row(rows.clone(), |row, values| {
            let i = row - rows.start;
            for (feature, x) in values.iter().enumerate() {
                match self.on_device(row, feature, *x) {
                    Ok(x) => self.values[feature * GROUP + i] = x,
                    Err(error) if outcome.is_ok() => outcome = Err(error),
                    Err(_) => {}
                }
            }
            self.weights[i] = (points.weight(row) / self.samples.weight_unit) as f32;
        });
        outcome
    }

    /// A value as the device has it.
    fn on_device(&self, row: usize, feature: usize, x: f64) -> Result<f32> {
        if x.is_nan() {
            return Ok(MISSING);
        }
        let mapped = self.samples.coordinates.map(feature, x);
        match Coordinates::holds(mapped) {
            true => Ok(mapped as f32),
            false => Err(self.samples.coordinates.too_wide(self.data, self.first + row, feature, x)),
        }
    }
}

/// How the samples of a chunk are put into groups.
#[derive(Clone, Copy)]
pub(super) enum Arrangement<'a> {
    AsTheyCome,
    /// Such that those of a group are near each other.
    Ordered(&'a Order),
    /// The places of the samples of each group.
    InGroups(&'a [&'a [u32]]),
}

impl<'a> Arrangement<'a> {
    /// Groups of a number of samples.
    fn groups(self, n: usize) -> usize {
        match self {
            Arrangement::AsTheyCome | Arrangement::Ordered(_) => n.div_ceil(GROUP),
            Arrangement::InGroups(groups) => groups.len(),
        }
    }

    fn order(self) -> Option<&'a Order> {
        if let Arrangement::Ordered(order) = self { Some(order) } else { None }
    }

    /// The places of the samples of a group, where they are others than follow one another.
    fn places(self, group: usize) -> Option<&'a [u32]> {
        match self {
            Arrangement::AsTheyCome => None,
            Arrangement::Ordered(order) => Some(order.group(group)),
            Arrangement::InGroups(groups) => Some(groups[group]),
        }
    }
}
