// M step: sums over a range of samples of r, r (x - mu) and r (x - mu)(x - mu)^T, for AT_ONCE components and one part
// of their features (`gpu/m_step.rs` says what parts there are).
//
// A workgroup sums one range: each lane over its own samples, all sums in registers, so that a value is read once for
// all components and all its products.
//
// Header: DIM (features), BLOCK (rows of a part), PARTS (of a component), MEANS (of all components at once), AT_ONCE, HELD (sums), NUMBERS (of a part), COMPONENT (of a component),
// `sums`, at binding 6, `start_of` (first row and column of a part), `next_group`, and what drivers leave rolled and would then index registers with: `begin`, `add_samples`, and
// `hand_over`, which puts what the lanes hold into sets of sums.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> means: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> densities: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> peaks: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> scales: array<vec4<f32>>;

@compute @workgroup_size(64)
fn moments(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = folded(workgroup, workgroups);
    let batches = (tile.components + AT_ONCE - 1u) / AT_ONCE;
    if index >= tile.ranges * batches * PARTS {
        return;
    }
    let part = index % PARTS;
    let component = index / PARTS % batches * AT_ONCE;
    let range = index / (PARTS * batches);
    let start = start_of(part);

    var means_held: array<f32, MEANS>;
    var held: array<f32, HELD>;
    begin(component, part, &means_held, &held);
    let end = min((range + 1u) * tile.range_groups, tile.groups);
    var group = next_group(component, range * tile.range_groups, end);
    for (; group < end; group = next_group(component, group + 1u, end)) {
        let x = (tile.first_group + group) * DIM * LANES + lane;
        add_samples(x, group * LANES + lane, component, start, &means_held, &held);
    }
    hand_over(range, 4u + component * COMPONENT + part * NUMBERS, lane, &held);
}
