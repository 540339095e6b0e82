// What a workgroup of the E step works on: a group of samples, and a slice of the components of a window. Workgroups that
// run side by side have the same slice, and read the same parameters.
//
// The first parameters of a window are its first component, how many it has, how many a slice of them has, and the number
// of its first slice among those of all windows. Header: `parameters`.

struct Part {
    group: u32,
    /// Number of the slice, among those of all windows.
    slice: u32,
    /// First component of the window.
    offset: u32,
    /// Components of the slice, counted from the first of the window; none where the workgroup has nothing to do.
    first: u32,
    end: u32,
}

fn part_of(index: u32) -> Part {
    let window = parameters[0];
    let slice = index / tile.groups;
    let components = u32(window.z);
    let first = slice * components;
    let end = min(first + components, u32(window.y));
    return Part(index % tile.groups, u32(window.w) + slice, u32(window.x), first, end);
}
