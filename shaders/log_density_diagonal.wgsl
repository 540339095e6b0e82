// E step, diagonal and spherical covariances: log (w_k p_k(x)) = constant_k - sum_d ((x_d - mu_kd) p_kd)^2 / 2, p the
// reciprocal standard deviations, for each sample of a tile and each component of a window.
//
// One invocation holds four samples and handles four components at a time, so that a sample is read once for four. Parameters
// are: the first component of the window and how many it has; then for each component MEAN vectors of means, MEAN vectors of reciprocal standard deviations, and the
// constant.
//
// Header: MEAN (vectors of the means), COMPONENT (vectors of a component), and `parameters`, at binding 1.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(2) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> densities: array<vec4<f32>>;

@compute @workgroup_size(64)
fn log_density_diagonal(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = folded(workgroup, workgroups);
    if group >= tile.groups {
        return;
    }
    let x = (tile.first_group + group) * DIM * LANES + lane;
    let first_component = u32(parameters[0].x);
    let window = u32(parameters[0].y);
    for (var k = 0u; k < window; k += 4u) {
        var distance: array<vec4<f32>, 4>;
        for (var c = 0u; c < 4u; c++) {
            distance[c] = vec4<f32>(0.0);
        }
        for (var i = 0u; i < MEAN; i++) {
            for (var s = 0u; s < STEP; s++) {
                // Past the last feature the reciprocal deviations are zero: any finite number will do.
                let sample = samples[x + min(i * 4u + s, DIM - 1u) * LANES];
                for (var c = 0u; c < 4u; c++) {
                    let at = 1u + (k + c) * COMPONENT + i;
                    // Beyond this a sum of squares could leave the range of f32.
                    let y = clamp((sample - parameters[at][s]) * parameters[at + MEAN][s], vec4<f32>(-1e15), vec4<f32>(1e15));
                    distance[c] = fma(y, y, distance[c]);
                }
            }
        }
        for (var c = 0u; c < 4u; c++) {
            let constant = parameters[(k + c + 1u) * COMPONENT].x;
            densities[(first_component + k + c) * tile.stride + group * LANES + lane] = fma(vec4<f32>(-0.5), distance[c], vec4<f32>(constant));
        }
    }
}
