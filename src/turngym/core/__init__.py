"""What every other folder stands on: types, samples, the registry, seeds and run files."""
