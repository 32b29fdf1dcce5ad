"""The networks that tests/bars/pytorch.py exports: torchvision, timm and transformers with random
weights, small where the library allows it. Each row: a name, and a function that gives the module
and its example inputs."""
import re

import torch

TORCHVISION = ["alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet",
               "inception_v3", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf",
               "regnet_y_400mf", "resnet18", "resnext50_32x4d", "shufflenet_v2_x0_5",
               "squeezenet1_1", "swin_t", "swin_v2_t", "vit_b_32"]
TIMM = ["bat_resnext26ts", "botnet26t_256", "cait_xxs24_224", "coat_tiny", "convmixer_768_32",
        "crossvit_tiny_240", "cspresnet50", "davit_tiny", "deit_tiny_patch16_224", "dla34",
        "eca_botnext26ts_256", "edgenext_xx_small", "efficientformer_l1", "efficientvit_b0",
        "eva02_tiny_patch14_224", "fastvit_t8", "focalnet_tiny_srf", "ghostnet_100", "gmlp_s16_224",
        "halonet26t", "hgnet_tiny", "hiera_tiny_224", "inception_next_tiny", "lambda_resnet26t",
        "levit_128s", "mambaout_femto", "maxvit_rmlp_pico_rw_256", "mixer_s32_224",
        "mobilenetv4_conv_small", "mobileone_s0", "mobilevit_xxs", "mobilevitv2_050", "nfnet_l0",
        "nextvit_small", "poolformer_s12", "pvt_v2_b0", "repvgg_a0", "repvit_m1",
        "res2net50_26w_4s", "resmlp_12_224",
        "resnest14d", "rexnet_100", "selecsls42b", "starnet_s1", "tiny_vit_5m_224",
        "tresnet_m", "twins_svt_small", "visformer_tiny", "vit_tiny_patch16_224", "vovnet39a",
        "xcit_nano_12_p16_224"]
SMALL = {"vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
PICTURE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32,
           "patch_size": 8}
# The class, its configuration; what it reads is tokens unless there is another example.
TRANSFORMERS = {
    "Albert": ("Model", {**SMALL, "embedding_size": 16}), "Bert": ("Model", SMALL),
    "CLIPVision": ("Model", {**PICTURE, "intermediate_size": 64}),
    "DebertaV2": ("Model", {**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
    "Dinov2": ("Model", PICTURE),
    "DistilBert": ("Model", {"vocab_size": 96, "dim": 32, "n_layers": 2, "n_heads": 4,
                             "hidden_dim": 64}),
    "FNet": ("Model", {**SMALL, "max_position_embeddings": 64}),
    "Mamba2": ("ForCausalLM", {"vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 2,
                               "state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 2,
                               "chunk_size": 8, "bos_token_id": 1, "eos_token_id": 2}),
    "Mixtral": ("ForCausalLM", {**SMALL, "num_key_value_heads": 2, "num_local_experts": 4}),
    "Qwen2Moe": ("ForCausalLM", {**SMALL, "num_key_value_heads": 2, "num_experts": 4,
                                 "moe_intermediate_size": 32, "num_experts_per_tok": 2,
                                 "shared_expert_intermediate_size": 32}),
    "Electra": ("Model", {**SMALL, "embedding_size": 16}), "Falcon": ("ForCausalLM", SMALL),
    "Gemma2": ("ForCausalLM", {**SMALL, "num_key_value_heads": 2, "head_dim": 8}),
    "GPT2": ("LMHeadModel", {"vocab_size": 96, "n_embd": 32, "n_head": 4, "n_layer": 2,
                             "n_positions": 64, "bos_token_id": 1, "eos_token_id": 2}),
    "GPTNeoX": ("ForCausalLM", SMALL), "Llama": ("ForCausalLM", {**SMALL,
                                                                  "num_key_value_heads": 2}),
    "Mistral": ("ForCausalLM", {**SMALL, "num_key_value_heads": 2}), "MPNet": ("Model", SMALL),
    "Mamba": ("ForCausalLM", {"vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 2,
                              "state_size": 4, "bos_token_id": 1, "eos_token_id": 2}),
    "Phi": ("ForCausalLM", SMALL),
    "Qwen3": ("ForCausalLM", {**SMALL, "num_key_value_heads": 2, "head_dim": 8}),
    "Roberta": ("Model", SMALL), "ViT": ("Model", {**PICTURE, "intermediate_size": 64}),
}


def settle(module):
    """Weights that begin at zero say nothing, nor do statistics of zero and one."""
    for parameter in module.parameters():
        if parameter.abs().max() == 0:
            torch.nn.init.normal_(parameter, std=0.02)
    for name, buffer in module.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
        if name.endswith("running_mean"):
            buffer.uniform_(-0.3, 0.3)
    return module.eval()


class Tensors(torch.nn.Module):
    """What a model of transformers gives, as a tuple of tensors."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, given):
        results = self.network(given).to_tuple()
        return tuple(r for r in results if isinstance(r, torch.Tensor))


def of_torchvision(name):
    import torchvision
    extra = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") \
        else {}
    size = {"vit_b_32": 224, "inception_v3": 96}.get(name, 64)
    network = getattr(torchvision.models, name)(weights=None, num_classes=10, **extra)
    return network, torch.rand(1, 3, size, size)


def of_timm(name):
    import timm
    network = timm.create_model(name, pretrained=False, num_classes=10)
    size = network.default_cfg["input_size"][-1]
    return network, torch.rand(1, 3, size, size)


def of_transformers(name):
    import transformers
    kind, settings = TRANSFORMERS[name]
    config = getattr(transformers, name + "Config")(**settings)
    network = getattr(transformers, name + kind)(config)
    network.config.use_cache = False
    pictures = "image_size" in settings
    return Tensors(network), torch.rand(1, 3, 32, 32) if pictures else torch.randint(3, 96, (1, 12))


def rows(only=""):
    """(name, function that gives the module and its example)"""
    for library, names, of in (("torchvision", TORCHVISION, of_torchvision),
                               ("timm", TIMM, of_timm),
                               ("transformers", TRANSFORMERS, of_transformers)):
        for name in names:
            if re.search(only, f"{library}/{name}"):
                yield f"{library}/{name}", lambda name=name, of=of: of(name)
