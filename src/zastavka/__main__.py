"""`python -m zastavka`: the command, where no script of it is on the path."""

from zastavka.cli import main

main()
