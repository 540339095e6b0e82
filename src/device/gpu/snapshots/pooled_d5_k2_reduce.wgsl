const SETS: u32 = 1u;
const VECTOR: u32 = 4u;
const NUMBERS: u32 = 24u;
const SECOND: u32 = 6u;
const PRODUCTS: u32 = 15u;
const COUNT: u32 = 21u;
const COMPONENT: u32 = 24u;
const POOLED: u32 = 2u;
