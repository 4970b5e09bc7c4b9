"""What ``verdict.judge`` consists of: parts of time, rivals, a network."""
