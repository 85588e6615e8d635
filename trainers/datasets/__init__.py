"""Data to train rankers on: conversations with candidates, and stickers as pixels."""

from trainers.datasets.ranking import RankingData, RankingSample, StickerImages, TeacherOutputs

__all__ = ["RankingData", "RankingSample", "StickerImages", "TeacherOutputs"]
