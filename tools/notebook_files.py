"""What a stored notebook holds beside its cells."""

import hashlib

# Metadata that editors add to cells, and that no reader needs.
NOT_KEPT = ("collapsed", "execution", "ExecuteTime", "scrolled", "vscode")


def source_digest(notebook):
    """Return a digest of the code that the outputs were made from."""
    digest = hashlib.sha256()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:16]
