"""The text tower on texts that begin alike: what they share is computed once.

Attention is causal: what becomes of a token depends on the tokens before it alone. So sorted texts are a tree, to which
each adds the tokens behind what it shares with the text before it. Norms, projections and MLPs, most of the work, run
over the tokens of the tree, and only attention over whole texts. As the feature is read at the end token, the last
block needs no more than the queries and the MLP of end tokens.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def can_share(module: Any) -> bool:
    """Whether the text tower consists of open_clip's plain blocks, whose attention is PyTorch's."""
    blocks = getattr(module.transformer, "resblocks", ())
    return len(blocks) > 0 and all(
        f"{type(block).__module__}.{type(block).__name__}" == "open_clip.transformer.ResidualAttentionBlock"
        and type(block.attn) is nn.MultiheadAttention
        for block in blocks
    )


def encode_sorted(module: Any, *texts: Tensor) -> Tensor:
    """Encode texts as `open_clip.CLIP.encode_text` does.

    Args:
        module: an `open_clip.CLIP` that `can_share`, with a causal mask and pooling at the end token.
        texts: int64 (n, L), n > 0, each; the end token has the largest number of its text. The order is free, but only
            what a text shares with the one before it in the same tensor is saved.

    Returns:
        float (n of all, d), not normalised.
    """
    trees = [_tree(text) for text in texts]
    # One look-up for all: each look-up costs a gradient as large as the whole vocabulary.
    embedded = module.token_embedding(torch.cat([tree.tokens for tree in trees]))
    parts = embedded.split([len(tree.tokens) for tree in trees])
    return torch.cat([_encode(module, tree, part) for tree, part in zip(trees, parts, strict=True)])


def _encode(module: Any, tree: _Tree, embedded: Tensor) -> Tensor:
    _, row, column, path, ends = tree
    texts, blocks = torch.arange(len(ends), device=ends.device), module.transformer.resblocks
    dtype, length = module.transformer.get_cast_dtype(), path.shape[1]
    x = embedded.to(dtype) + module.positional_embedding[column].to(dtype)  # (tokens, width)
    mask = module.attn_mask[:length, :length]
    for block in blocks:
        q, k, v = _heads(block.attn, block.ln_1(x), path)  # (n, heads, L, width / heads) each
        if block is blocks[-1]:  # from here on end tokens alone: one query a text
            x, q, mask = x[path[texts, ends]], q[texts, :, ends].unsqueeze(2), mask[ends][:, None, None]
            row, column = texts, torch.zeros_like(texts)
        weights = ((q * q.shape[-1] ** -0.5) @ k.mT).add_(mask).softmax(dim=-1)  # (n, heads, queries, L)
        attended = (weights @ v).transpose(1, 2)[row, column].flatten(1)  # (tokens, width)
        x = x + block.ls_1(block.attn.out_proj(attended))
        x = x + block.ls_2(block.mlp(block.ln_2(x)))
    return project(module, x)


class _Tree(NamedTuple):
    """Texts as a tree.

    Attributes:
        tokens: int64 (tokens,).
        row: int64 (tokens,): of the text that adds a token.
        column: int64 (tokens,): the token's place in the text.
        path: int64 (n, L): which token of the tree each token is; any behind a text's end.
        ends: int64 (n,): place of the end tokens.
    """

    tokens: Tensor
    row: Tensor
    column: Tensor
    path: Tensor
    ends: Tensor


def _tree(text: Tensor) -> _Tree:
    """The tree of texts (n, L)."""
    ends = text.argmax(dim=-1)
    text = text[:, : int(ends.max()) + 1]
    behind = torch.arange(text.shape[1], device=text.device) > ends[:, None]
    text = text.masked_fill(behind, -1)
    shared = torch.zeros_like(behind)
    shared[1:] = (text[1:] == text[:-1]).cumprod(dim=1).bool()
    new = ~(shared | behind)
    row, column = new.nonzero(as_tuple=True)
    path = torch.zeros_like(text)
    path[row, column] = torch.arange(len(row), device=text.device)
    # The tokens of the tree are numbered text by text: a shared place holds the latest before it.
    return _Tree(text[row, column], row, column, path.cummax(dim=0).values, ends)


def project(module: Any, x: Tensor) -> Tensor:
    """From what the transformer makes of the end tokens, (b, width), to features (b, d).

    Normalising the end token alone is the same as normalising all and picking it.
    """
    features: Tensor = module.ln_final(x)
    projection = module.text_projection
    if isinstance(projection, nn.Linear):
        features = projection(features)
    elif projection is not None:
        features = features @ projection
    return features


def _heads(attention: nn.MultiheadAttention, x: Tensor, path: Tensor) -> Tensor:
    """Queries, keys and values (3, n, heads, L, width / heads) of tokens (tokens, width) along paths (n, L)."""
    parts = 3 * attention.num_heads
    projected = F.linear(x, attention.in_proj_weight, attention.in_proj_bias)  # (tokens, 3 · width)
    places = path[:, None] * parts + torch.arange(parts, device=x.device).view(3, 1, -1, 1)  # (3, n, heads, L)
    return F.embedding(places, projected.view(-1, projected.shape[1] // parts))
