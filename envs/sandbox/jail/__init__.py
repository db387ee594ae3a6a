"""What runs on the other side: the process that locks itself in and then runs the given code.

These modules are loaded by a bare interpreter (`main.py` says how) and import the standard library only.
"""
