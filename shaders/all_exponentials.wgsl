// Of the slices of the components, each summed by the first half of the E step.
//
// Header: `slices` (of each slice the greatest log-density of every sample, and then its sum).

/// The exponentials of a vector of samples, over all slices.
fn all_exponentials(n: u32) -> Exponentials {
    var all = no_exponentials();
    for (var slice = 0u; slice < tile.slices; slice++) {
        let at = 2u * slice * tile.stride + n;
        all = joined(all, Exponentials(slices[at], slices[at + tile.stride]));
    }
    return all;
}
