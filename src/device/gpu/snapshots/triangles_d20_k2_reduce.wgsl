const SETS: u32 = 1u;
const VECTOR: u32 = 4u;
const NUMBERS: u32 = 60u;
const SECOND: u32 = 8u;
const PRODUCTS: u32 = 49u;
const COUNT: u32 = 0u;
const COMPONENT: u32 = 360u;
const POOLED: u32 = 1u;
