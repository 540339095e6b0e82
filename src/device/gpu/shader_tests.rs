//! The shaders without a GPU: every stage, at many specialisations, validates, translates to the languages of all
//! graphics interfaces, and declares what the host believes it declares.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use naga::{AddressSpace, StorageAccess, TypeInner};
use wgpu::Limits;

use super::ceiling;
use super::e_step::{Factors, Gaps, Layout, MOST_TRIPS, TILE_FIELDS, Tile};
use super::kernel::GROUP;
use super::kernel::{Binding, KernelSource};
use super::m_step::MOST_RANGE_GROUPS;
use super::plan::Plan;
use super::translation;
use super::tuning::{SMALL_TILE, Tuning};
use crate::data::order::MOST_FEATURES;
use crate::model::statistics::Statistics;

/// The uniform binding that every adapter has.
const UNIFORM_BYTES: usize = 64 << 10;

/// Factors and statistics that go together.
const SHAPES: [(Factors, Statistics); 3] = [
    (Factors::Triangular, Statistics::Triangles),
    (Factors::Triangular, Statistics::Pooled),
    (Factors::Diagonal, Statistics::Diagonals),
];

fn layouts() -> Vec<Layout> {
    let mut layouts = Vec::new();
    for (factors, statistics) in SHAPES {
        for tuning in Tuning::ALL {
            for d in [1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 32, 33, 64, 128, 200] {
                for k in [1, 7, 300] {
                    layouts.extend(dense_and_pruned(Layout::new(factors, statistics, d, k, tuning)));
                    layouts.extend((factors == Factors::Diagonal).then(|| Layout::masked(d, k, tuning)));
                }
            }
        }
    }
    layouts
}

/// A layout, and that of pruned passes, if there are such.
fn dense_and_pruned(layout: Layout) -> impl Iterator<Item = Layout> {
    [layout].into_iter().chain((layout.d <= MOST_FEATURES).then(|| layout.pruned()))
}

pub(super) fn sources(layout: &Layout) -> Vec<KernelSource> {
    let limits = Limits { max_storage_buffer_binding_size: 128 << 20, ..Limits::default() };
    let plan = Plan::new(*layout, &limits, &[1], SMALL_TILE).expect("a plan");
    let mut sources: Vec<KernelSource> = layout.prunes.then(|| layout.kept_components()).into_iter().collect();
    sources.extend([
        layout.log_density(plan.uniform, plan.windows[0].components.len()),
        layout.merge(),
        layout.posterior(),
        layout.sums.moments(),
        layout.sums.reduce(),
        ceiling::multiply_add(),
        ceiling::copy(),
    ]);
    sources
}

const PLAN_FIELDS: &str =
    "statistics,d,k,tiles,tile_groups,windows,slices,slice,ranges,range_groups,m_workgroups,numbers";

/// A line of `plans.csv`.
fn plan_of_many(statistics: &str, layout: Layout) -> String {
    let limits = Limits { max_storage_buffer_binding_size: (2 << 30) - 4, ..Limits::default() };
    let (per_chunk, groups) = ((1 << 30) / (GROUP * layout.d * 4), 10_000_000_usize.div_ceil(GROUP));
    let chunks: Vec<usize> = (0..groups).step_by(per_chunk).map(|first| per_chunk.min(groups - first)).collect();
    let plan = Plan::new(layout, &limits, &chunks, layout.tuning.tile_bytes).expect("a plan");
    let tile = &plan.tiles[0].1;
    [
        layout.d,
        layout.k,
        plan.tiles.len() / 2,
        plan.tile_groups,
        plan.windows.len(),
        plan.slices(),
        plan.windows[0].slice,
        tile.ranges as usize,
        tile.range_groups as usize,
        plan.moment_workgroups(tile) as usize,
        layout.sums.numbers(),
    ]
    .iter()
    .fold(statistics.to_owned(), |line, number| format!("{line},{number}"))
}

/// The variable that has kernels written to a folder.
const VARIABLE: &str = "MIXTURA_KERNELS";

#[test]
fn every_stage_translates_to_spirv_msl_and_hlsl() {
    for layout in layouts() {
        for source in sources(&layout) {
            assert!(!translation::spirv(&source).is_empty());
            assert!(translation::metal(&source).contains(source.stage));
            assert!(translation::hlsl(&source).contains(source.stage));
        }
    }
}

/// The shapes of a grid.
fn shapes() -> impl Iterator<Item = (Factors, Statistics, usize, usize)> {
    SHAPES.into_iter().flat_map(|(factors, statistics)| {
        let sizes = [1, 2, 3, 5, 8, 16, 17, 21, 32, 64, 128].into_iter();
        let sizes = sizes.flat_map(|d| [2, 16, 64, 256, 1024].map(|k| (d, k)));
        sizes.map(move |(d, k)| (factors, statistics, d, k))
    })
}

/// The kernels of the grid, each once: `STATISTICS_D_K.STAGE`, with `_pruned` or `_masked` behind the statistics of such
/// passes, and their sources.
pub(super) fn grid(tuning: Tuning) -> Vec<(String, KernelSource)> {
    let mut seen = HashSet::new();
    let layouts = shapes().flat_map(|(factors, statistics, d, k)| {
        let masked = (factors == Factors::Diagonal).then(|| Layout::masked(d, k, tuning));
        let layouts = dense_and_pruned(Layout::new(factors, statistics, d, k, tuning)).chain(masked);
        layouts.map(move |layout| (statistics, layout))
    });
    let named = layouts.flat_map(|(statistics, layout)| {
        let Layout { d, k, prunes, .. } = layout;
        let kind = match layout.gaps {
            Gaps::OfFeatures => "_masked",
            Gaps::None | Gaps::OfTiles if prunes => "_pruned",
            Gaps::None | Gaps::OfTiles => "",
        };
        let name = move |stage: &str| format!("{statistics:?}{kind}_{d}_{k}.{stage}").to_lowercase();
        sources(&layout).into_iter().map(move |source| (name(source.stage), source))
    });
    named.filter(|(_, source)| seen.insert(source.clone())).collect()
}

/// Kernels of a grid in four languages, where the variable names a folder: `TUNING/STATISTICS_D_K.STAGE.{wgsl,spv,metal,hlsl}`,
/// each once, and a manifest of their names, stages, and bindings, with a letter for each; and `plans.csv`, the plans of a
/// pass over ten million samples on an adapter of large limits.
#[test]
fn kernels_are_written_where_they_are_asked_for() {
    let Some(folder) = env::var_os(VARIABLE) else { return };
    for (name, tuning) in ["nvidia", "amd", "narrow", "software"].into_iter().zip(Tuning::ALL) {
        let folder = Path::new(&folder).join(name);
        fs::create_dir_all(&folder).unwrap();
        let mut manifest = String::new();
        for (kernel, source) in grid(tuning) {
            let write = |extension: &str, bytes: &[u8]| {
                fs::write(folder.join(format!("{kernel}.{extension}")), bytes).unwrap();
            };
            write("wgsl", source.wgsl().as_bytes());
            write("spv", bytemuck::cast_slice(&translation::spirv(&source)));
            write("metal", translation::metal(&source).as_bytes());
            write("hlsl", translation::hlsl(&source).as_bytes());
            let letter = |binding: &Binding| match binding {
                Binding::Uniform => 'u',
                Binding::Window => 'w',
                Binding::Read => 'r',
                Binding::Write => 's',
            };
            let bindings: String = source.bindings.iter().map(letter).collect();
            writeln!(manifest, "{kernel} {} {bindings}", source.stage).unwrap();
        }
        fs::write(folder.join("manifest.txt"), manifest).unwrap();
        let plans = shapes().map(|(factors, statistics, d, k)| {
            plan_of_many(&format!("{statistics:?}").to_lowercase(), Layout::new(factors, statistics, d, k, tuning))
                + "\n"
        });
        fs::write(folder.join("plans.csv"), format!("{PLAN_FIELDS}\n") + &plans.collect::<String>()).unwrap();
    }
}

#[test]
fn bindings_and_entry_points_are_those_the_host_names() {
    for layout in layouts() {
        for source in sources(&layout) {
            let (module, _) = translation::module(&source);
            let entries: Vec<_> = module.entry_points.iter().map(|entry| entry.name.as_str()).collect();
            assert_eq!(entries, [source.stage]);
            let lanes = if source.stage == "moments_staged" { 128 } else { 64 };
            assert_eq!(module.entry_points[0].workgroup_size, [lanes, 1, 1]);
            let mut declared: Vec<_> = module
                .global_variables
                .iter()
                .filter_map(|(_, variable)| {
                    let at = variable.binding.as_ref()?;
                    assert_eq!(at.group, 0);
                    Some((at.binding, variable.space))
                })
                .collect();
            declared.sort_by_key(|(binding, _)| *binding);
            let expected: Vec<_> = source
                .bindings
                .iter()
                .zip(0..)
                .map(|(binding, place)| {
                    let space = match binding {
                        Binding::Uniform => AddressSpace::Uniform,
                        Binding::Window | Binding::Read => AddressSpace::Storage { access: StorageAccess::LOAD },
                        Binding::Write => AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE },
                    };
                    (place, space)
                })
                .collect();
            assert_eq!(declared, expected, "{}", source.stage);
        }
    }
}

#[test]
fn the_tile_lies_in_memory_as_the_host_lays_it() {
    let (module, _) = translation::module(
        &Layout::new(Factors::Triangular, Statistics::Triangles, 3, 2, Tuning::NVIDIA).sums.reduce(),
    );
    let tile = module.types.iter().find(|(_, t)| t.name.as_deref() == Some("Tile")).expect("Tile").1;
    let TypeInner::Struct { members, span } = &tile.inner else { panic!("Tile is no struct") };
    // A uniform struct may end in padding, never in less than the host writes.
    assert!(*span as usize >= size_of::<Tile>());
    let names: Vec<_> = members.iter().map(|member| member.name.as_deref().expect("a name")).collect();
    assert_eq!(names, TILE_FIELDS);
    let offsets = [
        std::mem::offset_of!(Tile, first_group),
        std::mem::offset_of!(Tile, groups),
        std::mem::offset_of!(Tile, stride),
        std::mem::offset_of!(Tile, components),
        std::mem::offset_of!(Tile, hard),
        std::mem::offset_of!(Tile, ranges),
        std::mem::offset_of!(Tile, range_groups),
        std::mem::offset_of!(Tile, statistics),
        std::mem::offset_of!(Tile, slot),
        std::mem::offset_of!(Tile, accumulate),
        std::mem::offset_of!(Tile, slices),
    ];
    let declared: Vec<_> = members.iter().map(|member| member.offset as usize).collect();
    assert_eq!(declared, offsets);
}

#[test]
fn workgroup_memory_and_uniform_windows_stay_within_what_every_adapter_has() {
    for layout in layouts() {
        for source in sources(&layout) {
            let (module, _) = translation::module(&source);
            let bytes = |space: AddressSpace| -> u32 {
                let variables = module.global_variables.iter().filter(|(_, variable)| variable.space == space);
                variables.map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx())).max().unwrap_or(0)
            };
            assert!(bytes(AddressSpace::WorkGroup) <= 16 << 10, "{}", source.stage);
            assert!(bytes(AddressSpace::Uniform) as usize <= UNIFORM_BYTES, "{}", source.stage);
        }
    }
}

/// Counts the loop trips of each nest of loops by running its bounds, as the shaders have them, with nothing unrolled.
#[test]
fn no_invocation_exceeds_the_loop_trips_that_every_driver_allows() {
    for layout in layouts() {
        let d = layout.d;
        // The longest slice.
        let window = layout.slice(1);
        let (block, step) = (d.min(8), d.min(4));
        let blocks = d.div_ceil(block);
        let mut trips = 0;
        let triangle = layout.log_density(true, 1).stage == "log_density_triangle";
        match layout.factors {
            Factors::Triangular if triangle => trips += d + window,
            Factors::Triangular => {
                for _ in 0..window {
                    trips += 1;
                    for last in (block..=blocks * block).step_by(block) {
                        trips += 1 + 2 * block;
                        for _ in (0..last.min(d)).step_by(step) {
                            trips += 1 + step * (1 + block);
                        }
                    }
                }
            }
            Factors::Diagonal => trips += window * (1 + d.div_ceil(4)),
        }
        let words = layout.k.div_ceil(32);
        if layout.prunes {
            // Before a component is found, a trip for each word of marks.
            trips += window + words;
            let marking = layout.k.div_ceil(64) + 64 + 32 * words.div_ceil(64);
            assert!(marking <= MOST_TRIPS, "{layout:?}: {marking} trips of marking");
        }
        assert!(trips <= MOST_TRIPS, "{layout:?}: {trips} trips of the E step");

        // At the ends of the M step: the place of a part, and the sums over the lanes.
        let ends = d + 64 * 8;
        assert!(2 * MOST_RANGE_GROUPS + ends <= MOST_TRIPS, "{layout:?}: too many trips of the M step");
    }
}
