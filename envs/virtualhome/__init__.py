"""VirtualHome's household activities as a text environment: an own engine of the simulator's rules, on its data."""
