"""The words of the generated catalogue: what is on sale, by category."""

from __future__ import annotations

from turngym.envs.webshop.vocabulary import beauty, electronics, fashion, garden, grocery

KINDS = (*beauty.KINDS, *electronics.KINDS, *fashion.KINDS, *garden.KINDS, *grocery.KINDS)
