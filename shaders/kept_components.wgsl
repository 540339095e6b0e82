// Which components can matter to the samples of each group: those whose log-density comes, somewhere in the box around
// the group, near enough to the greatest that is certain everywhere in it.
//
// One workgroup has one group, and a lane every 64th component. Of a component, with P as in the E step, y = (c - mu) P,
// c the centre of the box, and spread_j = sum_i h_i |P_ij|, h its half-widths, the squared distance of any x in the box
// lies between sum_j max(0, |y_j| - spread_j)^2 and sum_j (|y_j| + spread_j)^2. What rounding may do to either is allowed
// for.
//
// Header: DIM (features), BOX (numbers of a box: centre, half-widths, and the share of a group that is samples), WORDS
// (of a group's marks, a bit for each component), FACTORS (numbers of a component), CUT and SHARE (how far below the
// greatest a log-density of a soft assignment may be, and that of a hard one as a share of the greatest), ROUNDING,
// `boxes`, `factors` (each number of all components, one after another; the last is the constant), at bindings 1 and 2,
// `squared_distances`, the bounds for a box and a component, and `add_up_lanes`.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(3) var<storage, read_write> highest: array<f32>;
@group(0) @binding(4) var<storage, read_write> marks: array<u32>;
@group(0) @binding(5) var<storage, read_write> kept: array<f32>;

var<workgroup> greatest_of_lanes: array<f32, LANES>;

@compute @workgroup_size(64)
fn kept_components(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = folded(workgroup, workgroups);
    if group >= tile.groups {
        return;
    }
    let box = (tile.first_group + group) * BOX;
    let first = group * tile.components;
    var greatest = -3e38;
    for (var k = lane; k < tile.components; k += LANES) {
        let distances = squared_distances(box, k);
        let constant = factors[(FACTORS - 1u) * tile.components + k];
        let slack = ROUNDING * abs(constant);
        highest[first + k] = fma(-0.5, distances.x, constant) + slack;
        greatest = max(greatest, fma(-0.5, distances.y, constant) - slack);
    }
    greatest_of_lanes[lane] = greatest;
    storageBarrier();
    workgroupBarrier();
    for (var i = 0u; i < LANES; i++) {
        greatest = max(greatest, greatest_of_lanes[i]);
    }
    let cut = select(CUT, SHARE * (1.0 + abs(greatest)), tile.hard == 1u);
    let least = greatest - cut - ROUNDING * (1.0 + abs(greatest));
    var count = 0u;
    for (var word = lane; word < WORDS; word += LANES) {
        let components = min(tile.components - word * 32u, 32u);
        var bits = 0u;
        for (var i = 0u; i < components; i++) {
            bits |= select(1u << i, 0u, highest[first + word * 32u + i] < least);
        }
        marks[group * WORDS + word] = bits;
        count += countOneBits(bits);
    }
    let all = add_up_lanes(f32(count), lane);
    if lane == 0u {
        kept[group] = all * boxes[box + BOX - 1u];
    }
}
