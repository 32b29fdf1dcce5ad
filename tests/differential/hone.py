"""Hone in this process: the C interface (include/hone/hone.h) through ctypes."""
import ctypes
import os

import ml_dtypes
import numpy as np

CODES = {2: "usage", 3: "unsupported", 4: "invalid_model", 5: "incompatible_engine",
         6: "out_of_memory", 7: "device", 8: "io", 9: "accuracy", 10: "internal"}

# By name. Types narrower than a byte are packed and left out.
TYPES = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16,
         "f8e4m3fn": ml_dtypes.float8_e4m3fn, "f8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
         "f8e5m2": ml_dtypes.float8_e5m2, "f8e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
         "f8e8m0": ml_dtypes.float8_e8m0fnu, "i64": np.int64, "i32": np.int32, "i16": np.int16,
         "i8": np.int8, "u64": np.uint64, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8,
         "bool": np.bool_}


class HoneError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{CODES.get(code, code)}: {message}")
        self.code = CODES.get(code, str(code))


class EngineOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("workers", ctypes.c_int32)]


class Port(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_int32),
                ("dims", ctypes.POINTER(ctypes.c_int64)),
                ("dim_names", ctypes.POINTER(ctypes.c_char_p)), ("kind", ctypes.c_int),
                ("optional", ctypes.c_int32), ("reserved", ctypes.c_uint64 * 4)]


class TensorView(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("data", ctypes.c_void_p),
                ("bytes", ctypes.c_size_t), ("kind", ctypes.c_int), ("elements", ctypes.c_void_p),
                ("count", ctypes.c_size_t), ("strides", ctypes.POINTER(ctypes.c_int64)),
                ("place", ctypes.c_int), ("device", ctypes.c_int32),
                ("reserved", ctypes.c_uint64 * 4)]


class Hone:
    def __init__(self, library):
        self.c = ctypes.CDLL(str(library))
        self.c.hone_message.restype = ctypes.c_char_p
        self.c.hone_engine_outputs.restype = ctypes.c_size_t
        for name in ("hone_engine_outputs", "hone_model_free", "hone_engine_free",
                     "hone_context_free"):
            getattr(self.c, name).argtypes = [ctypes.c_void_p]
        self.dtypes = self.known_dtypes()
        self.numbers = {dtype: number for number, dtype in self.dtypes.items()}

    def known_dtypes(self):
        """NumPy's types by the numbers of enum hone_dtype."""
        self.c.hone_dtype_name.restype = ctypes.c_char_p
        dtypes, number = {}, 0
        while (name := self.c.hone_dtype_name(number)) is not None:
            if name.decode() in TYPES:
                dtypes[number] = np.dtype(TYPES[name.decode()])
            number += 1
        return dtypes

    def check(self, code):
        if code:
            raise HoneError(code, (self.c.hone_message() or b"").decode(errors="replace"))

    def run(self, model, feeds):
        """The outputs, in order, of the model (bytes) for `feeds` (arrays by name)."""
        handles = {name: ctypes.c_void_p() for name in ("model", "engine", "context")}
        file = os.memfd_create("model")
        try:
            os.write(file, model)
            path = f"/proc/self/fd/{file}".encode()
            self.check(self.c.hone_import(path, None, ctypes.byref(handles["model"])))
            options = EngineOptions(ctypes.sizeof(EngineOptions), 1)
            self.check(self.c.hone_build(handles["model"], ctypes.byref(options),
                                         ctypes.byref(handles["engine"])))
            self.check(self.c.hone_context_create(handles["engine"],
                                                  ctypes.byref(handles["context"])))
            return self.run_context(handles["engine"], handles["context"], feeds)
        finally:
            os.close(file)
            for name in ("context", "engine", "model"):
                getattr(self.c, f"hone_{name}_free")(handles[name])

    def run_context(self, engine, context, feeds):
        call = self.call(engine, context, feeds)
        call()
        return call.results()

    def call(self, engine, context, feeds):
        return Call(self, engine, context, feeds)

    def array_of(self, view):
        dtype = self.dtypes[view.dtype]
        shape = [view.shape[i] for i in range(view.rank)]
        count = int(np.prod(shape, dtype=np.int64))
        data = ctypes.string_at(view.data, count * dtype.itemsize) if count else b""
        return np.frombuffer(data, dtype).reshape(shape)


class Call:
    """One run of a context on the same arrays, to be made again and again."""

    def __init__(self, hone, engine, context, feeds):
        self.hone, self.context = hone, context
        self.arrays = {name: np.ascontiguousarray(a).reshape(a.shape) for name, a in feeds.items()}
        self.inputs = (TensorView * max(1, len(self.arrays)))()
        for view, (name, array) in zip(self.inputs, self.arrays.items()):
            shape = (ctypes.c_int64 * max(1, array.ndim))(*array.shape)
            view.name, view.dtype, view.rank = name.encode(), hone.numbers[array.dtype], array.ndim
            view.shape, view.data, view.bytes = shape, array.ctypes.data, array.nbytes
        self.count = hone.c.hone_engine_outputs(engine)
        self.ports = []
        for i in range(self.count):
            port = Port()
            hone.check(hone.c.hone_engine_output(engine, ctypes.c_size_t(i), ctypes.byref(port)))
            self.ports.append((port.name, port.dtype))
        self.outputs = (TensorView * max(1, self.count))()

    def __call__(self):
        ctypes.memset(self.outputs, 0, ctypes.sizeof(self.outputs))
        for view, (name, dtype) in zip(self.outputs, self.ports):
            view.name, view.dtype = name, dtype
        self.hone.check(self.hone.c.hone_run(self.context, self.inputs,
                                             ctypes.c_size_t(len(self.arrays)), self.outputs,
                                             ctypes.c_size_t(self.count)))

    def results(self):
        """The arrays that the last run gave, in order."""
        return [self.hone.array_of(self.outputs[i]) for i in range(self.count)]
