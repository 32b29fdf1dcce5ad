"""Which operators are drawn, and how: rows that the files of operators/ add."""
import importlib
import pathlib

ROWS = {}  # by (domain, operator): a function from Draw to Case


def operators(names, domain=""):
    """A decorator: the function draws a case of each of the operators named. Where there is one
    for an operator already, either of them draws."""
    def add(draw):
        for name in names.split():
            key = (domain, name)
            ROWS[key] = either(ROWS[key], draw) if key in ROWS else draw
        return draw
    return add


def either(first, second):
    return lambda d: (first if d.chance(2) else second)(d)


def load():
    for path in sorted((pathlib.Path(__file__).parent / "operators").glob("*.py")):
        importlib.import_module(f"operators.{path.stem}")
    return ROWS
