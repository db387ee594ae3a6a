"""Bridges: turngym's environments for others' programs, and others' environments as turngym's."""
