"""Finding out what is wrong with an installation or a library, and repairing what can be repaired."""

from retriever.doctor.checkup import checkup
from retriever.doctor.finding import Finding
from retriever.doctor.repair import repair

__all__ = ["Finding", "checkup", "repair"]
