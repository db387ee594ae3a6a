"""Procedural tasks of reasoning-gym."""
