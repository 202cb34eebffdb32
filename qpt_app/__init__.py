"""qpt: blind photo-quality assessment (runtime library, command line, desktop program)."""

__version__ = "0.1.0"
