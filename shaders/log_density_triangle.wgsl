// E step, full and tied covariances of few features: log (w_k p_k(x)) = constant_k - |(x - mu_k) P_k|^2 / 2 for each
// sample of a tile and each component of a window, P_k upper triangular with P_k P_k^T the precision; and, for each
// sample and slice of the components, the sum of their exponentials.
//
// One invocation holds four samples, all their features in registers. Parameters are those of the window (`part_of`
// says which); then for each component its means, the columns of P down to the diagonal, one after another, and the
// constant, each padded to whole vectors. They are in a uniform buffer where they fit, for all invocations read the same
// ones.
//
// Header: COMPONENT (vectors of a component), `parameters`, at binding 1, `part_of`, `next_component`, and what drivers
// leave rolled and would then index registers with: `load`, the features of the samples, and `squared_distance`,
// |(x - mu) P|^2 for the component whose parameters begin at a vector.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(2) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> densities: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> slices: array<vec4<f32>>;

@compute @workgroup_size(64)
fn log_density_triangle(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let part = part_of(folded(workgroup, workgroups));
    if part.first >= part.end {
        return;
    }
    let n = part.group * LANES + lane;
    var x = load((tile.first_group + part.group) * DIM * LANES + lane);
    var all = no_exponentials();
    var k = next_component(part.group, part.offset, part.first, part.end);
    for (; k < part.end; k = next_component(part.group, part.offset, k + 1u, part.end)) {
        let component = 1u + k * COMPONENT;
        let distance = squared_distance(&x, component);
        let constant = parameters[component + COMPONENT - 1u].x;
        let density = fma(vec4<f32>(-0.5), distance, vec4<f32>(constant));
        densities[(part.offset + k) * tile.stride + n] = density;
        all = joined(all, Exponentials(density, vec4<f32>(1.0)));
    }
    slices[2u * part.slice * tile.stride + n] = all.greatest;
    slices[(2u * part.slice + 1u) * tile.stride + n] = all.sum;
}
