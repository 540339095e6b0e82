//! Straight-line WGSL, for loops that drivers leave rolled: an array that is indexed by a loop's variable leaves the
//! registers, and the kernel with it most of its speed.

use std::fmt::Write;

use super::samples::LANES;

/// The function of `log_density_triangle.wgsl` for d features, whose means take so many vectors.
pub(super) fn squared_distance(d: usize, mean_vectors: usize) -> String {
    // Number n of the parameters that begin at a vector.
    let parameter =
        |first: usize, n: usize| format!("parameters[at + {}u].{}", first + n / 4, ["x", "y", "z", "w"][n % 4]);
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
        // Beyond this a sum of squares could leave the range of f32.
        append_line(&mut body, "y = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));");
        append_line(&mut body, "distance = fma(y, y, distance);");
    }
    append_line(&mut body, "return distance;");
    let mut code = String::new();
    let signature = format!("fn squared_distance(x: ptr<function, array<vec4<f32>, {d}>>, at: u32) -> vec4<f32>");
    append(&mut code, &signature, &body);
    code
}

/// What an invocation of the M step sums.
pub(super) struct Part {
    pub(super) rows: usize,
    /// None where the rows are the columns too.
    pub(super) columns: usize,
    /// Whether the last part has features past the last one.
    pub(super) padded: bool,
    /// Row and column of each second moment.
    pub(super) products: Vec<(usize, usize)>,
    /// Components.
    pub(super) at_once: usize,
}

/// The functions of `moments.wgsl`.
pub(super) fn moments(part: &Part) -> String {
    let Part { rows, columns, padded, ref products, at_once } = *part;
    let (features, numbers) = (rows + columns, 1 + rows + products.len());
    let means = format!("means_held: ptr<function, array<f32, {}>>", at_once * features);
    let sums = format!("held: ptr<function, array<f32, {}>>", at_once * numbers);
    let feature = |i: usize| {
        let (start, place) = if i < rows { ("start.x", i) } else { ("start.y", i - rows) };
        if padded { format!("min({start} + {place}u, DIM - 1u)") } else { format!("({start} + {place}u)") }
    };
    let component = |q: usize| format!("min(component + {q}u, tile.components - 1u)");

    let mut begin = String::new();
    for q in 0..at_once {
        for i in 0..features {
            let mean = format!("means[{} * DIM + {}]", component(q), feature(i));
            append_line(&mut begin, &format!("(*means_held)[{}] = {mean};", q * features + i));
        }
        for at in 0..numbers {
            append_line(&mut begin, &format!("(*held)[{}] = 0.0;", q * numbers + at));
        }
    }

    let mut add = String::new();
    append_line(&mut add, "let peak = peaks[n];");
    append_line(&mut add, "let scale = scales[n];");
    for i in 0..features {
        append_line(&mut add, &format!("let x{i} = samples[x + {} * LANES];", feature(i)));
    }
    for q in 0..at_once {
        let sum = |at: usize| format!("(*held)[{}]", q * numbers + at);
        append_line(&mut add, "{");
        let density = format!("densities[{} * tile.stride + n]", component(q));
        append_line(&mut add, &format!("let r = exp({density} - peak) * scale;"));
        append_line(&mut add, &format!("{} += dot(r, vec4<f32>(1.0));", sum(0)));
        for i in 0..features {
            append_line(&mut add, &format!("let c{i} = x{i} - (*means_held)[{}];", q * features + i));
        }
        for i in 0..rows {
            append_line(&mut add, &format!("let w{i} = r * c{i};"));
            append_line(&mut add, &format!("{} += dot(w{i}, vec4<f32>(1.0));", sum(1 + i)));
        }
        for (at, (i, j)) in products.iter().enumerate() {
            let (place, j) = (sum(1 + rows + at), if columns > 0 { rows + j } else { *j });
            let terms = ["w", "z", "y", "x"].into_iter();
            let total = terms.fold(place.clone(), |total, lane| format!("fma(w{i}.{lane}, c{j}.{lane}, {total})"));
            append_line(&mut add, &format!("{place} = {total};"));
        }
        append_line(&mut add, "}");
    }

    let mut take_off = String::new();
    for q in 0..at_once {
        append_line(&mut take_off, &format!("let at{q} = ({} * PARTS + part) * {}u;", component(q), products.len()));
        for at in 0..products.len() {
            let (count, place) = (q * numbers, q * numbers + 1 + rows + at);
            let expected = format!("covariances[at{q} + {at}u]");
            let residual = format!("fma(-(*held)[{count}], {expected}, (*held)[{place}])");
            append_line(&mut take_off, &format!("(*held)[{place}] = {residual};"));
        }
    }

    let mut code = String::new();
    append(&mut code, &format!("fn begin(component: u32, start: vec2<u32>, {means}, {sums})"), &begin);
    let arguments = format!("x: u32, n: u32, component: u32, start: vec2<u32>, {means}, {sums}");
    append(&mut code, &format!("fn add_samples({arguments})"), &add);
    append(&mut code, &format!("fn take_off_expected(component: u32, part: u32, {sums})"), &take_off);
    code
}

/// The function of `add_lanes.wgsl` for so many numbers.
pub(super) fn share_round(numbers: usize) -> String {
    let mut rounds = String::from("    switch round {\n");
    for round in 0..numbers.div_ceil(LANES) {
        append_line(&mut rounds, &format!("case {round}u: {{"));
        for at in round * LANES..((round + 1) * LANES).min(numbers) {
            append_line(&mut rounds, &format!("    lanes[{}u + lane] = (*held)[{at}];", at % LANES * LANES));
        }
        append_line(&mut rounds, "}");
    }
    append_line(&mut rounds, "default: {}\n    }");
    let mut code = String::new();
    let held = format!("held: ptr<function, array<f32, {numbers}>>");
    append(&mut code, &format!("fn share_round(round: u32, lane: u32, {held})"), &rounds);
    code
}

/// The function `hand_over`, where each lane hands over a set of its own.
pub(super) fn hand_over(numbers: usize, at_once: usize) -> String {
    let mut body = String::new();
    append_line(&mut body, "let start = (range * LANES + lane) * tile.statistics;");
    for q in 0..at_once {
        append_line(&mut body, &format!("let at{q} = at + {q}u * COMPONENT;"));
        append_line(&mut body, &format!("if at{q} < tile.statistics {{"));
        for number in 0..numbers {
            let place = q * numbers + number;
            append_line(&mut body, &format!("    sums[start + at{q} + {number}u] = (*held)[{place}];"));
        }
        append_line(&mut body, "}");
    }
    let mut code = String::new();
    let held = format!("held: ptr<function, array<f32, {}>>", at_once * numbers);
    append(&mut code, &format!("fn hand_over(range: u32, at: u32, lane: u32, {held})"), &body);
    code
}

fn append(code: &mut String, signature: &str, body: &str) {
    write!(code, "{signature} {{\n{body}}}\n").expect("a string takes all that is written to it");
}

fn append_line(code: &mut String, line: &str) {
    writeln!(code, "    {line}").expect("a string takes all that is written to it");
}
