"""Which operators are drawn, and how: rows that the files of operators/ add."""
import importlib
import pathlib

ROWS = {}  # by (domain, operator): a function from Draw to Case


def operators(names, domain=""):
    """A decorator: the function draws a case of each of the operators named."""
    def add(draw):
        for name in names.split():
            assert (domain, name) not in ROWS, name
            ROWS[(domain, name)] = draw
        return draw
    return add


def load():
    for path in sorted((pathlib.Path(__file__).parent / "operators").glob("*.py")):
        importlib.import_module(f"operators.{path.stem}")
    return ROWS
