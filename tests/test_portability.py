"""Nothing that Windows or macOS would stumble over, as far as the source shows it."""

import ast
import re

from segmentation.build import ROOT

TOPS = ["segmentation", "benchmarks", "data", "tests"]
SOURCES = [*ROOT.glob("*.py"), *(path for top in TOPS for path in (ROOT / top).rglob("*.py"))]
NODES = [
    (path.relative_to(ROOT).as_posix(), node)
    for path in SOURCES
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
]

#: Modules that Windows lacks, and what it lacks of `os` and `signal`. There, `os.rename` does not
#: replace a file: `os.replace` does everywhere.
UNIX_MODULES = r"(?:crypt|fcntl|grp|posix|pty|pwd|resource|syslog|termios)"
UNIX_NAMES = (
    r"os\.(?:fork\w*|gete?[ug]id|getpg\w+|killp?g?|mkfifo|nice|O_\w+|rename|set\w*id|uname|wait\w*)"
    r"|signal\.(?:SIG(?!INT|TERM|_)\w+|alarm|setitimer)"
)
#: In a text stand the code of other processes, and places that other systems do not have.
IN_TEXT = rf"(?m)^import {UNIX_MODULES}$|\A/(?:tmp|dev|var)\b"


def is_unix_only(node):
    match node:
        case ast.Import(names=names):
            return any(re.fullmatch(UNIX_MODULES, alias.name) for alias in names)
        case ast.ImportFrom(module=str(module)):
            return re.fullmatch(UNIX_MODULES, module)
        case ast.Attribute():
            return re.fullmatch(UNIX_NAMES, ast.unparse(node))
        case ast.Constant(value=str(text)):
            return re.search(IN_TEXT, text)
    return False


def lacks_encoding(node):
    """Say whether a call reads or writes text as the machine has it, which may not be UTF-8."""
    if not isinstance(node, ast.Call) or "encoding" in [word.arg for word in node.keywords]:
        return False
    name = ast.unparse(node.func)
    # files.write_text is our own, in UTF-8; archives open bytes.
    if name.startswith(("files.", "archive.")):
        return False
    if name == "open" or name.endswith(".open"):
        modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        return not any("b" in str(mode) for mode in modes)
    return name.endswith((".read_text", ".write_text"))


def test_nothing_that_unix_alone_has():
    assert [(path, ast.unparse(node)) for path, node in NODES if is_unix_only(node)] == []


def test_text_is_read_and_written_in_an_encoding():
    assert [(path, node.lineno) for path, node in NODES if lacks_encoding(node)] == []
