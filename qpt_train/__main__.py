"""`python -m qpt_train`, which is also what torchrun starts."""

from qpt_train.cli import run

if __name__ == "__main__":
    run()
