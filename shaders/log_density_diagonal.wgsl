// E step, diagonal and spherical covariances: log (w_k p_k(x)) = constant_k - sum_d ((x_d - mu_kd) p_kd)^2 / 2, p the
// reciprocal standard deviations, for each sample of a tile and each component of a window; and, for each sample and
// slice of the components, the sum of their exponentials.
//
// One invocation holds four samples and handles several components at a time, so that a sample is read once for all of
// them. Parameters are those of the window (`part_of` says which); then for each component MEAN vectors of means, MEAN
// vectors of reciprocal standard deviations, and the constant.
//
// Where values may be missing, log-densities are those of the features that are there, each of which takes its normaliser
// from the constant: these follow the reciprocal standard deviations in MEAN vectors more.
//
// Header: MEAN (vectors of the means), COMPONENT (vectors of a component), AT_ONCE (components; one where groups have
// components of their own), `parameters`, at binding 1, `part_of`, `next_component`, and what drivers leave rolled and
// would then index registers with: `write_densities`, for the components whose parameters begin at a vector, which
// returns the sum of their exponentials.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(2) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> densities: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> slices: array<vec4<f32>>;

@compute @workgroup_size(64)
fn log_density_diagonal(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let part = part_of(folded(workgroup, workgroups));
    if part.first >= part.end {
        return;
    }
    let n = part.group * LANES + lane;
    let x = (tile.first_group + part.group) * DIM * LANES + lane;
    var all = no_exponentials();
    var k = next_component(part.group, part.offset, part.first, part.end);
    for (; k < part.end; k = next_component(part.group, part.offset, k + AT_ONCE, part.end)) {
        all = joined(all, write_densities(x, 1u + k * COMPONENT, (part.offset + k) * tile.stride + n));
    }
    slices[2u * part.slice * tile.stride + n] = all.greatest;
    slices[(2u * part.slice + 1u) * tile.stride + n] = all.sum;
}
