// What every stage shares. Samples lie in groups of 256: a group is DIM rows of 64 vectors, each of four samples, so
// that the 64 invocations of a workgroup read each row of a group as one run. "Lane" is an invocation's place there.
//
// A header of constants precedes this file: DIM (features), BLOCK (features of a block), BLOCKS (blocks of features),
// and, where a stage needs more, what the stage says.

const LANES: u32 = 64u;

/// What one dispatch works on: some groups of one chunk of samples.
struct Tile {
    /// First group of the tile within its chunk.
    first_group: u32,
    /// Groups of the tile.
    groups: u32,
    /// Vectors from one component's log-densities to the next one's.
    stride: u32,
    /// K.
    components: u32,
    /// 1 where each sample belongs wholly to its most probable component.
    hard: u32,
    /// The groups are cut into this many ranges of `range_groups`, the last one shorter; each has sums of its own.
    ranges: u32,
    range_groups: u32,
    /// Numbers in one set of sums.
    statistics: u32,
    /// Set of totals to add to, and whether it holds something yet.
    slot: u32,
    accumulate: u32,
    /// The components are cut into this many slices by the E step.
    slices: u32,
}

/// Workgroups are folded into two dimensions, for one dimension takes no more than 65,535.
fn folded(workgroup: vec3<u32>, workgroups: vec3<u32>) -> u32 {
    return workgroup.y * workgroups.x + workgroup.x;
}

/// A sum of exponentials: the greatest exponent, and the sum relative to its exponential.
struct Exponentials {
    greatest: vec4<f32>,
    sum: vec4<f32>,
}

/// No exponentials. Not minus infinity: a compiler may assume that there is no such number.
fn no_exponentials() -> Exponentials {
    return Exponentials(vec4<f32>(-3e38), vec4<f32>(0.0));
}

/// Both together.
fn joined(a: Exponentials, b: Exponentials) -> Exponentials {
    let e = exp(-abs(a.greatest - b.greatest));
    let sum = select(fma(b.sum, e, a.sum), fma(a.sum, e, b.sum), b.greatest > a.greatest);
    return Exponentials(max(a.greatest, b.greatest), sum);
}
