// E step, full and tied covariances of few features: log (w_k p_k(x)) = constant_k - |(x - mu_k) P_k|^2 / 2 for each
// sample of a tile and each component of a window, P_k upper triangular with P_k P_k^T the precision.
//
// One invocation holds four samples, all their features in registers. Parameters are: the first component of the window
// and how many it has; then for each component its means, the columns of P down to the diagonal, one after another, and
// the constant, each padded to whole vectors. They are in a uniform buffer, for all invocations read the same ones.
//
// Header: COMPONENT (vectors of a component), `parameters`, at binding 1, and what drivers leave rolled and would then
// index registers with: `squared_distance`, |(x - mu) P|^2 for the component whose parameters begin at a vector.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(2) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> densities: array<vec4<f32>>;

@compute @workgroup_size(64)
fn log_density_triangle(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = folded(workgroup, workgroups);
    if group >= tile.groups {
        return;
    }
    let start = (tile.first_group + group) * DIM * LANES + lane;
    let first_component = u32(parameters[0].x);
    let window = u32(parameters[0].y);
    var x: array<vec4<f32>, DIM>;
    for (var i = 0u; i < DIM; i++) {
        x[i] = samples[start + i * LANES];
    }
    for (var k = 0u; k < window; k++) {
        let component = 1u + k * COMPONENT;
        let distance = squared_distance(&x, component);
        let constant = parameters[component + COMPONENT - 1u].x;
        densities[(first_component + k) * tile.stride + group * LANES + lane] = fma(vec4<f32>(-0.5), distance, vec4<f32>(constant));
    }
}
