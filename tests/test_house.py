"""The house: imports run one way, and nothing of the package needs the script."""

import ast
from graphlib import TopologicalSorter

from segmentation.build import ROOT

PACKAGE = ROOT / "segmentation"


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py")}
MODULES["embedding_creation"] = ROOT / "embedding_creation.py"


def imports_of(path):
    """Return the modules of this repository that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            # What is no module is a name of the package itself.
            names |= submodules & MODULES.keys() or {node.module}
    return names & MODULES.keys()


def test_imports_have_no_circle():
    # static_order raises CycleError, which names the circle.
    order = list(TopologicalSorter({n: imports_of(p) for n, p in MODULES.items()}).static_order())
    assert set(order) == set(MODULES)


def test_nothing_imports_the_script():
    assert [n for n, path in MODULES.items() if "embedding_creation" in imports_of(path)] == []


def test_a_table_asks_nothing_of_roles():
    assert "segmentation.customers.roles" not in imports_of(MODULES["segmentation.customers.table"])


def test_no_private_module_of_scikit_learn_is_used():
    private = set()
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias}" for alias in names]
            elif not isinstance(node, ast.Import):
                continue
            private |= {(name, n) for n in names if n.startswith("sklearn.") and "._" in n}
    assert private == set()
