"""For pages only: notebook helpers, stored results, plots, the panel.

Nothing of the library imports these modules.
"""
