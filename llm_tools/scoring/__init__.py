"""How a language model's words become scores: one sticker at a time, or many in one order."""

from llm_tools.scoring.cache import AnswerCache
from llm_tools.scoring.listwise import Listwise
from llm_tools.scoring.pointwise import Pointwise
from llm_tools.scoring.stats import ScorerStats

__all__ = ["AnswerCache", "Listwise", "Pointwise", "ScorerStats"]
