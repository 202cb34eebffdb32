"""Data sets, splits and manifests."""
