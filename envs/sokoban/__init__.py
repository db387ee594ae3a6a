"""Sokoban: rooms and their rules (`room`), levels from a seed (`generator`), plans (`solver`), pictures (`picture`)."""
