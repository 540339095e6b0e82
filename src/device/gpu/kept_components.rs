//! Pruned passes, in which components meet only the groups of samples to which they can matter: the host's side of the
//! shader that tells which these are.

use std::fmt::Write;

use ndarray::Array1;

use super::e_step::{Factors, LEAST_CONSTANT, Layout};
use super::kernel::{ADD_UP_LANES, Binding, GROUP, KernelSource};
use super::marks::words;
use crate::data::coordinates::Coordinates;
use crate::device::cpu::{Boxes, HARD_SHARE, least_below_single};
use crate::model::quadratics::Quadratics;

/// What rounding may do to a sum of some ten terms, and to what is made of it, as a share of their magnitudes.
const ROUNDING: f32 = 32.0 * f32::EPSILON;

/// Numbers of a box: its centre, its half-widths, and the share of a group that is samples.
pub(super) fn box_numbers(d: usize) -> usize {
    2 * d + 1
}

/// Boxes around the samples of groups, `n` in all, as the device takes them: rounded, but not to smaller ones.
pub(super) fn rounded(boxes: &Boxes, n: usize) -> Vec<f32> {
    let mut numbers = Vec::new();
    for i in 0..boxes.len() {
        let (centre, half) = boxes.get(i);
        numbers.extend(centre.iter().map(|centre| *centre as f32));
        numbers.extend(centre.iter().zip(half).map(|(centre, half)| {
            let moved = (centre - f64::from(*centre as f32)).abs();
            ((half + moved) as f32).next_up()
        }));
        numbers.push((n - i * GROUP).min(GROUP) as f32 / GROUP as f32);
    }
    numbers
}

impl Layout {
    /// Numbers of a component, as its bounds need them: the mean, P column by column down to the diagonal, the constant.
    fn bound_numbers(&self) -> usize {
        let factor = match self.factors {
            Factors::Triangular => self.d * (self.d + 1) / 2,
            Factors::Diagonal => self.d,
        };
        self.d + factor + 1
    }

    /// Bytes of [`Layout::bounds`].
    pub(super) fn bound_bytes(&self) -> u64 {
        (self.k * self.bound_numbers() * size_of::<f32>()) as u64
    }

    /// Bytes of the marks of some groups.
    pub(super) fn mark_bytes(&self, groups: usize) -> u64 {
        (groups * words(self.k) * size_of::<u32>()) as u64
    }

    /// Bytes of the upper bounds of all components for them.
    pub(super) fn highest_bytes(&self, groups: usize) -> u64 {
        (groups * self.k * size_of::<f32>()) as u64
    }

    /// All components as their bounds need them, in device coordinates: each number of all of them, one after another.
    pub(super) fn bounds(&self, model: &Quadratics, coordinates: &Coordinates, constants: &Array1<f64>) -> Vec<f32> {
        let Layout { d, k, .. } = *self;
        let factor = |k: usize, i: usize, j: usize| (model.factors().entry(k, i, j) / coordinates.scale[i]) as f32;
        let mut numbers = Vec::with_capacity(k * self.bound_numbers());
        for i in 0..d {
            numbers.extend((0..k).map(|k| coordinates.map(i, model.means()[[k, i]]) as f32));
        }
        for (i, j) in self.entries() {
            numbers.extend((0..k).map(|k| factor(k, i, j)));
        }
        numbers.extend(constants.iter().map(|constant| constant.max(LEAST_CONSTANT) as f32));
        numbers
    }

    /// Row and column of each entry of P.
    fn entries(&self) -> Vec<(usize, usize)> {
        let rows = |j: usize| if self.factors == Factors::Diagonal { j..=j } else { 0..=j };
        (0..self.d).flat_map(|j| rows(j).map(move |i| (i, j))).collect()
    }

    /// The kernel that marks, for each group of samples, the components that can matter to it.
    pub(super) fn kept_components(&self) -> KernelSource {
        let header = format!(
            "const DIM: u32 = {}u;\nconst BOX: u32 = {}u;\nconst WORDS: u32 = {}u;\nconst FACTORS: u32 = {}u;\n\
             const CUT: f32 = {:e};\nconst SHARE: f32 = {HARD_SHARE:e};\nconst ROUNDING: f32 = {ROUNDING:e};\n\
             @group(0) @binding(1) var<storage, read> boxes: array<f32>;\n\
             @group(0) @binding(2) var<storage, read> factors: array<f32>;\n{}{ADD_UP_LANES}",
            self.d,
            box_numbers(self.d),
            words(self.k),
            self.bound_numbers(),
            least_below_single(self.k),
            self.squared_distances(),
        );
        let mut bindings = vec![Binding::Uniform, Binding::Read, Binding::Read];
        bindings.extend([Binding::Write; 3]);
        let body = include_str!("../../../shaders/kept_components.wgsl");
        KernelSource { stage: "kept_components", body, header, bindings }
    }

    /// The function `squared_distances`, written out: a lower and an upper bound.
    fn squared_distances(&self) -> String {
        let d = self.d;
        let mut code = "fn squared_distances(box: u32, k: u32) -> vec2<f32> {\n".to_owned();
        let mut line = |text: String| writeln!(code, "    {text}").expect("a string takes all that is written to it");
        for i in 0..d {
            line(format!("let c{i} = boxes[box + {i}u] - factors[{i}u * tile.components + k];"));
            line(format!("let h{i} = boxes[box + {}u];", d + i));
        }
        line("var near = 0.0;\n    var far = 0.0;".to_owned());
        for (at, (i, j)) in self.entries().into_iter().enumerate() {
            let begins = i == 0 || self.factors == Factors::Diagonal;
            line(format!("let p{at} = factors[{}u * tile.components + k];", d + at));
            let before = |name: &str| if begins { String::new() } else { format!("{name}{} + ", at - 1) };
            line(format!("let y{at} = {}c{i} * p{at};", before("y")));
            line(format!("let size{at} = {}abs(c{i} * p{at});", before("size")));
            line(format!("let spread{at} = {}h{i} * abs(p{at});", before("spread")));
            if i == j {
                line(format!("let most{at} = spread{at} + ROUNDING * (size{at} + spread{at});"));
                line(format!("let least{at} = max(0.0, abs(y{at}) - most{at});"));
                line(format!("near = fma(least{at}, least{at}, near);"));
                line(format!("let greatest{at} = abs(y{at}) + most{at};"));
                line(format!("far = fma(greatest{at}, greatest{at}, far);"));
            }
        }
        // As the E step bounds them.
        line("return min(vec2<f32>(near * (1.0 - ROUNDING), far * (1.0 + ROUNDING)), vec2<f32>(1e37));".to_owned());
        code + "}\n"
    }
}
