import pytest

# pytest explains the assertions of test modules only, unless it is told.
pytest.register_assert_rewrite("tools.measure.login")
