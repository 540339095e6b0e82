const SETS: u32 = 1u;
const VECTOR: u32 = 4u;
const NUMBERS: u32 = 16u;
const SECOND: u32 = 7u;
const PRODUCTS: u32 = 6u;
const COUNT: u32 = 0u;
const COMPONENT: u32 = 16u;
const POOLED: u32 = 1u;
