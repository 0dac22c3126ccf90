from dataclasses import dataclass

from mlopt.core.errors import UserError
from mlopt.core.trial import Measurement
from mlopt.evaluator.unexecuted import Unexecuted
from mlopt.protocols import SizedProgram


@dataclass(frozen=True)
class Lean(Unexecuted):
    """Says of a program how many bytes of machine code it is; runs nothing."""

    def evaluate(self, program, workload, best):
        if not isinstance(program, SizedProgram):
            raise UserError("evaluator=lean needs a backend that makes machine code, such as backend=mlir")
        program.load()
        return Measurement(metrics={"cost": float(program.code_bytes())})
