"""What a stored notebook holds beside its cells."""

import base64
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


def tagged_picture(notebook, tag):
    """Return the PNG bytes that the cell with this tag drew."""
    for cell in notebook["cells"]:
        if tag in cell["metadata"].get("tags", []):
            for output in cell["outputs"]:
                if "image/png" in output.get("data", {}):
                    data = output["data"]["image/png"]
                    return base64.b64decode("".join(data))
    raise ValueError(f"tag: expected a cell {tag!r} with a picture, got none")
