"""The networks that tests/bars/exported.py exports: random weights, small where the library allows
it. Each row: a name, and a function that gives an Export."""
import dataclasses
import re

import torch


@dataclasses.dataclass
class Export:
    module: torch.nn.Module
    inputs: dict          # name -> example tensor, in the order of forward()
    outputs: list         # names; None: as many as the exporter finds
    dynamic: dict         # input name -> {dim: symbol}
    others: list          # further inputs to judge at: dicts like `inputs`
    dynamo: bool = False  # the exporter: by torch.export, else by tracing
    detector: bool = False


def settle(module, seed):
    """Random weights whose activations keep their size, and scores and offsets of boxes that do not
    saturate: equal scores would leave the order of detections to rounding."""
    torch.manual_seed(seed)
    for name, layer in module.named_modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if re.search("cls_logits|cls_score|bbox_pred|bbox_reg|module_list", name):
                layer.weight.data.mul_(0.1)
            if layer.bias is not None:
                torch.nn.init.normal_(layer.bias, std=0.1)
        if name.endswith("bn3") and getattr(layer, "weight", None) is not None:
            layer.weight.data.fill_(0.2)
    return module.eval()


def image(height, width, seed, batch=None):
    torch.manual_seed(seed)
    shape = [3, height, width] if batch is None else [batch, 3, height, width]
    return torch.rand(shape)


class Detector(torch.nn.Module):
    """A torchvision detector of one image; a tuple instead of a list of dicts."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, picture):
        found = self.network([picture])
        found = found[1][0] if isinstance(found, tuple) else found[0]
        return tuple(found[key] for key in ("boxes", "labels", "scores"))


def detector(name):
    import torchvision
    make = getattr(torchvision.models.detection, name)
    kept = {"box_score_thresh": 0.0, "box_detections_per_img": 40} if "rcnn" in name else \
        {"score_thresh": 0.0, "detections_per_img": 40}
    torch.manual_seed(1)
    extra = {} if "ssd" in name else {"min_size": 192, "max_size": 320}
    network = settle(make(weights=None, weights_backbone=None, **kept, **extra), 1)
    return Export(Detector(network), {"picture": image(192, 256, 2)}, ["boxes", "labels", "scores"],
                  {"picture": {1: "h", 2: "w"}},
                  [{"picture": image(224, 200, 3)}, {"picture": image(320, 320, 4)}], detector=True)


def vision_transformer(name, dynamo):
    """Traced, the attention is written out and positions are resized without antialias: the
    exporter by tracing knows neither."""
    import timm
    torch.manual_seed(1)
    timm.layers.set_fused_attn(dynamo)
    if not dynamo:
        resize = torch.nn.functional.interpolate
        torch.nn.functional.interpolate = lambda *a, antialias=False, **k: resize(*a, **k)
    network = timm.create_model(name, pretrained=False, dynamic_img_size=True, num_classes=10)
    network = network.eval()
    for parameter in network.parameters():  # positions and scales that begin at zero say nothing
        if parameter.abs().max() == 0:
            torch.nn.init.normal_(parameter, std=0.02)
    step = network.patch_embed.patch_size[0]
    sizes = [(8, 8, 2), (6, 9, 1), (11, 5, 3)]
    first, *rest = ({"picture": image(step * h, step * w, i + 2, b)}
                    for i, (h, w, b) in enumerate(sizes))
    return Export(network, first, ["scores"], {"picture": {0: "n", 2: "h", 3: "w"}}, rest, dynamo)


class Decoder(torch.nn.Module):
    """A causal language model with its past as tensors, [batch, heads, tokens, size] each."""

    def __init__(self, network, layers):
        super().__init__()
        self.network = network
        self.layers = layers

    def forward(self, tokens, *past):
        from transformers import DynamicCache
        cache = DynamicCache()
        for i in range(len(past) // 2):
            cache.update(past[2 * i], past[2 * i + 1], i)
        result = self.network(tokens, past_key_values=cache, use_cache=True)
        now = result.past_key_values
        states = []
        for i in range(self.layers):
            states += [now.layers[i].keys, now.layers[i].values]
        return (result.logits, *states)


def decoder(kind, with_past, **settings):
    import transformers
    layers = 2
    config = getattr(transformers, kind + "Config")(
        vocab_size=96, num_hidden_layers=layers, attn_implementation="eager", bos_token_id=1,
        eos_token_id=2, pad_token_id=0, **settings)
    torch.manual_seed(1)
    head = "LMHeadModel" if kind == "GPT2" else "ForCausalLM"
    network = getattr(transformers, kind + head)(config).eval()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads

    def inputs(batch, length, past, seed):
        torch.manual_seed(seed)
        given = {"tokens": torch.randint(0, 96, (batch, length))}
        for i in range(layers if with_past else 0):
            for what in ("key", "value"):
                given[f"past_{i}_{what}"] = torch.randn(batch, heads, past, size) * 0.5
        return given

    first = inputs(1, 1, 5, 1)  # one token, as a step of decoding
    dynamic = {name: {0: "b", 1: "s"} if name == "tokens" else {0: "b", 2: "p"} for name in first}
    names = ["logits"] + [f"now_{i}_{what}" for i in range(layers) for what in ("key", "value")]
    others = [inputs(1, 1, 9, 2), inputs(3, 1, 4, 3), inputs(1, 1, 1, 4), inputs(1, 4, 5, 5),
              inputs(2, 7, 3, 6)]
    return Export(Decoder(network, layers), first, names, dynamic, others)


SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
GROUPED = {**SMALL, "num_key_value_heads": 2}

DETECTORS = ["fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2",
             "fasterrcnn_mobilenet_v3_large_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn",
             "fcos_resnet50_fpn", "retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2",
             "ssd300_vgg16", "ssdlite320_mobilenet_v3_large", "maskrcnn_resnet50_fpn"]
TRANSFORMERS = ["vit_tiny_patch16_224", "deit_tiny_patch16_224", "deit3_small_patch16_224",
                "vit_small_patch14_dinov2", "vit_small_patch14_reg4_dinov2", "vit_small_patch8_224",
                "flexivit_small", "vit_base_patch16_clip_224", "eva02_tiny_patch14_224",
                "vit_base_patch16_siglip_224"]
DECODERS = {
    "llama": ("Llama", GROUPED), "mistral": ("Mistral", GROUPED), "qwen2": ("Qwen2", GROUPED),
    "gemma": ("Gemma", {**GROUPED, "head_dim": 8}), "phi": ("Phi", SMALL),
    "gpt2": ("GPT2", {"n_embd": 32, "n_head": 4, "n_positions": 64}),
    "gpt_neox": ("GPTNeoX", SMALL),
    "opt": ("OPT", {"hidden_size": 32, "ffn_dim": 64, "num_attention_heads": 4,
                    "word_embed_proj_dim": 32, "max_position_embeddings": 64}),
}


def rows():
    """(name, function that gives the Export) of every network."""
    for name in DETECTORS:
        yield name, lambda name=name: detector(name)
    for name in TRANSFORMERS:
        for way in ("traced", "dynamo"):
            if name.startswith("eva02") and way == "traced":
                continue  # ONNX Runtime refuses the file: the exporter declares a wrong shape
            yield f"{name}/{way}", lambda name=name, way=way: vision_transformer(name,
                                                                                 way == "dynamo")
    for name, (kind, settings) in DECODERS.items():
        for way in ("step", "prompt"):
            yield f"{name}/{way}", lambda kind=kind, s=settings, way=way: decoder(
                kind, way == "step", **s)
