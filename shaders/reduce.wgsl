// The sums of a tile's ranges, added in order, go to a set of totals: put there, or added to those of earlier tiles.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> totals: array<f32>;

@compute @workgroup_size(64)
fn reduce(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = folded(workgroup, workgroups) * LANES + lane;
    if number >= tile.statistics {
        return;
    }
    var total = 0.0;
    for (var range = 0u; range < tile.ranges; range++) {
        total += sums[range * tile.statistics + number];
    }
    let at = tile.slot * tile.statistics + number;
    if tile.accumulate == 1u {
        total += totals[at];
    }
    totals[at] = total;
}
