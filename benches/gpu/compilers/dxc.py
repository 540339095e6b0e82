"""HLSL to DXIL with DXC's library through ctypes.

usage: dxc.py LIBRARY FILE.hlsl...      (called by run; the entry point of NAME.STAGE.hlsl is STAGE)
"""

import ctypes as c
import re
import sys
import time
import uuid
from pathlib import Path

UTF8 = 65001
PROFILE = "cs_6_0"


class Buffer(c.Structure):
    _fields_ = [("data", c.c_void_p), ("size", c.c_size_t), ("encoding", c.c_uint32)]


def guid(text):
    return (c.c_byte * 16).from_buffer_copy(uuid.UUID(text).bytes_le)


def call(this, slot, *arguments, types=(), result=c.c_int32):
    """Calls a method of a COM object by its place."""
    table = c.cast(c.cast(this, c.POINTER(c.c_void_p))[0], c.POINTER(c.c_void_p))
    return c.CFUNCTYPE(result, c.c_void_p, *types)(table[slot])(this, *arguments)


def blob(this):
    if not this:
        return b""
    data, size = call(this, 3, result=c.c_void_p), call(this, 4, result=c.c_size_t)
    return c.string_at(data, size) if size else b""


class Compiler:
    def __init__(self, library):
        self.this = c.c_void_p()
        create = c.CDLL(library).DxcCreateInstance
        compiler3 = guid("228b4687-5a6a-4730-900c-9702b2203f54")
        status = create(c.byref(guid("73e22d93-e6ce-47f3-b5bf-f0664f39c1b0")), c.byref(compiler3), c.byref(self.this))
        assert status == 0, hex(status & 0xFFFFFFFF)

    def result(self, buffer, arguments, method, kind):
        """A result object of Compile (3) or Disassemble (4), then its status, messages and first output."""
        result, status = c.c_void_p(), c.c_int32()
        if method == 3:
            strings = (c.c_wchar_p * len(arguments))(*arguments)
            types = (c.c_void_p, c.c_void_p, c.c_uint32, c.c_void_p, c.c_void_p, c.c_void_p)
            call(self.this, 3, c.byref(buffer), strings, len(arguments), None, c.byref(kind), c.byref(result), types=types)
        else:
            types = (c.c_void_p, c.c_void_p, c.c_void_p)
            call(self.this, 4, c.byref(buffer), c.byref(kind), c.byref(result), types=types)
        call(result, 3, c.byref(status), types=(c.c_void_p,))
        output, messages = c.c_void_p(), c.c_void_p()
        call(result, 4, c.byref(output), types=(c.c_void_p,))
        call(result, 5, c.byref(messages), types=(c.c_void_p,))
        return status.value, blob(messages), blob(output)

    def compile(self, source, entry):
        """Status, messages, DXIL and its text."""
        kind = guid("58346cda-dde7-4497-9461-6f87af5e0659")
        # No validation: the library that signs is not in the wheel.
        arguments = ["-E", entry, "-T", PROFILE, "-HV", "2018", "-no-warnings", "-Vd"]
        status, messages, code = self.result(Buffer(c.cast(source, c.c_void_p), len(source), UTF8), arguments, 3, kind)
        if status:
            return status, messages.decode(errors="replace"), b"", ""
        _, _, text = self.result(Buffer(c.cast(code, c.c_void_p), len(code), 0), [], 4, kind)
        return 0, "", code, text.decode(errors="replace")


def main():
    library, *files = sys.argv[1:]
    compiler, good = Compiler(library), True
    for file in map(Path, files):
        start = time.perf_counter()
        status, messages, code, text = compiler.compile(file.read_bytes(), file.stem.rsplit(".", 1)[1])
        seconds = time.perf_counter() - start
        if status:
            good = False
            print(f"{file.stem:32} failed {status & 0xFFFFFFFF:x}: {messages[:500]}")
            continue
        arrays = re.findall(r"= alloca \[(\d+ x \w+)\]", text)
        operations = len(re.findall(r"^  [%\w]", text, re.M))
        kept = f"  arrays left in memory: {', '.join(arrays)}" if arrays else ""
        print(f"{file.stem:32} {len(code):6} bytes of DXIL, {operations:5} operations, {seconds:.2f} s{kept}")
    sys.exit(not good)


main()
