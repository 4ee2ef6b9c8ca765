"""The smallest Stable Diffusion with IP-Adapter-FaceID Plus: the real classes, random weights, saved to folders."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

WIDTH = 32  # of texts and of the adapter's tokens
SEEN = 24  # of the image encoder


def write_models(root: Path) -> dict[str, object]:
    """Write all models below `root`; give the options that name them."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from diffusers.utils import logging
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            block_out_channels=(16, 32), layers_per_block=1, sample_size=16, norm_num_groups=8, attention_head_dim=8,
            cross_attention_dim=WIDTH, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        )  # fmt: skip
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8, 8), norm_num_groups=4, sample_size=64,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        )  # fmt: skip
        text = CLIPTextModel(
            CLIPTextConfig(
                hidden_size=WIDTH, intermediate_size=37, num_attention_heads=4, num_hidden_layers=1, vocab_size=1000,
                bos_token_id=0, eos_token_id=1, pad_token_id=1,
            )
        )  # fmt: skip
        vision = CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=SEEN, intermediate_size=37, num_attention_heads=4, num_hidden_layers=2, image_size=32,
                patch_size=16, projection_dim=16,
            )
        )  # fmt: skip
        adapter = _adapter(unet)
    pipe = StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=_tokenizer(root), unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.save_pretrained(root / "base")
    vae.save_pretrained(root / "vae")
    vision.save_pretrained(root / "encoder")
    (root / "adapter").mkdir()
    save_file(adapter, root / "adapter" / "plus.safetensors")
    return {
        "base": str(root / "base"), "vae": str(root / "vae"), "image_encoder": str(root / "encoder"),
        "adapter": str(root / "adapter"), "adapter_file": "plus.safetensors",
    }  # fmt: skip


def _tokenizer(root: Path):
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    words = ["<|startoftext|>", "<|endoftext|>", "ab", *letters, *(f"{letter}</w>" for letter in letters)]
    (root / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (root / "merges.txt").write_text("#version: 0.2\na b\n")
    return CLIPTokenizer(str(root / "vocab.json"), str(root / "merges.txt"), model_max_length=77)


def _adapter(unet: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Random weights under the names of the released files."""
    from diffusers.models.embeddings import IPAdapterFaceIDPlusImageProjection

    projection = IPAdapterFaceIDPlusImageProjection(
        embed_dims=WIDTH, output_dims=WIDTH, hidden_dims=SEEN, heads=1, id_embeddings_dim=512
    )
    own = projection.state_dict()
    named = {}
    for name, value in own.items():
        if name.startswith("proj.net."):
            named["proj." + name.removeprefix("proj.net.").replace("0.proj.", "0.")] = value
        elif name.startswith("norm."):
            named[name] = value
        elif ".attn.to_v." not in name:
            number, rest = name.split(".", 2)[1:] if name.startswith("layers.") else ("", name)
            if ".attn.to_k." in name:
                value, rest = torch.cat([value, own[name.replace("to_k", "to_v")]]), "attn.to_kv.weight"
            for ours, theirs in (
                ("ln0.", "0.norm1."), ("ln1.", "0.norm2."), ("attn.to_out.0.", "0.to_out."), ("attn.", "0."),
                ("ff.1.net.0.proj.", "1.1."), ("ff.1.net.2.", "1.3."), ("ff.0.", "1.0."),
            ):  # fmt: skip
                if number and rest.startswith(ours):
                    rest = theirs + rest.removeprefix(ours)
                    break
            named["perceiver_resampler." + (f"layers.{number}.{rest}" if number else rest)] = value
    weights = {f"image_proj.{name}": value for name, value in named.items()}
    for number, name in enumerate(unet.attn_processors):
        attention = unet.get_submodule(name.removesuffix(".processor"))
        for part, layer in (
            ("k", attention.to_k), ("q", attention.to_q), ("v", attention.to_v), ("out", attention.to_out[0]),
        ):  # fmt: skip
            weights[f"ip_adapter.{number}.to_{part}_lora.down.weight"] = 0.1 * torch.randn(2, layer.in_features)
            weights[f"ip_adapter.{number}.to_{part}_lora.up.weight"] = 0.1 * torch.randn(layer.out_features, 2)
        if ".attn2." in name:
            for part, layer in (("k", attention.to_k), ("v", attention.to_v)):
                weights[f"ip_adapter.{number}.to_{part}_ip.weight"] = torch.randn_like(layer.weight)
    return {name: value.contiguous().clone() for name, value in weights.items()}
