"""The commands of `turngym`; each imports what it needs when it runs."""
