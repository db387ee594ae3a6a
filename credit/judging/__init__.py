"""Judges: a model that reads an episode and says how good it, or each of its turns, is."""

from __future__ import annotations

from turngym.core.registry import Registry

registry = Registry("judges")
"""What runs a judge's model, by name: a factory of a `turngym.credit.judging.ask.Model`."""
registry.register("endpoint", "turngym.agents.judge_model:Endpoint")
