// Of passes in which every component meets every group of samples: what comes next is the next one.

/// The next component of a group, from one on; both are counted from the first of a window.
fn next_component(group: u32, offset: u32, start: u32, end: u32) -> u32 {
    return start;
}

/// The next group of a component, from one on.
fn next_group(component: u32, start: u32, end: u32) -> u32 {
    return start;
}
