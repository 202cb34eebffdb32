"""What the person decided: ratings, XMP, journal, file operations. Never the model."""
