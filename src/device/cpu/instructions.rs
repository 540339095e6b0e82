//! The instruction set that the kernels run in: the best that the processor has, or the one that the environment names.

use std::any::TypeId;
use std::env;
use std::sync::LazyLock;

use pulp::{Arch, Scalar256b, Simd, WithSimd};

use crate::error::{Error, Result};

/// An instruction set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instructions(Arch);

impl Instructions {
    /// Does work in its vectors. Without vectors it is done in eight numbers at a time all the same: sums have as many
    /// strands then, and as many digits, and compilers vectorise them.
    #[inline(always)]
    pub(crate) fn dispatch<Op: WithSimd>(self, op: Op) -> Op::Output {
        match self.0 {
            Arch::Scalar => op.with_simd(Scalar256b),
            arch => arch.dispatch(op),
        }
    }
}

/// Names an instruction set, for comparisons between them: results of one machine as those of another.
const VARIABLE: &str = "MIXTURA_INSTRUCTIONS";

/// Whether vectors are made of numbers one after another: then nothing is fused, for that takes a call without hardware
/// for it.
#[inline(always)]
pub(super) fn without_vectors<S: Simd>() -> bool {
    S::IS_SCALAR || TypeId::of::<S>() == TypeId::of::<Scalar256b>()
}

/// The instruction set asked for, or what was asked for in vain.
static CHOSEN: LazyLock<Result<Instructions, String>> = LazyLock::new(|| match env::var_os(VARIABLE) {
    None => Ok(best()),
    Some(name) if name.is_empty() => Ok(best()),
    Some(name) => {
        let name = name.to_string_lossy().into_owned();
        named(&name).ok_or(name)
    }
});

/// The instruction set in use.
pub(crate) fn instructions() -> Instructions {
    CHOSEN.as_ref().copied().unwrap_or_else(|_| best())
}

fn best() -> Instructions {
    Instructions(Arch::new())
}

/// Checks what the environment asks for.
///
/// # Errors
/// [`Error::InvalidOption`]: no such instruction set, or this processor is without it.
pub(crate) fn check() -> Result<()> {
    match &*CHOSEN {
        Ok(_) => Ok(()),
        Err(value) => Err(Error::InvalidOption {
            name: VARIABLE,
            value: value.clone(),
            expected: "scalar, avx2, avx512 or neon, and one that this processor has",
        }),
    }
}

/// Name of an instruction set, as people know it.
pub(super) fn name(instructions: Instructions) -> &'static str {
    match instructions.0 {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(_) => "AVX-512",
        #[cfg(target_arch = "x86_64")]
        Arch::V3(_) => "AVX2",
        #[cfg(target_arch = "aarch64")]
        Arch::Neon(_) => "NEON",
        _ => std::env::consts::ARCH,
    }
}

fn named(name: &str) -> Option<Instructions> {
    let arch = match name {
        "scalar" => Some(Arch::Scalar),
        #[cfg(target_arch = "x86_64")]
        "avx2" => pulp::x86::V3::try_new().map(Arch::V3),
        #[cfg(target_arch = "x86_64")]
        "avx512" => pulp::x86::V4::try_new().map(Arch::V4),
        #[cfg(target_arch = "aarch64")]
        "neon" => pulp::aarch64::Neon::try_new().map(Arch::Neon),
        _ => None,
    };
    arch.map(Instructions)
}
