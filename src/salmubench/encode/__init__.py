"""Encode a dataset once per model: pictures and texts to unit vectors on disk."""

from salmubench.encode.config import EncodeConfig
from salmubench.encode.encode import encode

__all__ = ["EncodeConfig", "encode"]
