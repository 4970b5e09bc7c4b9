"""What runs, checks and compares the notebooks, beside the package."""
