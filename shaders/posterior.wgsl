// E step, second half: from the log-densities of all components, each sample's log-density (a log of a sum of
// exponentials, relative to its largest term), most probable component, and responsibilities. The responsibilities
// stay unnormalised, in place of the log-densities; `scales` holds weight over their sum.

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> densities: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> log_densities: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> labels: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> scales: array<vec4<f32>>;

@compute @workgroup_size(64)
fn posterior(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let group = folded(workgroup, workgroups);
    if group >= tile.groups {
        return;
    }
    let n = group * LANES + lane;
    let weight = weights[tile.first_group * LANES + n];
    // Not minus infinity: a compiler may assume that there is no such number.
    var greatest = vec4<f32>(-3e38);
    var label = vec4<u32>(0u);
    for (var k = 0u; k < tile.components; k++) {
        let density = densities[k * tile.stride + n];
        let better = density > greatest;
        greatest = select(greatest, density, better);
        label = select(label, vec4<u32>(k), better);
    }
    if tile.hard == 1u {
        for (var k = 0u; k < tile.components; k++) {
            densities[k * tile.stride + n] = select(vec4<f32>(0.0), vec4<f32>(1.0), label == vec4<u32>(k));
        }
        log_densities[n] = greatest;
        scales[n] = weight;
    } else {
        var sum = vec4<f32>(0.0);
        for (var k = 0u; k < tile.components; k++) {
            let e = exp(densities[k * tile.stride + n] - greatest);
            densities[k * tile.stride + n] = e;
            sum += e;
        }
        log_densities[n] = greatest + log(sum);
        scales[n] = weight / sum;
    }
    labels[n] = label;
}
