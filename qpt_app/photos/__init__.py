"""Use cases over photos: scan, cache, score, rank, export. No Qt, no Typer, no torch."""
