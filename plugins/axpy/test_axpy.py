import pytest

from mlopt.core.errors import UserError
from mlopt.testing import WorkloadContract

from . import Axpy


class TestAxpy(WorkloadContract):
    def make(self):
        return Axpy(n=1000, alpha=-1.5)

    def mistakes(self):
        return [lambda: Axpy(n=0)]


def test_a_vector_without_elements_is_a_mistake():
    with pytest.raises(UserError, match="n=0"):
        Axpy(n=0)
