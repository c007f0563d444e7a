"""`python -m data_integration_architect` is the command."""

from data_integration_architect.cli import main

if __name__ == "__main__":
    main()
