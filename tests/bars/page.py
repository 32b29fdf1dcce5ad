"""Tables of a page, docs/performance.md above all, each between <!-- NAME --> and <!-- end -->."""
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/performance.md"


def write_table(name, lines, page=PAGE):
    """Puts `lines` in the place of the table `name`; there has to be one."""
    text, count = re.subn(f"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)",
                          lambda found: found[1] + "\n".join(lines) + "\n" + found[2],
                          page.read_text(), flags=re.S)
    if count != 1:
        raise SystemExit(f"{page} has {count} places for the table {name}")
    page.write_text(text)
