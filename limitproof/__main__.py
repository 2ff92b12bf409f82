"""`python -m limitproof`."""

from limitproof.cli import main

if __name__ == "__main__":
    main()
