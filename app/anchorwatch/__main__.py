"""`anchorwatch` and `python -m anchorwatch`."""

import sys

from anchorwatch.cli import launch


def main() -> None:
    sys.exit(launch(sys.argv[1:]))


if __name__ == "__main__":
    main()
