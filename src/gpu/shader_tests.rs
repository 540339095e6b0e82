//! The shaders without a GPU.
