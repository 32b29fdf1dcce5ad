"""What TensorFlow makes of files of TFLite and TensorFlow. Wants a Python that has it
(tests/tensorflow_requirements.txt); `found()` is None in others."""
import os

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# TFLite has three sets of kernels.
SETS = {"default": "AUTO", "built in": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
        "reference": "BUILTIN_REF"}


def found():
    """The module tensorflow, or None."""
    try:
        import tensorflow
    except ImportError:
        return None
    return tensorflow


def without_old_axes(content):
    """Old converters wrote the weights' axis of scales to the biases, too, which have one axis;
    TensorFlow 2.21 refuses such files."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.quantization is not None and len(tensor.shape) == 1:
                tensor.quantization.quantizedDimension = 0
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def interpreter_of(tensorflow, path, kernels="AUTO"):
    """Raises ValueError or RuntimeError where TensorFlow does not take the file."""
    kinds = tensorflow.lite.experimental.OpResolverType
    content = path.read_bytes()

    def opened(content):
        interpreter = tensorflow.lite.Interpreter(
            model_content=content, experimental_op_resolver_type=getattr(kinds, kernels),
            num_threads=1)
        interpreter.allocate_tensors()
        return interpreter
    try:
        return opened(content)
    except (ValueError, RuntimeError) as refusal:
        if "quantized_dimension" not in str(refusal):
            raise
        return opened(without_old_axes(content))


def drawn(details):
    """Inputs: integers of all sizes, floats from 0 to 1; of pictures spots of 16 pixels, as pixels
    beside one another are alike."""
    rng = np.random.default_rng(3)
    feeds = {}
    for port in details:
        kind = port["dtype"]
        if np.issubdtype(kind, np.floating):
            x = rng.uniform(size=port["shape"]).astype(kind)
        else:
            info = np.iinfo(kind)
            x = rng.integers(info.min, info.max + 1, port["shape"]).astype(kind)
        if x.ndim == 4 and min(x.shape[1:3]) >= 32:
            x = x[:, ::16, ::16].repeat(16, 1).repeat(16, 2)[:, :x.shape[1], :x.shape[2]].copy()
        feeds[port["name"]] = x
    return feeds


def lite_outputs(tensorflow, path, kernels, feeds):
    """Outputs in the file's order, for inputs by name."""
    interpreter = interpreter_of(tensorflow, path, kernels)
    for port in interpreter.get_input_details():
        interpreter.set_tensor(port["index"], feeds[port["name"]])
    interpreter.invoke()
    return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]


def frozen_outputs(tensorflow, path, feeds, names):
    """Outputs of a frozen graph, by the names of nodes."""
    graph = tensorflow.compat.v1.GraphDef()
    graph.ParseFromString(path.read_bytes())
    with tensorflow.Graph().as_default() as scope:
        tensorflow.import_graph_def(graph, name="")
        with tensorflow.compat.v1.Session(graph=scope) as session:
            return session.run([f"{n}:0" for n in names],
                               {f"{n}:0": array for n, array in feeds.items()})
