"""TextWorld (Côté et al., 2018) in its own engine: games made from seeds, and game files that one has."""
