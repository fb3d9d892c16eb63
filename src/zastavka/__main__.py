"""`python -m zastavka`: the command, where no script of it is on the path."""

from zastavka.cli import main

if __name__ == "__main__":  # processes that are spawned import this too
    main()
