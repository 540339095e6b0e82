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

/// The functions of `moments_triangle.wgsl` on a triangle of order d.
pub(super) fn triangle(d: usize) -> String {
    let len = d * (d + 1) / 2;
    let triangle = format!("second: ptr<function, array<f32, {len}>>");
    let mut code = String::new();

    let clear: String = (0..len).map(|at| format!("    (*second)[{at}] = 0.0;\n")).collect();
    append(&mut code, &format!("fn clear({triangle})"), &clear);

    let mut products = String::new();
    for i in 0..d {
        append_line(&mut products, &format!("let w{i} = r * (*c)[{i}];"));
        for j in 0..=i {
            let at = i * (i + 1) / 2 + j;
            let mut sum = format!("(*second)[{at}]");
            for lane in ["w", "z", "y", "x"] {
                sum = format!("fma(w{i}.{lane}, (*c)[{j}].{lane}, {sum})");
            }
            append_line(&mut products, &format!("(*second)[{at}] = {sum};"));
        }
    }
    let arguments = format!("r: vec4<f32>, c: ptr<function, array<vec4<f32>, {d}>>, {triangle}");
    append(&mut code, &format!("fn add_products({arguments})"), &products);

    let mut rounds = String::from("    switch round {\n");
    for round in 0..len.div_ceil(LANES) {
        append_line(&mut rounds, &format!("case {round}u: {{"));
        for at in round * LANES..((round + 1) * LANES).min(len) {
            let residual = format!("fma(-count, covariances[expected + {at}u], (*second)[{at}])");
            append_line(&mut rounds, &format!("    lanes[{}u + lane] = {residual};", at % LANES * LANES));
        }
        append_line(&mut rounds, "}");
    }
    append_line(&mut rounds, "default: {}\n    }");
    let arguments = format!("round: u32, lane: u32, count: f32, expected: u32, {triangle}");
    append(&mut code, &format!("fn share_round({arguments})"), &rounds);
    code
}

fn append(code: &mut String, signature: &str, body: &str) {
    write!(code, "{signature} {{\n{body}}}\n").expect("a string takes all that is written to it");
}

fn append_line(code: &mut String, line: &str) {
    writeln!(code, "    {line}").expect("a string takes all that is written to it");
}
