"""A Sokoban room as a picture of 16 by 16 pixel tiles, and the room back from such a picture."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from turngym.envs.sokoban.room import SYMBOLS

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

TILE = 16

SAND, SHADE, BRICK, LIGHT, MORTAR = (
    (226, 208, 172),
    (212, 192, 154),
    (164, 88, 66),
    (188, 110, 84),
    (92, 60, 54),
)
RED, WOOD, PLANK, EDGE = (206, 44, 44), (196, 136, 62), (222, 166, 88), (108, 66, 26)
LEAF, GRASS, MOSS = (70, 156, 74), (112, 196, 104), (26, 84, 44)
SKIN, BLUE, DARK = (246, 206, 164), (44, 92, 186), (28, 34, 58)

_row, _column = np.mgrid[:TILE, :TILE]
_y, _x = _row - 7.5, _column - 7.5


def picture(text: str, scale: int = 1) -> Image:
    """The picture of a room's text: uint8 [16 * scale * rows, 16 * scale * columns, 3]."""
    signs = np.array([[SYMBOLS.index(sign) for sign in line.split()] for line in text.splitlines()])
    tiles = _tiles(scale)[signs]  # [rows, columns, side, side, 3]
    rows, columns, side = tiles.shape[:3]
    return np.ascontiguousarray(tiles.swapaxes(1, 2)).reshape(rows * side, columns * side, 3)


def read_picture(image: Image, scale: int = 1) -> str:
    """The room's text that `picture` drew. Raises `ValueError` where a part is none of the tiles."""
    side = TILE * scale
    rows, columns = image.shape[0] // side, image.shape[1] // side
    cut = image.reshape(rows, side, columns, side, 3).swapaxes(1, 2)
    same = (cut[:, :, None] == _tiles(scale)).all(axis=(3, 4, 5))  # [rows, columns, signs]
    if not same.any(axis=2).all():
        raise ValueError(f"a part of the picture is no tile of scale {scale}")
    return "\n".join(" ".join(SYMBOLS[sign] for sign in row) for row in same.argmax(axis=2))


@lru_cache(maxsize=8)
def _tiles(scale: int) -> Image:
    """One tile for each of `SYMBOLS`: [7, 16 * scale, 16 * scale, 3]."""
    drawn = np.stack([draw() for draw in _DRAWN])
    return drawn.repeat(scale, axis=1).repeat(scale, axis=2)


def _fill(colour: Colour) -> Image:
    return np.full((TILE, TILE, 3), colour, np.uint8)


def _wall() -> Image:
    tile, joint = _fill(BRICK), np.where(_row // 4 % 2, 7, 15)
    tile[_row % 4 == 0] = LIGHT
    tile[(_row % 4 == 3) | (_column == joint)] = MORTAR
    return tile


def _floor() -> Image:
    tile = _fill(SAND)
    tile[(_row == TILE - 1) | (_column == TILE - 1)] = SHADE
    return tile


def _target() -> Image:
    tile, far = _floor(), abs(_x) + abs(_y)
    tile[(far >= 5) & (far <= 7) | (far <= 1)] = RED
    return tile


def _crate(wood: Colour, plank: Colour, edge: Colour) -> Image:
    tile, out = _floor(), np.maximum(abs(_x), abs(_y))
    tile[out < 7] = wood
    tile[(out < 5) & (_row % 3 != 1)] = plank
    tile[(out < 5) & (abs(abs(_x) - abs(_y)) < 0.5) & (_x * _y > 0)] = edge
    tile[(out > 6) & (out < 7) | (out == 4.5)] = edge
    return tile


def _player(ground: Image) -> Image:
    """A figure from above the ground: cap, face, coat, boots."""
    tile = ground.copy()
    tile[(abs(_x) < 5 - abs(_y - 3) / 3) & (abs(_y - 3) < 3)] = BLUE
    tile[(abs(_x) > 1) & (abs(_x) < 4) & (_row > 12) & (_row < 15)] = DARK
    tile[_x**2 + (_y + 3) ** 2 < 15] = SKIN
    tile[(_x**2 + (_y + 3) ** 2 < 15) & (_row < 3)] = DARK
    tile[(abs(abs(_x) - 1.5) < 0.5) & (_row == 5)] = DARK
    return tile


_DRAWN: tuple[Callable[[], Image], ...] = (
    _wall,
    _floor,
    _target,
    lambda: _crate(WOOD, PLANK, EDGE),
    lambda: _crate(LEAF, GRASS, MOSS),
    lambda: _player(_floor()),
    lambda: _player(_target()),
)
"""In the order of `SYMBOLS`."""
