"""The degradation space: operators, chains, the batched executor."""
