"""Run the command as `python -m skdeepcluster`."""

from skdeepcluster.cli import main

if __name__ == "__main__":
    main()
