"""The command `cerebros`: arguments in, the settings objects of the package out.

Asking for help loads nothing heavy: a command's file is imported when it runs.
"""

from cerebros.cli._main import main as main
