//! Colours that people with any kind of colour vision tell apart.

use std::fmt::{self, Display};

/// Of texts, axes and grids.
pub(crate) const INK: Colour = Colour(0x22, 0x22, 0x22);
pub(crate) const FAINT_INK: Colour = Colour(0x66, 0x66, 0x66);
pub(crate) const EDGE: Colour = Colour(0x99, 0x99, 0x99);
pub(crate) const GRID: Colour = Colour(0xec, 0xec, 0xec);

/// Paul Tol's scheme "muted", which was made for colour-blind readers, in an order that begins with the strongest.
const MUTED: [Colour; 9] = [
    Colour(0xcc, 0x66, 0x77),
    Colour(0x33, 0x22, 0x88),
    Colour(0x44, 0xaa, 0x99),
    Colour(0xdd, 0xcc, 0x77),
    Colour(0x88, 0x22, 0x55),
    Colour(0x88, 0xcc, 0xee),
    Colour(0x11, 0x77, 0x33),
    Colour(0xaa, 0x44, 0x99),
    Colour(0x99, 0x99, 0x33),
];

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour(u8, u8, u8);

impl Colour {
    /// The colour of a component; after nine they come again.
    pub(crate) fn of_component(k: usize) -> Self {
        MUTED[k % MUTED.len()]
    }

    /// A darker shade.
    pub(crate) fn darker(self) -> Self {
        let darker = |part: u8| (f64::from(part) * 0.62) as u8;
        Colour(darker(self.0), darker(self.1), darker(self.2))
    }
}

impl Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}
