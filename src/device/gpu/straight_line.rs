//! Straight-line WGSL, for loops that drivers leave rolled: an array that is indexed by a loop's variable leaves the
//! registers, and the kernel with it most of its speed.

use std::fmt::{Display, Write};

use super::kernel::LANES;

/// Distances that leave the range of f32 are far beyond any that matters: products of features and factors are finite, and
/// sums of their squares are infinite at most.
const BOUNDED: &str = "return min(distance, vec4<f32>(1e37));";

const LANE_NAMES: [&str; 4] = ["x", "y", "z", "w"];

/// What stands for a missing value on the device: a number that no value may be, for a compiler may assume that there is no
/// NaN.
pub(super) const MISSING: f32 = 3e38;

/// Whether values, of which some are missing, are there.
fn are_there(values: &str) -> String {
    format!("{values} < vec4<f32>(1e30)")
}

/// The functions of `log_density_triangle.wgsl` for d features, whose means take a number of vectors.
pub(super) fn triangle(d: usize, mean_vectors: usize) -> String {
    let mut load = format!("    var x: array<vec4<f32>, {d}>;\n");
    for i in 0..d {
        append_line(&mut load, &format!("x[{i}] = samples[at + {i}u * LANES];"));
    }
    append_line(&mut load, "return x;");
    let mut code = String::new();
    append(&mut code, &format!("fn load(at: u32) -> array<vec4<f32>, {d}>"), &load);
    // Number n of the parameters that begin at a vector.
    let parameter = |first: usize, n: usize| format!("parameters[at + {}u].{}", first + n / 4, LANE_NAMES[n % 4]);
    let mut body = String::new();
    for i in 0..d {
        append_line(&mut body, &format!("let c{i} = (*x)[{i}] - {};", parameter(0, i)));
    }
    append_line(&mut body, "var distance = vec4<f32>(0.0);");
    append_line(&mut body, "var y: vec4<f32>;");
    for j in 0..d {
        let column = j * (j + 1) / 2;
        append_line(&mut body, &format!("y = c0 * {};", parameter(mean_vectors, column)));
        for i in 1..=j {
            append_line(&mut body, &format!("y = fma(c{i}, vec4<f32>({}), y);", parameter(mean_vectors, column + i)));
        }
        append_line(&mut body, "distance = fma(y, y, distance);");
    }
    append_line(&mut body, BOUNDED);
    let signature = format!("fn squared_distance(x: ptr<function, array<vec4<f32>, {d}>>, at: u32) -> vec4<f32>");
    append(&mut code, &signature, &body);
    code
}

/// The function of `log_density_blocks.wgsl` for d features and blocks of columns, whose rows take a number of vectors, and
/// some rows at a time.
pub(super) fn block_distance(d: usize, block: usize, row_vectors: usize, step: usize) -> String {
    let mut body = String::new();
    for j in 0..block {
        append_line(&mut body, &format!("var y{j} = vec4<f32>(0.0);"));
    }
    append_line(&mut body, "var at = row;");
    append_line(&mut body, &format!("for (var i = 0u; i < rows; i += {step}u) {{"));
    for s in 0..step {
        if s % 4 == 0 {
            append_line(&mut body, &format!("    let mean{} = parameters[component + i / 4u + {}u];", s / 4, s / 4));
        }
        // Past the last feature the rows of P are zero: any finite number will do.
        let feature = if d.is_multiple_of(step) { format!("(i + {s}u)") } else { format!("min(i + {s}u, DIM - 1u)") };
        let mean = format!("mean{}.{}", s / 4, LANE_NAMES[s % 4]);
        append_line(&mut body, &format!("    let c{s} = samples[x + {feature} * LANES] - {mean};"));
        for vector in 0..row_vectors {
            let place = s * row_vectors + vector;
            append_line(&mut body, &format!("    let p{s}_{vector} = parameters[at + {place}u];"));
        }
        for j in 0..block {
            let p = format!("p{s}_{}.{}", j / 4, LANE_NAMES[j % 4]);
            append_line(&mut body, &format!("    y{j} = fma(c{s}, vec4<f32>({p}), y{j});"));
        }
    }
    append_line(&mut body, &format!("    at += {}u;", step * row_vectors));
    append_line(&mut body, "}");
    append_line(&mut body, "var distance = y0 * y0;");
    for j in 1..block {
        append_line(&mut body, &format!("distance = fma(y{j}, y{j}, distance);"));
    }
    append_line(&mut body, "return distance;");
    let mut code = String::new();
    append(&mut code, "fn block_distance(x: u32, component: u32, row: u32, rows: u32) -> vec4<f32>", &body);
    code
}

/// The function of `log_density_diagonal.wgsl` for d features and some components at once. Where values may be missing,
/// features that are there take from a log-density what their normaliser says.
pub(super) fn diagonal_densities(d: usize, at_once: usize, is_masked: bool) -> String {
    let lanes = &LANE_NAMES[..d.min(4)];
    let mut body = String::new();
    for c in 0..at_once {
        append_line(&mut body, &format!("var distance{c} = vec4<f32>(0.0);"));
    }
    append_line(&mut body, "for (var i = 0u; i < MEAN; i++) {");
    for (place, lane) in lanes.iter().enumerate() {
        // Past the last feature the reciprocal deviations are zero: any finite number will do.
        let value = format!("samples[x + min(4u * i + {place}u, DIM - 1u) * LANES]");
        if is_masked {
            append_line(&mut body, &format!("    let v{lane} = {value};"));
            append_line(&mut body, &format!("    let there{lane} = {};", are_there(&format!("v{lane}"))));
            append_line(&mut body, &format!("    let s{lane} = select(vec4<f32>(0.0), v{lane}, there{lane});"));
        } else {
            append_line(&mut body, &format!("    let s{lane} = {value};"));
        }
    }
    for c in 0..at_once {
        append_line(&mut body, &format!("    let mean{c} = parameters[at + {c}u * COMPONENT + i];"));
        append_line(&mut body, &format!("    let reciprocal{c} = parameters[at + {c}u * COMPONENT + MEAN + i];"));
        if is_masked {
            append_line(&mut body, &format!("    let taken{c} = parameters[at + {c}u * COMPONENT + 2u * MEAN + i];"));
        }
        for lane in lanes {
            append_line(&mut body, &format!("    let y{c}{lane} = (s{lane} - mean{c}.{lane}) * reciprocal{c}.{lane};"));
            if is_masked {
                let term = format!("fma(y{c}{lane}, y{c}{lane}, vec4<f32>(taken{c}.{lane}))");
                append_line(&mut body, &format!("    distance{c} += select(vec4<f32>(0.0), {term}, there{lane});"));
            } else {
                append_line(&mut body, &format!("    distance{c} = fma(y{c}{lane}, y{c}{lane}, distance{c});"));
            }
        }
    }
    append_line(&mut body, "}");
    for c in 0..at_once {
        let constant = format!("parameters[at + {}u * COMPONENT - 1u].x", c + 1);
        let density = format!("fma(vec4<f32>(-0.5), bounded(distance{c}), vec4<f32>({constant}))");
        append_line(&mut body, &format!("let density{c} = {density};"));
        append_line(&mut body, &format!("densities[to + {c}u * tile.stride] = density{c};"));
    }
    append_line(&mut body, "var greatest = density0;");
    for c in 1..at_once {
        append_line(&mut body, &format!("greatest = max(greatest, density{c});"));
    }
    append_line(&mut body, "var sum = exp(density0 - greatest);");
    for c in 1..at_once {
        append_line(&mut body, &format!("sum += exp(density{c} - greatest);"));
    }
    append_line(&mut body, "return Exponentials(greatest, sum);");
    let mut code = String::new();
    append(&mut code, "fn bounded(distance: vec4<f32>) -> vec4<f32>", &format!("    {BOUNDED}\n"));
    append(&mut code, "fn write_densities(x: u32, at: u32, to: u32) -> Exponentials", &body);
    code
}

/// The numbers that a lane holds while it sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    /// Components.
    pub(super) at_once: usize,
    /// Numbers of the first, and of each other one.
    pub(super) first: usize,
    pub(super) other: usize,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        self.first + (self.at_once - 1) * self.other
    }

    /// Where the numbers of a component begin, and how many there are.
    fn of(&self, q: usize) -> (usize, usize) {
        if q == 0 { (0, self.first) } else { (self.first + (q - 1) * self.other, self.other) }
    }

    fn argument(&self) -> String {
        format!("held: ptr<function, array<f32, {}>>", self.len())
    }
}

/// Sums of an invocation of the M step.
pub(super) struct Part {
    pub(super) rows: usize,
    /// None where the rows are the columns too.
    pub(super) columns: usize,
    /// Whether the last part has features past the last one.
    pub(super) padded: bool,
    /// Row and column of each second moment.
    pub(super) products: Vec<(usize, usize)>,
    /// Whether the second moments of all components go to the first.
    pub(super) pooled: bool,
    /// Whether values may be missing: each feature has a count of its own, behind its second moments.
    pub(super) is_masked: bool,
    pub(super) held: Held,
}

impl Part {
    fn features(&self) -> usize {
        self.rows + self.columns
    }

    /// The place of a feature among all.
    fn feature(&self, i: usize) -> String {
        let (start, place) = if i < self.rows { ("start.x", i) } else { ("start.y", i - self.rows) };
        if self.padded { format!("min({start} + {place}u, DIM - 1u)") } else { format!("({start} + {place}u)") }
    }

    fn add_samples(&self) -> String {
        let (means, held) = (self.means(), self.held.argument());
        format!("fn add_samples(x: u32, n: u32, component: u32, start: vec2<u32>, {means}, {held})")
    }

    /// The means that a lane holds, as an argument.
    fn means(&self) -> String {
        format!("means_held: ptr<function, array<f32, {}>>", self.held.at_once * self.features())
    }
}

/// Adds the products of four samples' features to a sum.
fn product(sum: &str, i: impl Display, j: impl Display) -> String {
    let add_lane = |total: String, lane: &&str| format!("fma(w{i}.{lane}, c{j}.{lane}, {total})");
    format!("{sum} = {};", LANE_NAMES.iter().rev().fold(sum.to_owned(), add_lane))
}

/// The function `begin`, which loads the means of a lane's components and clears its sums.
fn begin(part: &Part) -> String {
    let (held, features) = (part.held, part.features());
    let component = |q: usize| format!("min(component + {q}u, tile.components - 1u)");
    let mut begin = String::new();
    for q in 0..held.at_once {
        let vectors = features.div_ceil(4);
        append_line(&mut begin, &format!("let mean{q} = ({} * PARTS + part) * {vectors}u;", component(q)));
        for first in (0..features).step_by(4) {
            append_line(&mut begin, &format!("let mean{q}_{first} = means[mean{q} + {}u];", first / 4));
            for i in first..(first + 4).min(features) {
                let mean = format!("mean{q}_{first}.{}", LANE_NAMES[i - first]);
                append_line(&mut begin, &format!("(*means_held)[{}] = {mean};", q * features + i));
            }
        }
    }
    for at in 0..held.len() {
        append_line(&mut begin, &format!("(*held)[{at}] = 0.0;"));
    }

    let mut code = String::new();
    append(&mut code, &format!("fn begin(component: u32, part: u32, {}, {})", part.means(), held.argument()), &begin);
    code
}

/// The functions of `moments_staged.wgsl`, but for `start_of`.
pub(super) fn staged_moments(part: &Part) -> String {
    let Part { rows, columns, ref products, pooled, held, .. } = *part;
    let sum = |at: usize| format!("(*held)[{at}]");
    let mut add = String::new();
    append_line(&mut add, "let count = dot(r, vec4<f32>(1.0));");
    append_line(&mut add, &format!("{} += count;", sum(0)));
    if pooled {
        append_line(&mut add, &format!("{} += count;", sum(1 + rows + products.len())));
    }
    for i in 0..rows {
        append_line(&mut add, &format!("let w{i} = r * (staged[row + {i}u * ROW] - (*means_held)[{i}]);"));
        append_line(&mut add, &format!("{} += dot(w{i}, vec4<f32>(1.0));", sum(1 + i)));
    }
    for j in 0..columns {
        let mean = format!("(*means_held)[{}]", rows + j);
        append_line(&mut add, &format!("let c{j} = staged[column + {j}u * ROW] - {mean};"));
        for (at, (i, _)) in products.iter().enumerate().filter(|(_, (_, column))| *column == j) {
            append_line(&mut add, &product(&sum(1 + rows + at), i, j));
        }
    }
    let mut hand_over = String::new();
    append_line(&mut hand_over, "let start = (range * tile.statistics + at) / 4u;");
    for first in (0..held.len()).step_by(4) {
        let vector: Vec<String> = (first..first + 4).map(sum).collect();
        append_line(&mut hand_over, &format!("sums[start + {}u] = vec4<f32>({});", first / 4, vector.join(", ")));
    }
    let mut code = begin(part);
    let (means, held) = (part.means(), held.argument());
    append(&mut code, &format!("fn add_staged(r: vec4<f32>, row: u32, column: u32, {means}, {held})"), &add);
    append(&mut code, &format!("fn hand_over(range: u32, at: u32, {held})"), &hand_over);
    code
}

/// The functions of `moments.wgsl`, but for `start_of`.
pub(super) fn moments(part: &Part) -> String {
    if part.is_masked {
        return masked_moments(part);
    }
    let Part { rows, columns, ref products, pooled, held, .. } = *part;
    let (features, feature) = (part.features(), |i| part.feature(i));
    let component = |q: usize| format!("min(component + {q}u, tile.components - 1u)");

    let mut add = String::new();
    append_line(&mut add, "let peak = peaks[n];");
    append_line(&mut add, "let scale = scales[n];");
    for i in 0..features {
        append_line(&mut add, &format!("let x{i} = samples[x + {} * LANES];", feature(i)));
    }
    for q in 0..held.at_once {
        let sum = |at: usize| format!("(*held)[{at}]");
        let (own, _) = held.of(q);
        let seconds = 1 + rows + if pooled { 0 } else { own };
        append_line(&mut add, "{");
        let density = format!("densities[{} * tile.stride + n]", component(q));
        append_line(&mut add, &format!("var r = exp({density} - peak) * scale;"));
        if pooled && q > 0 {
            // A component past the last one must not add to what all of them share.
            append_line(&mut add, &format!("r *= f32(component + {q}u < tile.components);"));
        }
        append_line(&mut add, "let count = dot(r, vec4<f32>(1.0));");
        append_line(&mut add, &format!("{} += count;", sum(own)));
        if pooled {
            append_line(&mut add, &format!("{} += count;", sum(seconds + products.len())));
        }
        for i in 0..features {
            append_line(&mut add, &format!("let c{i} = x{i} - (*means_held)[{}];", q * features + i));
        }
        for i in 0..rows {
            append_line(&mut add, &format!("let w{i} = r * c{i};"));
            append_line(&mut add, &format!("{} += dot(w{i}, vec4<f32>(1.0));", sum(own + 1 + i)));
        }
        for (at, (i, j)) in products.iter().enumerate() {
            let j = if columns > 0 { rows + j } else { *j };
            append_line(&mut add, &product(&sum(seconds + at), i, j));
        }
        append_line(&mut add, "}");
    }

    let mut code = begin(part);
    append(&mut code, &part.add_samples(), &add);
    code
}

/// The functions of `moments.wgsl`, but for `start_of`, where values may be missing: one feature after another, so that few
/// masks are alive at a time.
fn masked_moments(part: &Part) -> String {
    let Part { rows, ref products, held, .. } = *part;
    let mut add = String::new();
    append_line(&mut add, "let peak = peaks[n];");
    append_line(&mut add, "let scale = scales[n];");
    let sum = |q: usize, at: usize| format!("(*held)[{}]", held.of(q).0 + at);
    for q in 0..held.at_once {
        let density = format!("densities[min(component + {q}u, tile.components - 1u) * tile.stride + n]");
        append_line(&mut add, &format!("let r{q} = exp({density} - peak) * scale;"));
        append_line(&mut add, &format!("{} += dot(r{q}, vec4<f32>(1.0));", sum(q, 0)));
    }
    for i in 0..rows {
        append_line(&mut add, "{");
        append_line(&mut add, &format!("let value = samples[x + {} * LANES];", part.feature(i)));
        append_line(&mut add, &format!("let is_there = {};", are_there("value")));
        append_line(&mut add, "let x = select(vec4<f32>(0.0), value, is_there);");
        for q in 0..held.at_once {
            append_line(&mut add, "{");
            append_line(&mut add, &format!("let r = select(vec4<f32>(0.0), r{q}, is_there);"));
            append_line(&mut add, &format!("let c{i} = x - (*means_held)[{}];", q * rows + i));
            append_line(&mut add, &format!("let w{i} = r * c{i};"));
            append_line(&mut add, &format!("{} += dot(w{i}, vec4<f32>(1.0));", sum(q, 1 + i)));
            append_line(&mut add, &product(&sum(q, 1 + rows + i), i, i));
            append_line(&mut add, &format!("{} += dot(r, vec4<f32>(1.0));", sum(q, 1 + rows + products.len() + i)));
            append_line(&mut add, "}");
        }
        append_line(&mut add, "}");
    }
    let mut code = begin(part);
    append(&mut code, &part.add_samples(), &add);
    code
}

/// The function of `add_lanes.wgsl`.
pub(super) fn share_round(held: Held) -> String {
    let mut rounds = String::from("    switch round {\n");
    for round in 0..held.len().div_ceil(LANES) {
        append_line(&mut rounds, &format!("case {round}u: {{"));
        for at in round * LANES..((round + 1) * LANES).min(held.len()) {
            let number = at % LANES;
            let place = format!("{}u + (lane + {number}u) % LANES", number * LANES);
            append_line(&mut rounds, &format!("    lanes[{place}] = (*held)[{at}];"));
        }
        append_line(&mut rounds, "}");
    }
    append_line(&mut rounds, "default: {}\n    }");
    let mut code = String::new();
    append(&mut code, &format!("fn share_round(round: u32, lane: u32, {})", held.argument()), &rounds);
    code
}

/// The function `hand_over`, where each lane hands over a set of its own.
pub(super) fn hand_over(held: Held) -> String {
    let mut body = String::new();
    append_line(&mut body, "let start = (range * LANES + lane) * tile.statistics;");
    for q in 0..held.at_once {
        let (own, numbers) = held.of(q);
        append_line(&mut body, &format!("let at{q} = at + {q}u * COMPONENT;"));
        append_line(&mut body, &format!("if at{q} < tile.statistics {{"));
        for first in (0..numbers).step_by(4) {
            let vector: Vec<String> = (0..4).map(|i| format!("(*held)[{}]", own + first + i)).collect();
            let place = format!("(start + at{q}) / 4u + {}u", first / 4);
            append_line(&mut body, &format!("    sums[{place}] = vec4<f32>({});", vector.join(", ")));
        }
        append_line(&mut body, "}");
    }
    let mut code = String::new();
    append(&mut code, &format!("fn hand_over(range: u32, at: u32, lane: u32, {})", held.argument()), &body);
    code
}

fn append(code: &mut String, signature: &str, body: &str) {
    write!(code, "{signature} {{\n{body}}}\n").expect("a string takes all that is written to it");
}

fn append_line(code: &mut String, line: &str) {
    writeln!(code, "    {line}").expect("a string takes all that is written to it");
}
