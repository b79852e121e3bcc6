"""Stages that train and judge models."""

from __future__ import annotations

from assets.stage import Stage

__all__ = ["STAGES"]

STAGES: list[Stage] = []
