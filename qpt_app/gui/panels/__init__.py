"""The panels beside the photos."""
