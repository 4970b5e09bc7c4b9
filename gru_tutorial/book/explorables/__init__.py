"""Figures that answer to the reader, without a kernel.

Each is a pair: its numbers in Python, which tests and chapters can call, and
its drawing in JavaScript, which computes them again in the browser. A test in
``tests/site`` drives the second and compares it with the first.
"""
