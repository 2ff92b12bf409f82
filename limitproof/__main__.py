"""`python -m limitproof`."""

from limitproof.cli import begin

if __name__ == "__main__":
    begin()
