// E step, diagonal and spherical covariances: log (w_k p_k(x)) = constant_k - sum_d ((x_d - mu_kd) p_kd)^2 / 2, p the
// reciprocal standard deviations, for each sample of a tile and each component of a window.
//
// One invocation holds four samples and handles several components at a time, so that a sample is read once for all of
// them. Parameters are: the first component of the window and how many it has; then for each component MEAN vectors of
// means, MEAN vectors of reciprocal standard deviations, and the constant.
//
// Header: MEAN (vectors of the means), COMPONENT (vectors of a component), AT_ONCE (components), `parameters`, at
// binding 1, and what drivers leave rolled and would then index registers with: `write_densities`, for the components
// whose parameters begin at a vector.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(2) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> densities: array<vec4<f32>>;

fn add_square(y: vec4<f32>, sum: vec4<f32>) -> vec4<f32> {
    // Beyond this a sum of squares could leave the range of f32.
    let bounded = clamp(y, vec4<f32>(-1e15), vec4<f32>(1e15));
    return fma(bounded, bounded, sum);
}

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
    let to = u32(parameters[0].x) * tile.stride + group * LANES + lane;
    let window = u32(parameters[0].y);
    for (var k = 0u; k < window; k += AT_ONCE) {
        write_densities(x, 1u + k * COMPONENT, to + k * tile.stride);
    }
}
