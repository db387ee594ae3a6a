"""Engines by name: what samples tokens for the agents."""

from __future__ import annotations

from turngym.core.registry import Registry

registry = Registry("engines")
registry.register("scripted", "turngym.agents.engines.scripted:ScriptedEngine")
registry.register("hf", "turngym.agents.engines.hf:HFEngine", extra="train")
registry.register("http", "turngym.agents.engines.http:HTTPChat", extra="http")
registry.register("http_tokens", "turngym.agents.engines.http:HTTPTokens", extra="http")
registry.register("vllm", "turngym.agents.engines.vllm:VLLMEngine", extra="vllm")
registry.register("vllm_server", "turngym.agents.engines.vllm_server:VLLMServer", extra="http")
