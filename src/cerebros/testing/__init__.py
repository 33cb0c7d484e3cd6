"""For tests of new parts: random plans, and what every store must do.

Needs the extra `test`; nothing else in the package imports this folder.
"""

from typing import TYPE_CHECKING, Any

try:
    import hypothesis  # noqa: F401
    import pytest
except ImportError as error:
    raise ImportError(
        f"cerebros.testing needs {error.name}; install it with "
        "`pip install 'cerebros[test]'`"
    ) from error

from cerebros.testing._plans import plans as plans

if TYPE_CHECKING:
    from cerebros.testing._store_contract import OpenStore as OpenStore
    from cerebros.testing._store_contract import StoreContract as StoreContract

_CONTRACTS = {"OpenStore", "StoreContract"}
pytest.register_assert_rewrite("cerebros.testing._store_contract")


def __getattr__(name: str) -> Any:
    if name in _CONTRACTS:
        from cerebros.testing import _store_contract

        return getattr(_store_contract, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
