"""How the command line ends."""

from __future__ import annotations

from collections.abc import Sequence

DONE, BUG, USAGE, UNREADABLE, TOO_LITTLE, UNWRITTEN, DIVERGED = range(7)
STOPPED = 130
CODES = f"""exit codes:
  {DONE}    done
  {BUG}    a fault of this program: please report what is printed
  {USAGE}    the command line is not understood
  {UNREADABLE}    the file is not read: the message says row, column, repair
  {TOO_LITTLE}    the file is read, but too short, or constant
  {UNWRITTEN}    an output cannot be written, or a model cannot be loaded
  {DIVERGED}    training diverged: a value is far from all others
  {STOPPED}  stopped by you"""


class Stop(Exception):
    """An end with an exit code and words for stderr."""

    def __init__(self, code: int, message: str, problems: Sequence = ()):
        super().__init__(message)
        self.code, self.problems = code, problems
