//! How mixtures and sums lie in the buffers of the device: the host's side of what the shaders declare.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use ndarray::{Array1, Array2};

use super::kernel::{ADD_UP_LANES, Binding, KernelSource};
use super::m_step::Sums;
use super::marks::meeting;
use super::straight_line;
use super::tuning::Tuning;
use crate::data::coordinates::Coordinates;
use crate::device::backend::HARD_SLACK;
use crate::model::covariance::CovarianceArray;
use crate::model::linalg::pack_upper;
use crate::model::quadratics::Quadratics;
use crate::model::statistics::Statistics;

/// All slices' sums of exponentials together.
const ALL_EXPONENTIALS: &str = include_str!("../../../shaders/all_exponentials.wgsl");

/// Loop trips of one invocation that no kernel may exceed: one driver in wide use silently stops after 65,535.
pub(crate) const MOST_TRIPS: usize = 60_000;

/// Bytes of a uniform binding, where adapters allow more: that is what their caches are made for.
pub(crate) const MOST_UNIFORM: u64 = 64 << 10;

/// Trips of a slice that are worth the cost of loading the samples.
const LEAST_TRIPS: usize = 2;

/// Features of a block.
const BLOCK: usize = 8;

/// A constant that stands for minus infinity.
pub(super) const LEAST_CONSTANT: f64 = -3e38;

/// Mirror of `Tile` in `common.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable, Default)]
pub(crate) struct Tile {
    pub(crate) first_group: u32,
    pub(crate) groups: u32,
    pub(crate) stride: u32,
    pub(crate) components: u32,
    pub(crate) hard: u32,
    pub(crate) ranges: u32,
    pub(crate) range_groups: u32,
    pub(crate) statistics: u32,
    pub(crate) slot: u32,
    pub(crate) accumulate: u32,
    pub(crate) slices: u32,
}

/// Names of the fields of [`Tile`], in order.
#[cfg(test)]
pub(crate) const TILE_FIELDS: [&str; 11] = [
    "first_group",
    "groups",
    "stride",
    "components",
    "hard",
    "ranges",
    "range_groups",
    "statistics",
    "slot",
    "accumulate",
    "slices",
];

/// Components whose parameters are in one binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) components: Range<usize>,
    /// Components of a slice of them.
    pub(crate) slice: usize,
    /// Number of the first slice, among those of all windows.
    pub(crate) first_slice: usize,
}

impl Window {
    pub(crate) fn slices(&self) -> usize {
        self.components.len().div_ceil(self.slice)
    }
}

/// How the kernels go through factors and second moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A whole triangle at once, in registers.
    Triangle,
    /// A triangle in blocks.
    Blocks,
    /// A diagonal in blocks.
    Diagonal,
}

/// The factors of a model, as the kernels take them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Factors {
    /// Triangular, one for each component.
    Triangular,
    /// Reciprocal deviations.
    Diagonal,
}

impl Factors {
    pub(crate) fn of(model: &Quadratics) -> Self {
        match model.factors() {
            CovarianceArray::Full(_) | CovarianceArray::Tied(_) => Factors::Triangular,
            CovarianceArray::Diag(_) | CovarianceArray::Spherical(_) => Factors::Diagonal,
        }
    }
}

/// Which values of samples may be missing, as a pass takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Gaps {
    /// None.
    None,
    /// Any: kernels leave them out.
    OfFeatures,
    /// Those of the same features in all samples of a tile: parameters do without these features.
    OfTiles,
}

/// The layout for models of one shape, and the sums under them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Layout {
    pub(crate) factors: Factors,
    pub(crate) d: usize,
    pub(crate) k: usize,
    /// Features of a block, and blocks of all features.
    block: usize,
    blocks: usize,
    pub(crate) tuning: Tuning,
    pub(crate) sums: Sums,
    /// Whether components meet only the groups of samples to which they can matter.
    pub(crate) prunes: bool,
    pub(crate) gaps: Gaps,
}

impl Layout {
    pub(crate) fn new(factors: Factors, statistics: Statistics, d: usize, k: usize, tuning: Tuning) -> Self {
        let block = d.min(BLOCK);
        let sums = Sums::new(statistics, d, k, tuning);
        Layout { factors, d, k, block, blocks: d.div_ceil(block), tuning, sums, prunes: false, gaps: Gaps::None }
    }

    /// The layout for samples of which values may be missing, and models whose features are independent.
    pub(crate) fn masked(d: usize, k: usize, tuning: Tuning) -> Self {
        let layout = Layout::new(Factors::Diagonal, Statistics::Diagonals, d, k, tuning);
        Layout { sums: Sums::masked(d, k, tuning), gaps: Gaps::OfFeatures, ..layout }
    }

    /// The layout for samples of which values may be missing, and all other models.
    pub(crate) fn by_pattern(d: usize, k: usize, tuning: Tuning) -> Self {
        let layout = Layout::new(Factors::Triangular, Statistics::Triangles, d, k, tuning);
        Layout { gaps: Gaps::OfTiles, ..layout }
    }

    /// The layout of pruned passes, for at most [`MOST_FEATURES`](crate::data::order::MOST_FEATURES) features.
    pub(crate) fn pruned(&self) -> Self {
        let Layout { factors, d, k, .. } = *self;
        let layout = Layout::new(factors, self.sums.statistics, d, k, self.tuning.pruned());
        Layout { prunes: true, sums: layout.sums.pruned(), ..layout }
    }

    /// Whether the passes of the other layout are the same, whatever its tuning says of what makes no difference.
    pub(crate) fn makes_the_same_passes(&self, other: &Layout) -> bool {
        let of = |layout: &Layout| {
            let Tuning { e_workgroups, tile_bytes, reads_storage, prefers_storage, .. } = layout.tuning;
            let fits = layout.window(MOST_UNIFORM as usize) == layout.padded_components();
            let from_storage = prefers_storage || reads_storage && !fits;
            (layout.form(), layout.components_at_once(), e_workgroups, tile_bytes, from_storage)
        };
        self.sums == other.sums && of(self) == of(other)
    }

    /// Features that one step of the E step handles: as many as a block has, where that leaves none over.
    fn step(&self) -> usize {
        if self.d.is_multiple_of(BLOCK) { BLOCK } else { self.d.min(4) }
    }

    /// Vectors of a component's means.
    fn mean_vectors(&self) -> usize {
        self.d.div_ceil(4)
    }

    /// Vectors of a row of a block.
    fn row_vectors(&self) -> usize {
        self.block.div_ceil(4)
    }

    /// Rows of the block of columns that ends before column `last`.
    fn rows(&self, last: usize) -> usize {
        last.min(self.d).next_multiple_of(self.step())
    }

    fn all_rows(&self) -> usize {
        (1..=self.blocks).map(|b| self.rows(b * self.block)).sum()
    }

    /// Vectors of one component's parameters.
    pub(crate) fn component_vectors(&self) -> usize {
        self.mean_vectors()
            + 1
            + match self.form() {
                Form::Triangle => (self.d * (self.d + 1) / 2).div_ceil(4),
                Form::Blocks => self.all_rows() * self.row_vectors(),
                Form::Diagonal if self.is_masked() => 2 * self.mean_vectors(),
                Form::Diagonal => self.mean_vectors(),
            }
    }

    fn is_masked(&self) -> bool {
        self.gaps == Gaps::OfFeatures
    }

    /// K, rounded up to what the E step handles at a time.
    pub(crate) fn padded_components(&self) -> usize {
        self.k.next_multiple_of(self.components_at_once())
    }

    fn components_at_once(&self) -> usize {
        match self.factors {
            Factors::Triangular => 1,
            Factors::Diagonal => self.k.div_ceil(self.k.div_ceil(self.tuning.densities)),
        }
    }

    /// Loop trips of the E step for the components that it handles at a time, were no loop unrolled.
    fn trips(&self) -> usize {
        match self.form() {
            Form::Triangle => 1,
            Form::Blocks => 1 + self.blocks * (2 * self.block + 1) + self.all_rows() * (self.block + 2),
            Form::Diagonal => 1 + self.mean_vectors(),
        }
    }

    /// Components of a window: as many as the bytes of a binding hold; 0 where not even those handled at a time do.
    pub(crate) fn window(&self, binding_bytes: usize) -> usize {
        let at_once = self.components_at_once();
        let fitting = binding_bytes.saturating_sub(16) / (self.component_vectors() * 16) / at_once;
        fitting.min(self.padded_components() / at_once) * at_once
    }

    /// Components of each of a number of slices: fewer slices where that is too little work for each, more where the loop
    /// trips of an invocation allow no less.
    pub(crate) fn slice(&self, slices: usize) -> usize {
        let at_once = self.components_at_once();
        let allowed = ((MOST_TRIPS - 1_000) / self.trips()).max(1);
        (self.padded_components() / at_once / slices).max(LEAST_TRIPS).min(allowed) * at_once
    }

    /// Vectors of a window of a number of components.
    pub(crate) fn window_vectors(&self, window: usize) -> usize {
        1 + window * self.component_vectors()
    }

    fn form(&self) -> Form {
        match self.factors {
            Factors::Diagonal => Form::Diagonal,
            Factors::Triangular if self.d <= self.tuning.whole_factor => Form::Triangle,
            Factors::Triangular => Form::Blocks,
        }
    }

    /// Multiply-adds of one group, E and M.
    pub(crate) fn group_work(&self) -> usize {
        let all = |is_triangular| if is_triangular { self.d * (self.d + 3) / 2 } else { 2 * self.d };
        let e_step = all(self.factors == Factors::Triangular);
        let m_step = all(self.sums.statistics != Statistics::Diagonals);
        super::kernel::GROUP * self.k * (e_step + m_step)
    }

    fn header(&self) -> String {
        format!(
            "const DIM: u32 = {}u;\nconst BLOCK: u32 = {}u;\nconst BLOCKS: u32 = {}u;\n",
            self.d, self.block, self.blocks
        )
    }

    /// The E step's kernel; its parameters are uniform where a window of them fits into such a binding.
    pub(crate) fn log_density(&self, uniform: bool, window: usize) -> KernelSource {
        let (stage, body) = match self.form() {
            Form::Triangle => ("log_density_triangle", include_str!("../../../shaders/log_density_triangle.wgsl")),
            Form::Blocks => ("log_density_blocks", include_str!("../../../shaders/log_density_blocks.wgsl")),
            Form::Diagonal => ("log_density_diagonal", include_str!("../../../shaders/log_density_diagonal.wgsl")),
        };
        let length = self.window_vectors(window);
        let declaration = match uniform {
            true => format!("var<uniform> parameters: array<vec4<f32>, {length}>;"),
            false => "var<storage, read> parameters: array<vec4<f32>>;".to_owned(),
        };
        let constants = format!(
            "const STEP: u32 = {}u;\nconst ROW: u32 = {}u;\nconst MEAN: u32 = {}u;\nconst COMPONENT: u32 = {}u;\n",
            self.step(),
            self.row_vectors(),
            self.mean_vectors(),
            self.component_vectors(),
        );
        let functions = match self.form() {
            Form::Triangle => straight_line::triangle(self.d, self.mean_vectors()),
            Form::Blocks => straight_line::block_distance(self.d, self.block, self.row_vectors(), self.step()),
            Form::Diagonal => {
                let at_once = self.components_at_once();
                format!("const AT_ONCE: u32 = {at_once}u;\n")
                    + &straight_line::diagonal_densities(self.d, at_once, self.is_masked())
            }
        };
        let part_of = include_str!("../../../shaders/part_of.wgsl");
        let parameters = if uniform { Binding::Uniform } else { Binding::Window };
        let mut bindings = vec![Binding::Uniform, parameters, Binding::Read, Binding::Write, Binding::Write];
        let meeting = match self.form() {
            // Of many features: no pass of these is pruned.
            Form::Blocks => String::new(),
            Form::Triangle | Form::Diagonal => meeting(self.prunes, self.k, &mut bindings),
        };
        let header =
            format!("{}{constants}@group(0) @binding(1) {declaration}\n{functions}{part_of}{meeting}", self.header());
        KernelSource { stage, body, header, bindings }
    }

    /// The kernel that joins the slices.
    pub(crate) fn merge(&self) -> KernelSource {
        let mut bindings = vec![Binding::Uniform, Binding::Read, Binding::Read];
        bindings.extend([Binding::Write; 3]);
        KernelSource {
            stage: "merge",
            body: include_str!("../../../shaders/merge.wgsl"),
            header: format!("{ADD_UP_LANES}{ALL_EXPONENTIALS}"),
            bindings,
        }
    }

    /// The posterior's kernel.
    pub(crate) fn posterior(&self) -> KernelSource {
        let mut bindings = vec![Binding::Uniform, Binding::Read, Binding::Read];
        bindings.extend([Binding::Write; 5]);
        let meeting = meeting(self.prunes, self.k, &mut bindings);
        KernelSource {
            stage: "posterior",
            body: include_str!("../../../shaders/posterior.wgsl"),
            header: format!(
                "const HARD_SLACK: f32 = {HARD_SLACK:e};\nconst EVERY = {};\n{ADD_UP_LANES}{ALL_EXPONENTIALS}{meeting}",
                !self.prunes
            ),
            bindings,
        }
    }

    /// Means in device coordinates, as the device rounds them: `[K, D]`.
    pub(crate) fn means(&self, model: &Quadratics, coordinates: &Coordinates) -> Vec<f32> {
        model.means().indexed_iter().map(|((_, i), &mean)| coordinates.map(i, mean) as f32).collect()
    }

    /// The parameters of a window of components, those included that only pad. `constants` are those of the components'
    /// log-densities, less a reference, so that log-densities are small numbers; `taken`, `[K, D]`, is what features take
    /// from them that are there, in the place of squared distances, where others may be missing.
    pub(crate) fn parameters(
        &self,
        model: &Quadratics,
        coordinates: &Coordinates,
        (constants, taken): (&Array1<f64>, Option<&Array2<f64>>),
        window: &Window,
    ) -> Vec<f32> {
        let Layout { d, block, .. } = *self;
        // (x - mu) P in device coordinates: row i of P is divided by the scale of feature i.
        let scaled = |k: usize, i: usize, j: usize| (model.factors().entry(k, i, j) / coordinates.scale[i]) as f32;
        let Window { components, slice, first_slice } = window;
        let mut parameters = Vec::with_capacity(self.window_vectors(components.len()) * 4);
        parameters.extend([components.start, components.len(), *slice, *first_slice].map(|number| number as f32));
        for k in components.clone() {
            let start = parameters.len();
            if k < self.k {
                parameters.extend((0..d).map(|i| coordinates.map(i, model.means()[[k, i]]) as f32));
                parameters.resize(start + self.mean_vectors() * 4, 0.0);
                match self.form() {
                    Form::Triangle => {
                        parameters
                            .extend((0..d).flat_map(|j| (0..=j).map(move |i| (i, j))).map(|(i, j)| scaled(k, i, j)));
                    }
                    Form::Blocks => {
                        let padded = self.row_vectors() * 4;
                        for last in (block..=self.blocks * block).step_by(block) {
                            let columns = last - block..last;
                            parameters.extend(pack_upper(columns, self.rows(last), padded, d, |i, j| scaled(k, i, j)));
                        }
                    }
                    Form::Diagonal => {
                        parameters.extend((0..d).map(|i| scaled(k, i, i)));
                        parameters.resize(start + 2 * self.mean_vectors() * 4, 0.0);
                        parameters.extend(taken.iter().flat_map(|taken| taken.row(k)).map(|taken| *taken as f32));
                    }
                }
            }
            parameters.resize(start + (self.component_vectors() - 1) * 4, 0.0);
            let constant = if k < self.k { constants[k].max(LEAST_CONSTANT) } else { LEAST_CONSTANT };
            parameters.extend([constant as f32, 0.0, 0.0, 0.0]);
        }
        parameters
    }
}
