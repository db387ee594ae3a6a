"""A gym and trainer for language-model agents in which credit assignment is a plug-in."""

__version__ = "0.1.0"
