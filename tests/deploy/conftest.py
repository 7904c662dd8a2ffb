"""What the installed Airflow can be told."""

import pytest

from tests.local.test_components import airflow_options


@pytest.fixture(scope="session")
def options(tmp_path_factory):
    """Section to options of Airflow and its providers."""
    return airflow_options(tmp_path_factory.mktemp("airflow"))
