"""The emotion teacher of distillation: a classifier of images, anchors of its features, what it says."""

from trainers.teacher.config import TeacherConfig

__all__ = ["TeacherConfig"]
