"""Fictitious people: culturally consistent records whose values belong to no real person."""

from __future__ import annotations

from salmubench.generator.personas.sampling import Persona, sample_personas
from salmubench.generator.personas.territories import TERRITORIES

__all__ = ["TERRITORIES", "Persona", "sample_personas"]
