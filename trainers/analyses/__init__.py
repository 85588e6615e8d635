"""PBR's analyses as pictures: sentiment intensity (figure 5), t-SNE (figure 4), attention (figure 6)."""

from trainers.analyses.attention import attention_maps
from trainers.analyses.intensity import intensity_curves
from trainers.analyses.subjects import Subject, open_subjects
from trainers.analyses.tsne import sticker_map

__all__ = ["Subject", "attention_maps", "intensity_curves", "open_subjects", "sticker_map"]
