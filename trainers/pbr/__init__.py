"""Training PBR (Perceive before Respond): alignment, matching, distillation, topic contrast, hard mining."""

from trainers.pbr.config import PBRConfig, PBRLosses

__all__ = ["PBRConfig", "PBRLosses"]
