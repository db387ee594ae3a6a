"""Games and reasoning tasks of GEM."""
