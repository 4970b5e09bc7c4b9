"""Figures that answer to the reader, without a kernel.

Each is a pair: JavaScript that computes and draws in the browser, and the same
numbers in Python. A test in ``tests/site`` drives the first and compares it
with the second.
"""
