// The sums of a tile's ranges, added in order, go to a set of totals: put there, or added to those of earlier tiles.
//
// Header: SETS (of a range).

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> totals: array<f32>;

/// A number of one of the sets, of which there are so many.
fn number_of(i: u32, sets: u32, number: u32) -> f32 {
    if i < sets {
        return sums[i * tile.statistics + number];
    }
    return 0.0;
}

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
    let sets = tile.ranges * SETS;
    // Four sums: one long sum would lose more digits.
    var parts = vec4<f32>(0.0);
    for (var i = 0u; i < sets; i += 4u) {
        parts += vec4<f32>(
            number_of(i, sets, number),
            number_of(i + 1u, sets, number),
            number_of(i + 2u, sets, number),
            number_of(i + 3u, sets, number),
        );
    }
    var total = dot(parts, vec4<f32>(1.0));
    let at = tile.slot * tile.statistics + number;
    if tile.accumulate == 1u {
        total += totals[at];
    }
    totals[at] = total;
}
