"""Tests of the tools around the notebooks, and of the workflows."""
