"""naga's Metal output as CUDA C++: what both languages say alike is left, the rest replaced mechanically.

usage: msl2cu.py IN.metal OUT.cu

Uniform buffers become __constant__ memory, workgroup variables __shared__ memory, storage buffers pointers that do not alias.
shim.h has the vectors and functions of the namespace metal.
"""

import re
import sys

RETURNS = r"(?:void|bool|uint|int|float|metal::\w+|type_\d+|[A-Z]\w+)"


def translate(source):
    size = re.search(r"^// workgroup of (\d+)", source)
    source = re.sub(r"#include <[^>]*>\n", "", source).replace("using metal::uint;", "")
    entry = re.search(r"kernel void (\w+)\(\n(.*?)\n\) \{", source, re.S)
    parameters, first, constants = [], [], []
    for argument in re.split(r"\n?, |\n", entry[2]):
        argument = argument.strip().strip(",").strip()
        if not argument:
            continue
        attribute = re.search(r"\[\[(.*?)\]\]", argument)
        attribute = attribute[1] if attribute else ""
        declaration = re.sub(r"\s*\[\[.*?\]\]", "", argument).strip()
        name = declaration.split()[-1].lstrip("&")
        if attribute.startswith("threadgroup_position"):
            first.append(f"uint3 {name} = {{blockIdx.x, blockIdx.y, blockIdx.z}};")
        elif attribute.startswith("threadgroups_per"):
            first.append(f"uint3 {name} = {{gridDim.x, gridDim.y, gridDim.z}};")
        elif attribute.startswith("thread_index_in"):
            first.append(f"uint {name} = threadIdx.x;")
        elif attribute.startswith("thread_position_in_threadgroup"):
            first.append(f"uint3 {name} = {{threadIdx.x, 0, 0}};")
        elif "_buffer_sizes" in declaration:
            first.append("const _mslBufferSizes _buffer_sizes = {};")
        elif declaration.startswith("constant"):
            kind = declaration.split()[1].rstrip("&")
            constants.append(f"__constant__ {kind} {name}_bank;")
            first.append(f"const {kind}& {name} = {name}_bank;")
        elif declaration.startswith("threadgroup"):
            kind = declaration.split()[1].rstrip("&")
            first.append(f"__shared__ {kind} {name};")
        elif declaration.startswith("device"):
            kind = declaration.split()[1].rstrip("&")
            const = "const " if "const" in declaration else ""
            parameters.append(f"{const}{kind}_element* __restrict__ {name}_p")
            first.append(f"{const}{kind}& {name} = *reinterpret_cast<{const}{kind}*>({name}_p);")
        else:
            raise SystemExit(f"an argument this does not know: {argument}")
    head = (
        "\n".join(constants)
        + f'\nextern "C" __global__ void __launch_bounds__({size[1] if size else 64}) {entry[1]}({", ".join(parameters)}) {{\n    '
        + "\n    ".join(first)
        + "\n"
    )
    source = source[: entry.start()] + head + source[entry.end() :]
    for pattern, replacement in [
        (r"typedef (\S+) (\w+)\[1\];", r"typedef \1 \2[1]; typedef \1 \2_element;"),  # arrays of any length
        (r"(?m)^constant (uint|bool|int|float|metal::float4) ", r"constexpr \1 "),
        (r"\bthread ", ""),
        (r"\bthreadgroup (?=\w)", ""),
        (r"\bdevice (\w+) const&", r"const \1&"),
        (r"\bdevice (\w+)&", r"\1&"),
        (r"\bconstant (\w+)&", r"const \1&"),
        (r"metal::threadgroup_barrier\([^)]*\)", "__syncthreads()"),
        (rf"(?m)^({RETURNS} (?:naga_\w+\(|\w+\(\n))", r"__device__ __forceinline__ \1"),
        (r"metal::uint2", "metal::u2"),
        (r"metal::uint3", "uint3"),
        (r"metal::select\(rhs, 1u, rhs == 0u\)", "rhs"),  # divisors are never zero
    ]:
        source = re.sub(pattern, replacement, source)
    return '#include "shim.h"\n' + source


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        text = translate(file.read())
    with open(sys.argv[2], "w") as file:
        file.write(text)
