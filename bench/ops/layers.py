"""Convolutions, pools, norms, products, recurrent layers, quantized operators, pictures."""
import numpy as np

from ops.model import MICROSOFT, Const, floats, ints, numbers, one, weights, whole


def conv(batch, channels, filters, size, kernel, *, group=1, op="Conv", stride=1, dilation=1,
         pad=None, **fields):
    """Kernels and sizes of as many numbers as the convolution has axes."""
    axes = len(kernel)
    pads = [(k - 1) * dilation // 2 if pad is None else pad for k in kernel]
    shape = (filters, channels // group) if op == "Conv" else (channels, filters // group)
    return one(op, floats(batch, channels, *size), weights(*shape, *kernel),
               Const(floats(filters)), group=group, strides=[stride] * axes, pads=pads + pads,
               dilations=[dilation] * axes, **fields)


def convolutions():
    for kernel, channels, filters, size, stride in (
            (1, 64, 256, 56, 1), (1, 256, 64, 14, 1), (1, 256, 512, 28, 2), (3, 64, 64, 56, 1),
            (3, 128, 128, 28, 2), (3, 256, 256, 14, 1), (3, 16, 16, 64, 1), (5, 32, 64, 28, 1),
            (7, 3, 64, 224, 2), (3, 3, 32, 224, 2), (3, 3, 16, 224, 1), (16, 3, 192, 224, 16),
            (11, 3, 64, 224, 4), (9, 32, 3, 128, 1), (3, 1, 8, 28, 1), (2, 96, 192, 28, 2)):
        yield (f"Conv {kernel}x{kernel}, {channels} to {filters}, {size}, stride {stride}",
               conv(1, channels, filters, (size, size), (kernel, kernel), stride=stride,
                    pad=0 if kernel == 16 or kernel == 2 else None))
    yield "Conv 3x3, batch 8", conv(8, 64, 64, (28, 28), (3, 3))
    yield "Conv 1x7", conv(1, 128, 128, (17, 17), (1, 7))
    yield "Conv 7x1", conv(1, 128, 128, (17, 17), (7, 1))
    for dilation in (2, 4, 12):
        yield f"Conv 3x3, dilation {dilation}", conv(1, 64, 64, (32, 32), (3, 3), dilation=dilation)
    for groups in (2, 8, 32):
        yield f"Conv 3x3, {groups} groups", conv(1, 128, 128, (28, 28), (3, 3), group=groups)
    for kernel in (3, 5, 7, 9, 11):
        for stride in (1, 2):
            for channels, size in ((32, 112), (96, 56), (384, 14), (768, 7)):
                if kernel < size:
                    yield (f"depthwise {kernel}x{kernel}, {channels}, {size}, stride {stride}",
                           conv(1, channels, channels, (size, size), (kernel, kernel),
                                group=channels, stride=stride))
    yield "depthwise 3x3, dilation 2", conv(1, 96, 96, (33, 33), (3, 3), group=96, dilation=2)
    yield "depthwise 3x3, times 2", conv(1, 32, 64, (56, 56), (3, 3), group=32)
    yield "depthwise 7x7, batch 4", conv(4, 96, 96, (28, 28), (7, 7), group=96)
    yield "depthwise 1x11", conv(1, 64, 64, (28, 28), (1, 11), group=64)
    for kernel, channels, filters, size, stride, dilation, group in (
            (3, 80, 512, 1500, 1, 1, 1), (7, 64, 64, 2000, 1, 3, 1), (10, 1, 512, 16000, 5, 1, 1),
            (3, 512, 512, 800, 2, 1, 1), (1, 256, 256, 500, 1, 1, 1),
            (31, 256, 256, 500, 1, 1, 256), (3, 256, 256, 500, 1, 1, 256),
            (4, 128, 128, 1000, 1, 1, 128), (3, 32, 32, 4000, 1, 8, 1)):
        yield (f"1-D Conv {kernel}, {channels} to {filters}, {size}, stride {stride}, dilation "
               f"{dilation}, {group} groups",
               conv(1, channels, filters, (size,), (kernel,), stride=stride, dilation=dilation,
                    group=group))
    yield "3-D Conv 3x3x3", conv(1, 16, 32, (16, 28, 28), (3, 3, 3))
    yield "3-D Conv 3x3x3 of 3 channels", conv(1, 3, 32, (16, 56, 56), (3, 3, 3))
    yield "3-D Conv 1x1x1", conv(1, 64, 64, (8, 28, 28), (1, 1, 1))
    yield "3-D Conv 1x3x3", conv(1, 32, 32, (8, 28, 28), (1, 3, 3))
    yield "3-D depthwise 3x3x3", conv(1, 32, 32, (8, 28, 28), (3, 3, 3), group=32)
    for kernel, channels, filters, size, stride, pad, group in (
            (2, 128, 64, 28, 2, 0, 1), (4, 64, 32, 28, 2, 1, 1), (3, 64, 64, 28, 1, 1, 1),
            (4, 64, 64, 28, 2, 1, 64), (2, 64, 64, 56, 2, 0, 64), (16, 21, 21, 32, 8, 4, 21),
            (4, 100, 512, 1, 1, 0, 1), (4, 512, 256, 4, 2, 1, 1), (9, 56, 1, 64, 3, 3, 1)):
        yield (f"ConvTranspose {kernel}x{kernel}, {channels} to {filters}, {size}, stride "
               f"{stride}, {group} groups",
               conv(1, channels, filters, (size, size), (kernel, kernel), op="ConvTranspose",
                    stride=stride, pad=pad, group=group))
    yield "ConvTranspose 3x3, stride 2", conv(1, 64, 32, (28, 28), (3, 3), op="ConvTranspose",
                                              stride=2, pad=1, output_padding=[1, 1])
    yield "1-D ConvTranspose 16, stride 8", conv(1, 256, 128, (200,), (16,), op="ConvTranspose",
                                                 stride=8, pad=4)
    yield "3-D ConvTranspose 2x2x2", conv(1, 64, 32, (8, 14, 14), (2, 2, 2), op="ConvTranspose",
                                          stride=2, pad=0)


def pools():
    for op in ("MaxPool", "AveragePool", "LpPool"):
        for kernel, stride, channels, size in ((2, 2, 64, 112), (3, 2, 64, 112), (3, 1, 192, 28),
                                               (5, 1, 256, 20), (7, 1, 512, 7), (13, 1, 128, 20),
                                               (3, 2, 512, 13)):
            pad = [0 if kernel % 2 == 0 or kernel == size else kernel // 2] * 4
            yield f"{op} {kernel}x{kernel}, {channels}, {size}, stride {stride}", one(
                op, floats(1, channels, size, size), kernel_shape=[kernel] * 2,
                strides=[stride] * 2, pads=pad)
        yield f"1-D {op} 3", one(op, floats(1, 128, 2000), kernel_shape=[3], strides=[2])
        yield f"3-D {op} 2x2x2", one(op, floats(1, 32, 16, 28, 28), kernel_shape=[2] * 3,
                                     strides=[2] * 3)
    yield "AveragePool that counts pads", one("AveragePool", floats(1, 64, 56, 56),
                                              kernel_shape=[3, 3], pads=[1] * 4,
                                              count_include_pad=1)
    yield "MaxPool with places", one("MaxPool", floats(1, 64, 112, 112), outputs=2,
                                     kernel_shape=[2, 2], strides=[2, 2])
    yield "MaxPool u8", one("MaxPool", numbers("u8", 1, 64, 112, 112), kernel_shape=[3, 3],
                            strides=[2, 2])
    for op in ("GlobalAveragePool", "GlobalMaxPool"):
        for shape in ((1, 2048, 7, 7), (1, 64, 112, 112), (1, 128, 4000)):
            yield f"{op} {shape}", one(op, floats(*shape))


def norms():
    yield "LRN", one("LRN", floats(1, 96, 55, 55), size=5)
    for shape in ((1, 64, 112, 112), (8, 128, 28, 28), (1, 256, 2000)):
        by_channel = Const(floats(shape[1])), Const(floats(shape[1]))
        yield f"InstanceNormalization {shape}", one("InstanceNormalization", floats(*shape),
                                                    *by_channel)
        yield f"BatchNormalization {shape}", one("BatchNormalization", floats(*shape), *by_channel,
                                                 Const(floats(shape[1])),
                                                 Const(floats(shape[1], low=1, high=2)))
        yield f"GroupNormalization {shape}", one("GroupNormalization", floats(*shape), *by_channel,
                                                 num_groups=32)
    for shape in ((384, 768), (3136, 96), (1, 4096), (50000, 32), (197, 192)):
        gains = Const(floats(shape[1])), Const(floats(shape[1]))
        yield f"LayerNormalization {shape}", one("LayerNormalization", floats(*shape), *gains)
        yield f"SimplifiedLayerNormalization {shape}", one(
            "SimplifiedLayerNormalization", floats(*shape), gains[0])
        yield f"SkipLayerNormalization {shape}", one(
            "SkipLayerNormalization", floats(1, *shape), floats(1, *shape), *gains,
            domain=MICROSOFT)
    for axis, p in ((1, 2), (2, 2), (1, 1)):
        yield f"LpNormalization {p} over axis {axis}", one("LpNormalization", floats(64, 256, 64),
                                                           axis=axis, p=p)
    yield "MeanVarianceNormalization", one("MeanVarianceNormalization", floats(1, 64, 56, 56))


def products():
    for a, b in (((512, 512), (512, 512)), ((1, 768), (768, 3072)), ((128, 768), (768, 768)),
                 ((12, 128, 64), (12, 64, 128)), ((8, 16, 1, 64), (8, 16, 64, 512)),
                 ((1000, 8), (8, 1000)), ((64, 4096), (4096, 16)), ((8, 49, 32), (32, 96)),
                 ((1024, 1024), (1024, 1)), ((1024,), (1024, 1024)), ((4096, 3), (3, 3)),
                 ((300, 4, 4), (300, 4, 4))):
        yield f"MatMul {a} {b}", one("MatMul", floats(*a), floats(*b))
    yield "MatMul f64", one("MatMul", floats(256, 256, dtype="f64"), floats(256, 256, dtype="f64"))
    yield "MatMul f16", one("MatMul", floats(256, 256, dtype="f16"), floats(256, 256, dtype="f16"))
    yield "MatMul i64", one("MatMul", whole(64, 64), whole(64, 64))
    for a, b in ((0, 1), (1, 0), (1, 1)):
        yield f"Gemm transposed {a} {b}", one("Gemm", floats(256, 256), floats(256, 256),
                                              floats(256), transA=a, transB=b, alpha=0.5, beta=2.0)
    yield "Gemm 1 x 1000 x 2048", one("Gemm", floats(1, 2048), weights(1000, 2048),
                                      Const(floats(1000)), transB=1)
    for equation, *shapes in (
            ("ij,jk->ik", (256, 256), (256, 256)), ("ij,ij->i", (4096, 256), (4096, 256)),
            ("bij,bjk->bik", (12, 128, 64), (12, 64, 128)), ("ij->ji", (1024, 1024)),
            ("i,j->ij", (1024,), (1024,)), ("bhid,bhjd->bhij", (2, 12, 128, 64), (2, 12, 128, 64)),
            ("bqhd,bkhd->bhqk", (2, 128, 12, 64), (2, 128, 12, 64)),
            ("bhqk,bkhd->bqhd", (2, 12, 128, 128), (2, 128, 12, 64)),
            ("bhwc,hkc->bhwk", (8, 14, 14, 64), (14, 14, 64)),
            ("bhwc,wkc->bhwk", (8, 14, 14, 64), (14, 14, 64)),
            ("nctv,vw->nctw", (2, 64, 128, 25), (25, 25)), ("bij->bj", (64, 256, 64)),
            ("bij->b", (64, 256, 64)), ("ii->i", (512, 512)), ("abc,cd->abd", (8, 128, 256),
                                                               (256, 64)),
            ("bi,bj->bij", (64, 128), (64, 128)), ("bn,bn->b", (64, 4096), (64, 4096)),
            ("bcl,bcl->bl", (8, 64, 1000), (8, 64, 1000)), ("ij,j->i", (1024, 1024), (1024,)),
            ("bij,bij->bij", (64, 128, 64), (64, 128, 64)), ("i,i->", (65536,), (65536,)),
            ("blhn,blh->bln", (2, 64, 32, 16), (2, 64, 32)),
            ("bchw,c->bhw", (4, 64, 56, 56), (64,)), ("bld,dn->bldn", (1, 64, 256), (256, 16)),
            ("bkc,bchw->bkhw", (1, 100, 256), (1, 256, 64, 64))):
        yield f"Einsum {equation}", one("Einsum", *[floats(*shape) for shape in shapes],
                                        equation=equation)


def recurrent():
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        for steps, batch, width, hidden, ways in ((64, 1, 128, 128, 1), (32, 16, 256, 256, 1),
                                                  (64, 1, 64, 64, 2), (1, 1, 512, 512, 1),
                                                  (100, 4, 40, 512, 1)):
            share = [Const(floats(ways, gates * hidden, n, low=-0.06, high=0.06))
                     for n in (width, hidden)]
            fields = {"direction": "bidirectional"} if ways == 2 else {}
            fields |= {"linear_before_reset": 1} if op == "GRU" else {}
            yield f"{op}, {steps} steps of {batch}, {width} to {hidden}, {ways} ways", one(
                op, floats(steps, batch, width), *share,
                Const(floats(ways, 2 * gates * hidden, low=-0.1, high=0.1)), hidden_size=hidden,
                outputs=3 if op == "LSTM" else 2, **fields)


def quantized():
    scale, byte = Const(np.float32(0.05)), Const(np.uint8(128))
    for shape in ((1024, 1024), (1, 64, 112, 112)):
        yield f"QuantizeLinear {shape}", one("QuantizeLinear", floats(*shape), scale, byte)
        yield f"DequantizeLinear {shape}", one("DequantizeLinear", numbers("u8", *shape), scale,
                                               byte)
        yield f"DynamicQuantizeLinear {shape}", one("DynamicQuantizeLinear", floats(*shape),
                                                    outputs=3)
    yield "QuantizeLinear by channel", one(
        "QuantizeLinear", floats(1, 64, 112, 112), Const(floats(64, low=0.02, high=0.1)),
        Const(np.full(64, 3, np.int8)), axis=1)
    yield "QLinearAdd", one("QLinearAdd", numbers("u8", 1, 64, 56, 56), scale, byte,
                            numbers("u8", 1, 64, 56, 56), scale, byte, scale, byte,
                            domain=MICROSOFT)
    yield "QLinearSigmoid", one("QLinearSigmoid", numbers("u8", 1, 64, 56, 56), scale, byte,
                                Const(np.float32(1 / 256)), Const(np.uint8(0)), domain=MICROSOFT)
    yield "QLinearMatMul", one("QLinearMatMul", numbers("u8", 128, 768), scale, byte,
                               Const(whole(768, 768, dtype="i8", low=-60)), scale,
                               Const(np.int8(0)), Const(np.float32(1.0)), byte)
    yield "MatMulInteger", one("MatMulInteger", numbers("u8", 128, 768),
                               Const(whole(768, 768, dtype="i8", low=-60)), byte)
    for name, shape, filters, group in (("3x3", (1, 64, 56, 56), (64, 64, 3, 3), 1),
                                        ("1x1", (1, 256, 14, 14), (512, 256, 1, 1), 1),
                                        ("depthwise 3x3", (1, 96, 56, 56), (96, 1, 3, 3), 96)):
        data, held = numbers("u8", *shape), Const(whole(*filters, dtype="i8", low=-60))
        pads = [filters[2] // 2] * 4
        yield f"QLinearConv {name}", one("QLinearConv", data, scale, byte, held, scale,
                                         Const(np.int8(0)), Const(np.float32(1.0)), byte,
                                         group=group, pads=pads)
        yield f"ConvInteger {name}", one("ConvInteger", data, held, byte, group=group, pads=pads)


def pictures():
    for mode, padding in (("linear", "zeros"), ("linear", "border"), ("nearest", "zeros"),
                          ("cubic", "zeros"), ("linear", "reflection")):
        yield f"GridSample {mode}, {padding}", one(
            "GridSample", floats(1, 32, 56, 56), floats(1, 56, 56, 2, low=-1, high=1), mode=mode,
            padding_mode=padding)
    boxes = floats(100, 4, low=0, high=25)
    boxes[:, 2:] += boxes[:, :2]
    for mode in ("avg", "max"):
        yield f"RoiAlign {mode}", one("RoiAlign", floats(1, 64, 50, 50), boxes,
                                      np.zeros(100, np.int64), output_height=7, output_width=7,
                                      mode=mode, sampling_ratio=2, opset=16)
    yield "MaxRoiPool", one("MaxRoiPool", floats(1, 64, 50, 50),
                            np.concatenate([np.zeros((100, 1), np.float32), boxes], 1),
                            pooled_shape=[7, 7], opset=16)
    yield "AffineGrid", one("AffineGrid", floats(4, 2, 3), ints(4, 3, 112, 112))
    yield "Col2Im", one("Col2Im", floats(1, 16 * 9, 64 * 64), ints(64, 64), ints(3, 3),
                        pads=[1] * 4)
    yield "MaxUnpool", one("MaxUnpool", floats(1, 16, 28, 28), (
        np.arange(16 * 28 * 28).reshape(1, 16, 28, 28) * 4), kernel_shape=[2, 2], strides=[2, 2])
    yield "DeformConv", one("DeformConv", floats(1, 32, 28, 28), weights(32, 32, 3, 3),
                            floats(1, 18, 28, 28), pads=[1] * 4)
    for length in (256, 400, 1000):
        yield f"DFT of {length}", one("DFT", floats(64, length, 1), None, Const(np.int64(1)),
                                    onesided=1)
    yield "STFT", one("STFT", floats(1, 16000, 1), Const(np.int64(128)), Const(floats(512)),
                      Const(np.int64(512)))
    yield "Det", one("Det", floats(100, 4, 4))
