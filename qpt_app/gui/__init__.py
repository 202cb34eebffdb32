"""The desktop program: the only place that imports Qt."""
