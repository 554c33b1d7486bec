"""Folders of the checkout, so that a test file can move without counting its parents."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
GOLDEN = ROOT / "tests" / "golden"
LAW = ROOT / "tests" / "scenarios" / "law"
