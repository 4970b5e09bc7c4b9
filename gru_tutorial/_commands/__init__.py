"""Parts of the command line: its flags, its ends, and further commands."""
