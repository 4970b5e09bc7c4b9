"""Tests of the site: of what makes it, and of its pages in a browser."""
