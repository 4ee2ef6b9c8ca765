"""Invented people: culturally consistent records whose every value can belong to nobody."""

from __future__ import annotations

from salmubench.dataset.personas.record import Gender, Persona
from salmubench.dataset.personas.sampling import sample_personas
from salmubench.dataset.personas.territories import TERRITORIES

__all__ = ["TERRITORIES", "Gender", "Persona", "sample_personas"]
