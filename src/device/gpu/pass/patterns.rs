//! Passes over samples that lack the same values, pattern by pattern.

use wgpu::ComputePassDescriptor;

use super::{Pass, encoder};
use crate::device::gpu::context::Gpu;
use crate::device::gpu::e_step::Tile;
use crate::device::gpu::samples::DeviceSamples;
use crate::error::Result;
use crate::model::quadratics::Quadratics;

/// The model of the values that samples of a pattern have, and their tiles, with the chunk of each.
pub(in crate::device::gpu) type OfPattern<'p> = (&'p Quadratics, &'p [(usize, Tile)]);

impl Pass {
    /// E step and M step over samples that lack the same values: a set of totals for each of some patterns, given by the model
    /// of what is there and by their tiles, with the chunk of each. There are at most as many patterns as the plan has sets of
    /// parameters, and as many tiles as it has places for.
    pub(in crate::device::gpu) fn sum_patterns(
        &self,
        gpu: &Gpu,
        samples: &DeviceSamples,
        patterns: &[OfPattern],
    ) -> Result<Vec<Vec<f64>>> {
        let of_pattern = |(slot, (_, tiles)): (usize, &OfPattern)| {
            let tile = |(i, (chunk, tile)): (usize, &(usize, Tile))| {
                (*chunk, Tile { slot: slot as u32, accumulate: u32::from(i > 0), ..*tile })
            };
            tiles.iter().enumerate().map(tile).collect::<Vec<_>>()
        };
        let tiles: Vec<(usize, Tile)> = patterns.iter().enumerate().flat_map(of_pattern).collect();
        gpu.guarded(|| {
            for (set, (model, _)) in patterns.iter().enumerate() {
                let constants = model.constants() - model.typical();
                self.write_parameters(gpu, samples, model, (&constants, None), set);
            }
            tiles.iter().enumerate().for_each(|(index, (_, tile))| self.write_tile(gpu, index, tile));
        })?;
        let mut commands = encoder(gpu);
        commands.clear_buffer(&self.scratch.totals, 0, None);
        let mut waiting = 0;
        for (index, (chunk, tile)) in tiles.iter().enumerate() {
            if waiting == self.pace.tiles_at_once(&self.plan) {
                self.pace.submit(gpu, std::mem::replace(&mut commands, encoder(gpu)), waiting)?;
                waiting = 0;
            }
            let mut pass = commands.begin_compute_pass(&ComputePassDescriptor::default());
            self.steps_of(*chunk, index, tile, tile.slot as usize).iter().for_each(|step| step.dispatch(&mut pass));
            waiting += 1;
        }
        let totals = self.read_totals(gpu, commands)?;
        let sets = totals.chunks_exact(self.plan.layout.sums.numbers()).take(patterns.len());
        Ok(sets.map(|set| set.iter().map(|x| f64::from(*x)).collect()).collect())
    }
}
