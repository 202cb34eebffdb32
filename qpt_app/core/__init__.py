"""The runtime library: decode, preprocess, model file, scorer. No Qt, no Typer."""
