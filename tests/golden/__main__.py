"""``python -m tests.golden``; the rest of it is a module of its own, which other processes can import."""

from tests.golden.command import main

if __name__ == "__main__":
    raise SystemExit(main())
