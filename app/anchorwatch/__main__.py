"""`anchorwatch` and `python -m anchorwatch`."""

import sys

from anchorwatch.cli import run


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
