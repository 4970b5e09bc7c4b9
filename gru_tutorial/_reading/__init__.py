"""What ``files.read_series`` consists of: bytes, cells, times, and steps."""
