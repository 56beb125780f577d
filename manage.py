#!/usr/bin/env python
"""The command line of nullstore: Django's, with errors of ours printed without a traceback."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nullstore.settings")
    from django.core.management import execute_from_command_line

    from nullstore.exceptions import NullstoreError

    try:
        execute_from_command_line(sys.argv)
    except NullstoreError as error:
        # Reached from Django's own commands and from settings; commands of ours catch it earlier.
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
