"""The extension of Sphinx that makes the site, and what it draws."""
